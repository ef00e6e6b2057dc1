"""File > Import, recent NeRFs and dropped files."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from pathlib import Path

import bpy
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.nerf import recent_files
from bl_ext.user_default.sa3d_blender.blender.ui import import_menu
from bl_ext.user_default.sa3d_blender.core.errors import UserError

Fake = Callable[[str], None]


@pytest.fixture(autouse=True)
def _empty_list() -> None:
    recent_files.forget_files()


def test_what_was_loaded_comes_first_and_once(tmp_path: Path) -> None:
    paths = [tmp_path / f"Käse {number}.th" for number in range(12)]
    for path in paths:
        path.write_bytes(b"x")
        api.load_nerf(path)
    api.load_nerf(paths[5])
    found = recent_files.recent_files()
    assert found[:2] == [paths[5], paths[11]]
    assert len(found) == len(set(found)) == recent_files.KEPT


def test_what_is_no_nerf_is_not_remembered(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        api.load_nerf(tmp_path / "missing.th")
    assert recent_files.recent_files() == []


def test_a_damaged_list_is_an_empty_one(checkpoint: Path) -> None:
    api.load_nerf(checkpoint)
    for text in ("", "[]", '{"files": 3}', '{"files": [{}, 1]}'):
        recent_files._list_file().write_text(text, encoding="utf-8")
        assert recent_files.recent_files() == []
    api.load_nerf(checkpoint)
    assert recent_files.recent_files() == [checkpoint]


def test_the_list_can_be_emptied(checkpoint: Path) -> None:
    assert not bpy.ops.sa3d.clear_recent.poll()
    api.load_nerf(checkpoint)
    bpy.ops.sa3d.clear_recent()
    assert recent_files.recent_files() == []


def test_a_dropped_file_is_loaded(checkpoint: Path) -> None:
    handler = import_menu.SA3D_FH_checkpoint
    operator = bpy.ops.sa3d.load_nerf
    assert handler.bl_import_operator == operator.idname_py()
    operator("INVOKE_DEFAULT", filepath=str(checkpoint))
    assert bpy.context.scene.sa3d.nerf.sa3d.nerf.checkpoint == str(checkpoint)


def test_a_dropped_ply_may_be_a_splat() -> None:
    assert import_menu.SA3D_FH_splat.bl_file_extensions == ".ply"
    assert import_menu.SA3D_FH_splat.bl_import_operator == bpy.ops.sa3d.load_nerf.idname_py()
    assert bpy.types.FileHandler.bl_rna_get_subclass_py("SA3D_FH_splat") is not None


def test_blenders_own_files_stay_blenders() -> None:
    endings = set(import_menu.SA3D_FH_checkpoint.bl_file_extensions.split(";"))
    assert {".th", ".tar", ".ckpt", ".msgpack", ".ingp"} <= endings
    own = {".blend", ".ply", ".obj", ".stl", ".glb", ".gltf", ".fbx", ".abc", ".usd", ".svg"}
    pictures = set(bpy.path.extensions_image) | set(bpy.path.extensions_movie)
    assert not endings & (own | pictures | set(bpy.path.extensions_audio))
    properties = bpy.ops.sa3d.load_nerf.get_rna_type().properties
    pattern = properties["filter_glob"].default.split(";")
    assert all(any(fnmatch.fnmatch(f"x{e}", p) for p in pattern) for e in endings)
