"""Splats come back beside the meshes: placed, hidden, replaced."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.engine_link import session
from bl_ext.user_default.sa3d_blender.blender.engine_link.job_steps import Steps
from bl_ext.user_default.sa3d_blender.blender.names import follow_name
from bl_ext.user_default.sa3d_blender.blender.references import refer
from bl_ext.user_default.sa3d_blender.blender.results.splat_results import (
    FILE,
    build_splats,
    place_splats,
    splats_of,
)
from bl_ext.user_default.sa3d_blender.core.errors import UserError
from bl_ext.user_default.sa3d_blender.core.point_cloud import PointCloud


def files_of(name: str, folder: Path, count: int) -> dict[str, str]:
    """What the engine says of an object's splat; of its .ply nothing is read before 5.3."""
    points = np.linspace(0, 1, 3 * count, dtype=np.float32).reshape(count, 3)
    PointCloud(points, np.full((count, 3), 200, np.uint8), 0.1).save(folder / f"{name}.npz")
    return {
        "name": name,
        "splat": str(folder / f"{name}_splat.ply"),
        "splat_points": str(folder / f"{name}.npz"),
    }


def place(nerf: bpy.types.Object, *objects: dict[str, str]) -> None:
    """As a job."""

    def steps() -> Steps[None]:
        place_splats(nerf, (yield from build_splats(objects)))

    session.wait(session.start("Placing", steps(), refer(nerf)))


@pytest.mark.skipif(bpy.app.version >= (5, 3, 0), reason="Blender's importer reads the .ply")
def test_splats_are_placed_and_replaced(nerf: bpy.types.Object, tmp_path: Path) -> None:
    place(nerf, files_of("mug", tmp_path, 5), {"name": "box", "mesh": "box.npz"})
    (first,) = splats_of(nerf).values()
    assert first.name == "mug Splat"
    assert first.parent == nerf
    assert len(first.data.polygons) == 4 * 5
    assert first.hide_get()
    assert first.hide_render
    assert Path(first[FILE]).name == "mug_splat.ply"
    place(nerf, files_of("mug", tmp_path, 7), files_of("cup", tmp_path, 3))
    found = splats_of(nerf)
    assert {name: len(thing.data.polygons) for name, thing in found.items()} == {
        "mug": 28,
        "cup": 12,
    }
    assert {mesh.name for mesh in bpy.data.meshes if "Splat" in mesh.name} == {
        thing.data.name for thing in found.values()
    }


@pytest.mark.skipif(bpy.app.version >= (5, 3, 0), reason="Blender's importer reads the .ply")
def test_a_splat_is_renamed_and_replaced_with_its_object(
    nerf: bpy.types.Object, tmp_path: Path
) -> None:
    api.add_object(nerf, name="mug")
    place(nerf, files_of("mug", tmp_path, 5))
    entry = nerf.sa3d.nerf.objects[0]
    entry.name = "cup"
    follow_name(entry)  # with a window, Blender calls it
    (renamed,) = splats_of(nerf).values()
    assert renamed.name == "cup Splat"
    place(nerf, files_of("cup", tmp_path, 7))
    (replaced,) = splats_of(nerf).values()
    assert (replaced.name, len(replaced.data.polygons)) == ("cup Splat", 28)


def test_a_damaged_file_leaves_nothing(nerf: bpy.types.Object, tmp_path: Path) -> None:
    files = files_of("mug", tmp_path, 5)
    Path(files["splat_points"]).write_bytes(b"x")
    if bpy.app.version < (5, 3, 0):
        with pytest.raises(UserError):
            place(nerf, files)
    assert not splats_of(nerf)
