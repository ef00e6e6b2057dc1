"""Points of a whole field, and of an object while it is being cut out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from scipy.spatial import cKDTree

from sa3d_blender.core.cameras import Camera, read_transforms
from sa3d_blender.core.errors import Cancelled, UserError
from sa3d_blender.core.point_cloud import PointCloud
from sa3d_blender.core.prompts import Prompt
from sa3d_blender.core.settings import FieldOptions, SegmentSettings
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.protocol import RadianceField
from sa3d_blender.engine.rendering.point_cloud import evenly_spaced, sample_surface
from sa3d_blender.engine.rendering.render import render_view
from sa3d_blender.engine.run import Run
from sa3d_blender.engine.segmentation import pipeline
from sa3d_blender.engine.segmentation.coarse_objects import CoarseObjects
from sa3d_blender.engine.view_path.previews import Previews
from sa3d_blender.engine.view_path.training_views import known_cameras
from tests.support.fitted_fields import MAKERS, Ball
from tests.support.ground_truth import load_scene
from tests.support.perfect_segmenter import PerfectSegmenter

DATA = Path(__file__).parents[2] / "data"
CPU = torch.device("cpu")


def open_field(scene: str) -> RadianceField:
    return load_field(DATA / scene / f"{scene}.th", FieldOptions(), device=CPU)


@pytest.fixture(scope="module")
def field() -> RadianceField:
    return open_field("tabletop")


def surface(folder: Path, *names: str) -> np.ndarray:
    """Points on the ground truth's meshes: of some, or of all."""
    meshes = load_scene(folder / "gt").meshes
    found = []
    for name in names or meshes:
        mesh = trimesh.Trimesh(*meshes[name], process=False)
        found.append(trimesh.sample.sample_surface(mesh, 40_000, seed=1)[0])
    return np.concatenate(found)


def first_camera(scene: str, size: int = 200) -> Camera:
    return read_transforms(DATA / scene / "transforms_test.json", size=(size, size))[0]


@pytest.mark.parametrize(
    ("scene", "most_away", "covered"), [("tabletop", 0.03, 0.95), ("shelf", 0.1, 0.6)]
)
def test_points_lie_on_the_surfaces_and_cover_what_a_camera_sees(
    scene: str, most_away: float, covered: float
) -> None:
    field = open_field(scene)
    cloud = sample_surface(field, count=4000, seconds=60.0)
    assert 3000 < len(cloud.points) <= 4000
    wanted = surface(DATA / scene)
    beside = (cloud.points[:, :2] < wanted[:, :2].min(0)) | (
        cloud.points[:, :2] > wanted[:, :2].max(0)
    )  # the ground truth ends there, the NeRF does not
    away = cKDTree(wanted).query(cloud.points[~beside.any(axis=1)])[0]
    assert np.quantile(away, 0.75) < most_away
    view = render_view(field, first_camera(scene, 64), with_color=False)
    depth, solid = view.depth().numpy(), view.opacity().numpy() > 0.9
    seen = points_at(view.camera, depth)[solid]
    gaps = cKDTree(cloud.points).query(seen)[0]
    assert np.quantile(gaps, covered) < 2 * cloud.spacing


def points_at(camera: Camera, depth: np.ndarray) -> np.ndarray:
    rows, columns = np.mgrid[0 : camera.height, 0 : camera.width] + 0.5
    x, y = (columns - camera.cx) / camera.fl_x, (rows - camera.cy) / camera.fl_y
    local = np.stack([x, -y, -np.ones_like(x)], axis=-1)
    local *= (depth / np.linalg.norm(local, axis=-1))[..., None]
    matrix = camera.field_from_camera
    return np.asarray(local @ matrix[:3, :3].T + matrix[:3, 3])


def test_colors_are_those_of_the_picture(field: RadianceField) -> None:
    cloud = sample_surface(field, count=4000, seconds=60.0)
    camera = first_camera("tabletop")
    view = render_view(field, camera)
    column, row = camera.project(cloud.points).astype(int).clip(0, 199).T
    distance = np.linalg.norm(cloud.points - camera.origin, axis=1)
    seen = np.abs(view.depth().numpy()[row, column] - distance) < 0.02
    wanted = view.image().numpy()[row, column][seen]
    assert seen.sum() > 800
    assert np.abs(cloud.colors[seen] / 255 - wanted).mean() < 0.06


