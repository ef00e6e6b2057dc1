"""Forward-facing scenes are deep: what a mask spills on far behind must not send the views away."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sa3d_blender.core.cameras import Camera, read_transforms
from sa3d_blender.core.mesh import MeshData
from sa3d_blender.core.prompted_view import PromptedView
from sa3d_blender.core.prompts import Prompt
from sa3d_blender.core.settings import FieldOptions, MeshSettings, SegmentSettings
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.protocol import RadianceField
from sa3d_blender.engine.fields.spaces.ndc import with_training_camera
from sa3d_blender.engine.mask_grids.mask_grid import region_shape
from sa3d_blender.engine.mask_grids.regions import region_of_target, side_lengths
from sa3d_blender.engine.meshing.surface import extract_mesh
from sa3d_blender.engine.run import Run
from sa3d_blender.engine.segmentation import pipeline
from sa3d_blender.engine.segmentation.artist_start import start_objects, target_of
from sa3d_blender.engine.segmentation.first_meshes import FirstMeshes
from sa3d_blender.engine.segmentation.one_view import Segmentation
from sa3d_blender.engine.view_path.prepared_views import PreparedViews
from sa3d_blender.engine.view_path.stand import photographers_stand
from sa3d_blender.engine.view_path.views import Target, plan_views
from tests.support.made_up_fields import BallBeforeAFarWall
from tests.support.scripted_segmenter import ScriptedSegmenter

SHELF = Path(__file__).resolve().parents[2] / "data" / "shelf"
BALL, RADIUS = np.array([0.1, -0.1, -2.0]), 0.3
SETTINGS = SegmentSettings(views=12, view_size=96, grid_resolution=48)


def camera(size: int = 144) -> Camera:
    """Where the average photograph was taken."""
    return Camera(size, size, size, size, size / 2, size / 2, np.eye(4))


def on_the_ball(size: int = 144) -> Prompt:
    x, y = camera(size).project(BALL[None])[0]
    return Prompt("ball", ((float(x) + 5, float(y)),), (1,))


def test_the_views_stay_with_the_photographers_and_the_object_fills_them() -> None:
    field = BallBeforeAFarWall()
    picture = PromptedView(camera(), (on_the_ball(),))
    work = Segmentation(SETTINGS, PreparedViews(field, ScriptedSegmenter(), Run()))
    (started,) = start_objects(work, [picture])
    spilled = started.votes.masks[0].mean()
    assert spilled > 0.3, "the mask covers the wall, too"
    target = target_of(work, started, [picture])
    assert np.linalg.norm(target.center - BALL) < 0.3
    stand = photographers_stand(field, [])
    assert stand is not None
    views = plan_views(
        picture.camera, target, stand=stand, count=12, size=96, given=[], is_clear=lambda _: True
    )
    assert len(views) == 12
    for view in views:
        assert np.linalg.norm(view.origin) <= 0.31
        distance = np.linalg.norm(view.origin - BALL)
        assert 0.2 < 2 * RADIUS / distance * view.fl_x / view.width < 0.8
        assert np.abs(view.project(BALL[None])[0] / view.width - 0.5).max() < 0.15


def test_a_deep_region_keeps_its_nodes_across() -> None:
    field = BallBeforeAFarWall()
    lower, upper = torch.tensor([-0.2, -0.2, -0.5]), torch.tensor([0.2, 0.2, 0.99])
    x, y, z = region_shape(side_lengths(field, lower, upper), 96)
    assert min(x, y) >= 48
    assert z == 96


def test_a_region_that_reaches_behind_the_cameras_begins_at_the_near_plane() -> None:
    field = BallBeforeAFarWall()
    lower, upper = region_of_target(field, Target(np.array([0.0, 0.0, -1.5]), 1.2))
    assert float(lower[2]) == -1
    assert float(upper[2]) > 0.0


def test_a_run_in_a_deep_scene_ends_with_the_ball(tmp_path: Path) -> None:
    field, files = BallBeforeAFarWall(), list[dict[str, Path]]()
    run = Run(on_votes=FirstMeshes(tmp_path, files.append).visited)
    (found,), _ = pipeline.segment(
        field, ScriptedSegmenter(), camera(), [on_the_ball()], SETTINGS, run=run
    )
    first = MeshData.load(files[0]["ball"])
    for mesh in (extract_mesh(field, found, MeshSettings(resolution=48)), first):
        off = np.linalg.norm(mesh.vertices - BALL, axis=1)
        assert np.quantile(off, 0.5) < 2 * RADIUS
    assert len(files) == 1


@pytest.fixture(scope="module")
def shelf() -> RadianceField:
    known = read_transforms(SHELF / "transforms_train.json")
    options = with_training_camera(FieldOptions(), known[0])
    return load_field(SHELF / "shelf.th", options, device=torch.device("cpu"))


def test_a_guessed_stand_is_about_where_the_shelf_was_photographed(shelf: RadianceField) -> None:
    known = read_transforms(SHELF / "transforms_train.json")
    guessed, true = photographers_stand(shelf, []), photographers_stand(shelf, known)
    assert guessed is not None
    assert true is not None
    assert np.linalg.norm(guessed.center - true.center) < 0.1
    assert 0.7 < guessed.radius / true.radius < 1.4
