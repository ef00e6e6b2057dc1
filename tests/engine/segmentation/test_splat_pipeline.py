"""The bundled splat: rendered as written down plainly, one click, its Gaussians and its mesh."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from sa3d_blender.core.cameras import Camera, read_transforms
from sa3d_blender.core.mesh import MeshData
from sa3d_blender.core.point_cloud import PointCloud
from sa3d_blender.core.prompts import Prompt
from sa3d_blender.core.segmenters import BUNDLED
from sa3d_blender.core.settings import FieldOptions, MeshSettings, SegmentSettings
from sa3d_blender.engine.commands.session import Session
from sa3d_blender.engine.fields import load_field, training_cameras
from sa3d_blender.engine.fields.gaussian_splats.field import SplatField
from sa3d_blender.engine.mask_grids.result import SegmentResult
from sa3d_blender.engine.meshing.mesh_clean import boundary_edges
from sa3d_blender.engine.parallel import one_core
from sa3d_blender.engine.rendering.render import render_view
from tests.support.ground_truth import Scene, id_picture, iou, load_scene
from tests.support.perfect_segmenter import PerfectSegmenter

DATA = Path(__file__).parents[2] / "data"
SPLAT = DATA / "tabletop_splat" / "point_cloud.ply"
CPU = torch.device("cpu")


def test_pictures_are_those_of_the_plain_renderer() -> None:
    field = load_field(SPLAT, FieldOptions(), device=CPU)
    with np.load(DATA / "tabletop_splat" / "reference.npz") as data:
        (wanted, *_), (matrix, *_) = data["image"], data["field_from_camera"]
        focal = float(data["focal"])
    camera = Camera(200, 200, focal, focal, 100.0, 100.0, matrix)
    error = float(np.mean((render_view(field, camera).image().numpy() - wanted) ** 2))
    assert -10 * np.log10(error) > 80


def test_its_cameras_are_those_of_the_scene() -> None:
    wanted = read_transforms(DATA / "tabletop" / "transforms_train.json", size=(200, 200))
    found = training_cameras(SPLAT).cameras
    assert len(found) == len(wanted) == 60
    for one, other in zip(found, wanted, strict=True):
        assert np.allclose(one.field_from_camera, other.field_from_camera, atol=1e-5)
        assert one.fl_x == pytest.approx(other.fl_x)


@pytest.mark.slow
def test_one_click_gives_the_donut_as_splat_and_mesh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = load_scene(DATA / "tabletop" / "gt")
    segmenter = PerfectSegmenter(scene)
    segmenter.watch(monkeypatch)
    monkeypatch.setattr(Session, "segmenter", lambda *_: segmenter)
    cameras = read_transforms(DATA / "tabletop" / "transforms_test.json", size=(200, 200))
    rows, columns = np.nonzero(id_picture(scene, cameras[0]) == scene.ids["donut"])
    at = int(np.argmax(columns))  # its outermost pixel is on its edge: a little inward
    prompt = Prompt("donut", ((float(columns[at]) - 4, float(rows[at]) + 0.5),), (1,))
    settings = SegmentSettings(views=6, view_size=96, grid_resolution=64, segmenter=BUNDLED)
    with one_core():
        done = Session(CPU).segment(
            *(SPLAT, FieldOptions(), cameras[0], [prompt], settings),
            *(MeshSettings(resolution=48), tmp_path),
        )
    (written,) = done["objects"]
    assert json.loads((tmp_path / "report.json").read_text())["objects"][0]["splat"]
    field = load_field(SPLAT, FieldOptions(), device=CPU)
    (entry,) = SegmentResult.load(tmp_path / "result.npz", device=CPU).objects
    alone = load_field(Path(written["splat"]), FieldOptions(), device=CPU)
    assert isinstance(alone, SplatField)
    assert entry.primitives is not None
    assert len(alone.gaussians) == len(entry.primitives)
    only = Scene(scene.ids, {"donut": scene.meshes["donut"]})
    for camera in (cameras[0], cameras[3]):
        truth = id_picture(scene, camera) == scene.ids["donut"]
        assert iou(entry.mask(render_view(field, camera)), truth) > 0.85
        whole = id_picture(only, camera) > 0
        assert iou(render_view(alone, camera).opacity().numpy() > 0.5, whole) > 0.88
    shown = len(PointCloud.load(Path(written["splat_points"])).points)
    assert 0.8 * len(alone.gaussians) < shown <= len(alone.gaussians)
    rest = {"glb": str(tmp_path / "rest.glb")}
    Session(CPU).write_rest_splat(tmp_path / "result.npz", rest)
    others = load_field(Path(rest["splat"]), FieldOptions(), device=CPU)
    assert isinstance(others, SplatField)
    assert isinstance(field, SplatField)
    left = len(field.gaussians) - len(alone.gaussians)
    assert 0.98 * left < len(others.gaussians) <= left, "but for what was hidden by the donut"
    places = field.field_from_grid(field.primitive_centers())
    kept = others.field_from_grid(others.primitive_centers())
    flat = torch.from_numpy(scene.meshes["donut"][0][:, :2]).float()
    above = [
        int(((torch.cdist(p[:, :2], flat).amin(dim=1) < 0.02) & (p[:, 2] > 0.03)).sum())
        for p in (places, kept)
    ]
    assert above[1] < 0.03 * above[0], "no stump of the donut"
    mesh = MeshData.load(Path(written["mesh"]))
    vertices = scene.meshes["donut"][0]
    middle = (mesh.vertices.min(axis=0) + mesh.vertices.max(axis=0)) / 2
    assert np.abs(middle - (vertices.min(axis=0) + vertices.max(axis=0)) / 2).max() < 0.05
    assert boundary_edges(mesh.faces) == 0
    assert mesh.colors.std(axis=0).max() > 5
