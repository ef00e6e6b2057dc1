"""The add-on with the real engine on a real checkpoint; runs where the engine's Python is known."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.engine_link import session
from bl_ext.user_default.sa3d_blender.blender.viewport import progressive_view
from bl_ext.user_default.sa3d_blender.core.errors import UserError
from mathutils import Euler, Matrix

ROOT = Path(__file__).resolve().parents[2]
SCENE = ROOT / "tests" / "data" / "tabletop"
WEIGHTS = ROOT / "sa3d_blender" / "assets" / "segmenter.safetensors"
ENGINE = os.environ.get("SA3D_TEST_ENGINE", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not ENGINE, reason="SA3D_TEST_ENGINE names no engine"),
]
WORLD_FROM_FIELD = Matrix.LocRotScale((3, -1, 2), Euler((0.2, -0.4, 1.3)), (1.7, 1.7, 1.7))


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine as users run it."""
    from bl_ext.user_default.sa3d_blender.core.connection.engine_command import engine_command

    monkeypatch.setenv("SA3D_ENGINE_PYTHON", ENGINE)
    monkeypatch.setattr(session, "engine_command", engine_command)


@pytest.fixture
def perfect(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine with a segmenter that knows the scene."""
    command = [ENGINE, str(ROOT / "tests" / "perfect_engine.py"), str(SCENE / "gt")]
    monkeypatch.setattr(session, "engine_command", lambda _python: command)


def load_scene() -> bpy.types.Object:
    """The NeRF, moved about, seen through its first test camera."""
    nerf = api.load_nerf(SCENE / "tabletop.th")
    nerf.matrix_world = WORLD_FROM_FIELD
    frames = json.loads((SCENE / "transforms_test.json").read_text())
    scene = bpy.context.scene
    scene.render.resolution_x = scene.render.resolution_y = 200
    camera = scene.camera
    camera.matrix_world = WORLD_FROM_FIELD @ Matrix(frames["frames"][0]["transform_matrix"])
    camera.data.angle = frames["camera_angle_x"]
    bpy.context.view_layer.update()
    return nerf


def deepest_pixel(mask: np.ndarray) -> tuple[float, float]:
    """The centre of a pixel deep inside a mask."""
    while True:
        padded = np.pad(mask, 1)
        smaller = mask & padded[2:, 1:-1] & padded[:-2, 1:-1] & padded[1:-1, 2:] & padded[1:-1, :-2]
        if not smaller.any():
            row, column = np.argwhere(mask)[0]
            return float(column) + 0.5, float(row) + 0.5
        mask = smaller


def click(nerf: bpy.types.Object, name: str) -> None:
    """One positive prompt inside an object, and settings for a quick run."""
    numbers = {v: int(k) for k, v in json.loads((SCENE / "gt" / "names.json").read_text()).items()}
    ids = np.load(SCENE / "gt" / "ids" / "test_0.npy")
    x, y = deepest_pixel(ids == numbers[name])
    share = 200 / ids.shape[1]
    api.add_prompt(nerf, x=x * share, y=y * share, object_name=name)
    facts = nerf.sa3d.nerf
    facts.views, facts.view_size, facts.resolution = 5, 96, 64
    bpy.ops.ed.undo_push(message="Prompt")


def test_the_picture_is_that_of_the_original(real: None) -> None:
    nerf = load_scene()
    camera = bpy.context.scene.camera
    with np.load(SCENE / "tabletop_reference.npz") as reference:
        original, focal = reference["image"][0], float(reference["focal"])
        camera.matrix_world = WORLD_FROM_FIELD @ Matrix(reference["field_from_camera"][0])
    camera.data.angle = 2 * np.arctan(100 / focal)
    image = api.render_view(nerf)
    flat = np.zeros(200 * 200 * 4, np.float32)
    image.pixels.foreach_get(flat)
    picture = flat.reshape(200, 200, 4)[::-1, :, :3]
    error = float(np.mean((picture - original) ** 2))
    assert -10 * np.log10(error) > 40


def in_field(thing: bpy.types.Object, nerf: bpy.types.Object) -> np.ndarray:
    """Vertices of a mesh in the field frame, wherever its origin is: [n 3]."""
    bpy.context.view_layer.update()
    place = nerf.matrix_world.inverted() @ thing.matrix_world
    return np.array([place @ vertex.co for vertex in thing.data.vertices])


def test_strips_make_the_same_picture(real: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progressive_view, "SLOW", 0.0)
    monkeypatch.setattr(progressive_view, "STRIP", 0.1)
    nerf = load_scene()
    bpy.context.scene.render.resolution_x = 330
    pictures = []
    for wait in (True, False):
        made = api.render_view(nerf, wait=wait)
        image = made if wait else session.wait(made).get()
        assert tuple(image.size) == (330, 200)
        pictures.append(np.zeros(330 * 200 * 4, np.float32))
        image.pixels.foreach_get(pictures[-1])
    away = np.abs(pictures[0] - pictures[1]) * 255
    assert away.max() < 8  # rays are rounded otherwise in strips
    assert away.mean() < 0.05


def test_from_a_click_to_a_mesh(perfect: None, longest_tick: Callable[[], float]) -> None:
    nerf = load_scene()
    click(nerf, "mug")
    job = api.segment(nerf, wait=False)
    assert longest_tick() < 0.1  # once, beside torch on all cores; test_segment.py has the limit
    assert job.error is None
    mug = nerf.sa3d.nerf.objects["mug"].result
    assert mug.parent == nerf
    found = in_field(mug, nerf)
    with np.load(SCENE / "gt" / "meshes" / "mug.npz") as truth:
        true = truth["verts"]
    middle = (found.min(axis=0) + found.max(axis=0)) / 2
    assert np.abs(middle - (true.min(axis=0) + true.max(axis=0)) / 2).max() < 0.1
    assert np.abs(np.ptp(found, axis=0) - np.ptp(true, axis=0)).max() < 0.3


@pytest.mark.skipif(not WEIGHTS.is_file(), reason="the bundled segmenter is not there")
def test_the_bundled_segmenter_serves_the_add_on(real: None) -> None:
    nerf = load_scene()
    click(nerf, "box")
    (box,) = api.segment(nerf)
    assert (box.name, box.parent) == ("box", nerf)
    with np.load(SCENE / "gt" / "meshes" / "box.npz") as truth:
        true = truth["verts"]
    points = in_field(box, nerf)
    assert np.abs(np.median(points, axis=0) - true.mean(axis=0)).max() < 0.3


def test_other_meshes_from_the_same_run(perfect: None) -> None:
    nerf = load_scene()
    click(nerf, "box")
    (box,) = api.segment(nerf)
    before = len(box.data.polygons)
    facts = nerf.sa3d.nerf
    facts.max_faces, facts.surface.texture = 2000, "1024"
    assert api.remesh(nerf) == [box]
    assert len(box.data.polygons) <= 2000 < before
    (image,) = (image for image in bpy.data.images if image.name == "box Texture")
    assert tuple(image.size) == (1024, 1024)
    uvs = np.zeros(len(box.data.loops) * 2, np.float32)
    box.data.uv_layers["UVMap"].uv.foreach_get("vector", uvs)
    assert 0 <= uvs.min() < uvs.max() <= 1
    facts.rest.resolution, facts.surface.texture = 64, "0"
    rest = api.rest_of_scene(nerf)
    assert rest.parent == nerf
    points = in_field(rest, nerf)
    with np.load(SCENE / "gt" / "meshes" / "box.npz") as truth:
        low, high = truth["verts"].min(axis=0), truth["verts"].max(axis=0)
    assert not (np.abs(points - (low + high) / 2) < 0.25 * (high - low)).all(axis=1).any()


def test_each_object_has_the_mesh_that_was_asked_for(perfect: None, tmp_path: Path) -> None:
    nerf = load_scene()
    for name in ("box", "mug"):
        click(nerf, name)
    facts = nerf.sa3d.nerf
    facts.max_faces = 4000
    own = api.use_own_mesh(nerf, object_name="mug")
    own.max_faces, own.resolution = 600, 32
    box, mug = api.segment(nerf, out=tmp_path)
    counts = [len(thing.data.polygons) for thing in (box, mug)]
    assert 2000 < counts[0] <= 4000
    assert 300 < counts[1] <= 600
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["own_meshes"] == {"mug": json.loads(mug["sa3d_mesh"])}
    own.max_faces, facts.max_faces = 300, 2000
    assert api.remesh(nerf) == [box, mug]
    counts = [len(thing.data.polygons) for thing in (box, mug)]
    assert 1000 < counts[0] <= 2000
    assert counts[1] <= 300


def test_an_engine_killed_in_the_middle(
    perfect: None, contents: Callable[[], dict[str, list[str]]]
) -> None:
    nerf = load_scene()
    click(nerf, "box")
    before = contents()
    job = api.segment(nerf, wait=False)
    while job.factor < 0.2:
        session.pump()
        time.sleep(0.002)
        assert job.state == "running"
    os.kill(session.current.engine.pid, 9)
    with pytest.raises(UserError, match="ended from outside"):
        session.wait(job)
    assert contents() == before


@pytest.mark.parametrize(
    ("content", "sentence"), [(b"", "empty|checkpoint"), (b"PK\x03\x04 nothing", "checkpoint")]
)
def test_what_is_no_checkpoint(
    real: None,
    tmp_path: Path,
    contents: Callable[[], dict[str, list[str]]],
    content: bytes,
    sentence: str,
) -> None:
    before = contents()
    path = tmp_path / "Käse 猫.th"
    path.write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        api.load_nerf(path)
    assert contents() == before