@pytest.mark.parametrize("kind", list(MAKERS))
def test_an_unbounded_field_is_sampled_in_its_own_frame(tmp_path: Path, kind: str) -> None:
    ball = Ball(np.array([0.1, -0.2, 0.15]), 0.35)
    path = MAKERS[kind](tmp_path, ball)
    field = load_field(path, FieldOptions(), device=CPU)
    for cameras in ((), known_cameras(field, path)):
        cloud = sample_surface(field, cameras, count=500, seconds=60.0)
        away = np.linalg.norm(cloud.points - ball.center, axis=1) - ball.radius
        assert len(cloud.points) > 300
        assert np.abs(away).mean() < 0.05
        assert np.abs(cloud.colors / 255 - ball.color).mean() < 0.1


def test_only_what_the_cameras_see_is_sampled(field: RadianceField) -> None:
    camera = first_camera("tabletop").cropped(80, 80, 120, 120, 40, 40)
    cloud = sample_surface(field, [camera], count=1000, seconds=60.0)
    pixels = camera.project(cloud.points)
    assert len(cloud.points) > 500
    assert ((pixels > -0.5) & (pixels < 40.5)).all()


def test_no_time_still_gives_points_and_a_cancel_none(field: RadianceField) -> None:
    assert len(sample_surface(field, seconds=0.0).points) > 300
    with pytest.raises(Cancelled):
        sample_surface(field, run=Run(is_cancelled=lambda: True))


def test_thinning_keeps_one_point_per_cell() -> None:
    points = np.random.default_rng(0).random((5000, 3)).astype(np.float32) * [1, 2, 0]
    kept, spacing = evenly_spaced(points.astype(np.float32), 300)
    assert 200 < len(kept) <= 300
    assert cKDTree(points[kept]).query(points)[0].max() < 1.5 * spacing
    assert len(evenly_spaced(points[:0].astype(np.float32), 300)[0]) == 0


def test_points_travel_in_a_file(tmp_path: Path) -> None:
    cloud = PointCloud(np.eye(3, dtype=np.float32), np.full((3, 3), 7, np.uint8), 0.5)
    path = tmp_path / "Käse 猫" / "points.npz"
    cloud.save(path)
    found = PointCloud.load(path)
    assert (found.points == cloud.points).all()
    assert (found.colors == cloud.colors).all()
    assert found.spacing == 0.5
    for points, colors in ((np.full((3, 3), np.nan), cloud.colors), (cloud.points, np.eye(3))):
        PointCloud(points.astype(np.float32), colors, 0.5).save(path)
        with pytest.raises(UserError, match="points of the wrong kind"):
            PointCloud.load(path)
    path.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(UserError, match="holds no points"):
        PointCloud.load(path)


@pytest.mark.slow
def test_an_objects_points_grow_into_the_object(
    field: RadianceField, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segmenter = PerfectSegmenter(load_scene(DATA / "tabletop" / "gt"))
    segmenter.watch(monkeypatch)
    written: list[PointCloud] = []

    paths: list[Path] = []

    def show(files: dict[str, Path]) -> None:
        written.append(PointCloud.load(files["mug"]))
        paths.append(files["mug"])

    run = Run(
        on_masks=Previews(tmp_path, {}, lambda path: None).show,
        on_votes=CoarseObjects(tmp_path, show).visited,
    )
    ids = np.load(DATA / "tabletop" / "gt" / "ids" / "test_0.npy")
    number = segmenter.scene.ids["mug"]
    row, column = np.median(np.argwhere(ids == number), axis=0)
    prompt = Prompt("mug", ((float(column) + 0.5, float(row) + 0.5),), (1,))
    settings = SegmentSettings(views=4, view_size=96, grid_resolution=64)
    pipeline.segment(field, segmenter, first_camera("tabletop"), [prompt], settings, run=run)
    assert len(written) == 4, "after views 1, 2, 4, and the fourth of the second pass"
    assert len(set(paths)) == 4, "who is still reading one is not disturbed by the next"
    mug = surface(DATA / "tabletop", "mug")
    for cloud in written:
        away = cKDTree(mug).query(cloud.points)[0]
        assert np.quantile(away, 0.9) < 0.05
    covered = [(cKDTree(c.points).query(mug)[0] < 0.05).mean() for c in written]
    assert covered[0] <= covered[1] < covered[2] <= covered[3] + 0.05, covered
    assert covered[-1] > 0.5
