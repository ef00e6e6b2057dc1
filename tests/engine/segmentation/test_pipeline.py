"""The whole pipeline on the bundled scene, with exact masks in place of the segmenter's."""

from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from scipy import ndimage
from scipy.spatial import cKDTree

from sa3d_blender.core.cameras import read_transforms
from sa3d_blender.core.errors import Cancelled, UserError
from sa3d_blender.core.prompts import Prompt
from sa3d_blender.core.settings import FieldOptions, MeshSettings, SegmentSettings
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.protocol import RadianceField
from sa3d_blender.engine.mask_grids.result import SegmentedObject
from sa3d_blender.engine.meshing.mesh_clean import boundary_edges
from sa3d_blender.engine.meshing.surface import extract_mesh
from sa3d_blender.engine.parallel import one_core
from sa3d_blender.engine.rendering.render import View, render_view
from sa3d_blender.engine.run import Run
from sa3d_blender.engine.segmentation import pipeline
from sa3d_blender.engine.segmentation.object_votes import ObjectVotes
from sa3d_blender.engine.segmenters import load_segmenter
from sa3d_blender.engine.view_path.views import Target
from tests.support.ground_truth import Scene, id_picture, iou, load_scene
from tests.support.perfect_segmenter import PerfectSegmenter

DATA = Path(__file__).parents[2] / "data" / "tabletop"
NAMES = ("monkey", "donut", "box", "mug")
SMALL = SegmentSettings(views=14, view_size=128, grid_resolution=96)


@pytest.fixture(scope="module")
def field() -> RadianceField:
    return load_field(DATA / "tabletop.th", FieldOptions(), device=torch.device("cpu"))


@pytest.fixture(scope="module")
def scene() -> Scene:
    return load_scene(DATA / "gt")


@pytest.fixture(scope="module")
def test_views(field: RadianceField) -> list[View]:
    cameras = read_transforms(DATA / "transforms_test.json", size=(200, 200))
    return [render_view(field, camera, with_color=False) for camera in cameras]


def ids(frame: int) -> np.ndarray:
    return np.asarray(np.load(DATA / "gt" / "ids" / f"test_{frame}.npy"))


def mean_iou(entry: SegmentedObject, number: int, views: list[View]) -> float:
    pairs = enumerate(views)
    return float(np.mean([iou(entry.mask(view), ids(k) == number) for k, view in pairs]))


