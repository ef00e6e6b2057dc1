"""A splat in Blender with the real engine: load, click, cut out; meshes and splats come back."""

from __future__ import annotations

import json
import os
from pathlib import Path

import bpy
import numpy as np
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.engine_link import session
from bl_ext.user_default.sa3d_blender.blender.results.splat_results import FILE, splats_of
from mathutils import Matrix, Vector

ROOT = Path(__file__).resolve().parents[3]
SCENE = ROOT / "tests" / "data" / "tabletop"
SPLAT = ROOT / "tests" / "data" / "tabletop_splat" / "point_cloud.ply"
ENGINE = os.environ.get("SA3D_TEST_ENGINE", "")


@pytest.mark.slow
@pytest.mark.skipif(not ENGINE, reason="SA3D_TEST_ENGINE names no engine")
def test_a_splat_is_cut_out(monkeypatch: pytest.MonkeyPatch) -> None:
    command = [ENGINE, str(ROOT / "tests" / "perfect_engine.py"), str(SCENE / "gt")]
    monkeypatch.setattr(session, "engine_command", lambda _python: command)
    nerf = api.load_nerf(SPLAT)
    assert nerf.sa3d.nerf.title.startswith("3D Gaussian Splatting")
    frames = json.loads((SCENE / "transforms_test.json").read_text())
    scene = bpy.context.scene
    scene.render.resolution_x = scene.render.resolution_y = 200
    camera = scene.camera
    camera.matrix_world = Matrix(frames["frames"][0]["transform_matrix"])
    camera.data.angle = frames["camera_angle_x"]
    bpy.context.view_layer.update()
    numbers = {v: int(k) for k, v in json.loads((SCENE / "gt" / "names.json").read_text()).items()}
    ids = np.load(SCENE / "gt" / "ids" / "test_0.npy")
    rows, columns = np.nonzero(ids == numbers["box"])
    middle = int(np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2))
    api.add_prompt(nerf, x=columns[middle] + 0.5, y=rows[middle] + 0.5, object_name="box")
    facts = nerf.sa3d.nerf
    facts.views, facts.view_size, facts.resolution = 4, 80, 32
    facts.rest.resolution = 48
    (mesh,) = api.segment(nerf)
    rest = api.rest_of_scene(nerf)
    assert mesh.visible_get()
    found = splats_of(nerf)
    assert set(found) == {"box", rest.name}
    for thing in found.values():
        assert Path(thing[FILE]).is_file()
        assert not thing.visible_get()
    bpy.context.view_layer.update()
    low, other = (
        np.array([thing.matrix_world @ Vector(corner) for corner in thing.bound_box]).min(axis=0)
        for thing in (found["box"], mesh)
    )
    assert np.abs(low - other).max() < 0.15