def one_click(number: int, name: str) -> Prompt:
    """A click on the pixel deepest inside the object in frame 0."""
    depth = ndimage.distance_transform_edt(np.pad(ids(0) == number, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return Prompt(name, ((float(column) + 0.5, float(row) + 0.5),), (1,))


def test_the_ground_truth_rasteriser_agrees_with_the_bundled_ids(scene: Scene) -> None:
    camera = read_transforms(DATA / "transforms_test.json", size=(200, 200))[3]
    assert (id_picture(scene, camera) == ids(3)).mean() > 0.999


@pytest.mark.slow
def test_exact_masks_from_spread_views_give_the_objects(
    field: RadianceField, scene: Scene, test_views: list[View]
) -> None:
    cameras = read_transforms(DATA / "transforms_train.json", size=(256, 256))[::3][:20]
    with one_core():
        views = {i: render_view(field, c, with_color=False) for i, c in enumerate(cameras)}
        masks = {i: id_picture(scene, c) for i, c in enumerate(cameras)}
        figures = []
        for name in NAMES:
            vertices = scene.meshes[name][0]
            center = vertices.mean(axis=0)
            target = Target(center, float(np.linalg.norm(vertices - center, axis=1).max()))
            prompt = Prompt(name, ((0.0, 0.0),), (1,))
            votes = ObjectVotes.start(prompt, SegmentSettings(), field, target)
            for i, view in views.items():
                votes.vote(i, view, masks[i] == scene.ids[name])
            assert votes.tighten(field, views)
            figures.append(mean_iou(votes.finished(field, views), scene.ids[name], test_views))
    assert np.mean(figures) >= 0.95, figures


@pytest.fixture(scope="module")
def mug(field: RadianceField, scene: Scene) -> SegmentedObject:
    """The mug from one click in one view; the views are the pipeline's own."""
    patch = pytest.MonkeyPatch()
    segmenter = PerfectSegmenter(scene)
    segmenter.watch(patch)
    camera = read_transforms(DATA / "transforms_test.json", size=(200, 200))[0]
    with one_core():
        found, report = pipeline.segment(field, segmenter, camera, [one_click(5, "mug")], SMALL)
    patch.undo()
    assert len(report) == SMALL.views
    assert sum(view["objects"]["mug"]["accepted"] for view in report) >= 10
    return found[0]


@pytest.mark.slow
def test_one_click_gives_the_mug(mug: SegmentedObject, test_views: list[View]) -> None:
    assert mean_iou(mug, 5, test_views) >= 0.9


@pytest.mark.slow
def test_the_mug_becomes_a_closed_mesh_in_its_place(
    field: RadianceField, scene: Scene, mug: SegmentedObject
) -> None:
    mesh = extract_mesh(field, mug, MeshSettings(resolution=96))
    vertices, faces = scene.meshes["mug"]
    truth = trimesh.Trimesh(vertices, faces, process=False)
    points = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).sample(8000, seed=1)
    wanted = truth.sample(8000, seed=1)
    assert (cKDTree(wanted).query(points)[0] < 0.04).mean() >= 0.85  # precision
    assert (cKDTree(points).query(wanted)[0] < 0.04).mean() >= 0.75  # recall
    middle = (mesh.vertices.min(axis=0) + mesh.vertices.max(axis=0)) / 2
    assert np.abs(middle - (vertices.min(axis=0) + vertices.max(axis=0)) / 2).max() < 0.05
    assert boundary_edges(mesh.faces) == 0
    assert mesh.colors.std(axis=0).max() > 5  # not one flat colour


@pytest.mark.slow
@pytest.mark.parametrize("name", ["monkey", "donut"])
def test_one_click_with_the_bundled_segmenter(
    field: RadianceField, scene: Scene, test_views: list[View], name: str
) -> None:
    """What the zip alone gives, from half the default number of views."""
    segmenter = load_segmenter("bundled", device=torch.device("cpu"))
    camera = read_transforms(DATA / "transforms_test.json", size=(200, 200))[0]
    prompt = one_click(scene.ids[name], name)
    found, _ = pipeline.segment(field, segmenter, camera, [prompt], SegmentSettings(views=12))
    assert mean_iou(found[0], scene.ids[name], test_views) >= 0.8


def test_a_cancelled_run_stops_before_the_next_view(
    field: RadianceField, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    segmenter = PerfectSegmenter(scene)
    segmenter.watch(monkeypatch)
    camera = read_transforms(DATA / "transforms_test.json", size=(64, 64))[0]
    prompt = Prompt("monkey", ((35.0, 26.0),), (1,))
    run = Run(is_cancelled=lambda: len(segmenter.cameras) >= 2)
    settings = SegmentSettings(views=8, view_size=48, grid_resolution=32)
    with pytest.raises(Cancelled):
        pipeline.segment(field, segmenter, camera, [prompt], settings, run=run)
    assert len(segmenter.cameras) == 2


def test_background_and_outside_points_are_refused(
    field: RadianceField, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    segmenter = PerfectSegmenter(scene)
    segmenter.watch(monkeypatch)
    camera = read_transforms(DATA / "transforms_test.json", size=(64, 64))[0]
    settings = SegmentSettings(views=2, view_size=48, grid_resolution=32)
    for point, word in (((2.0, 2.0), "background"), ((70.0, 20.0), "outside")):
        prompt = Prompt("x", (point,), (1,))
        with pytest.raises(UserError, match=word):
            pipeline.segment(field, segmenter, camera, [prompt], settings)


def test_the_reference_mode_is_the_papers() -> None:
    settings = pipeline.reference_settings(SegmentSettings(reference=True))
    assert settings.negative_weight == 0.15
    assert settings.min_weight == 0
    assert settings.prompt_rule == "confidence"
    assert settings.passes == 1
    assert not settings.gate
    assert not settings.skip_edges
