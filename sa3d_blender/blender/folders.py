"""Where the add-on keeps its own files: outside of its code, so that an update keeps them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import bpy

from ..core.errors import UserError
from ..core.installation.uv_process import LOG

ADDON = __package__.rpartition(".")[0]


def preferences() -> Any | None:
    """The add-on's preferences; None while it is not enabled as an add-on."""
    addon: Any = bpy.context.preferences.addons.get(ADDON)
    return addon.preferences if addon else None


def temporary_folder(name: str) -> Path:
    """A folder of that name for files that nobody wants after this session; need not exist."""
    return Path(bpy.app.tempdir) / "sa3d" / name


def user_folder(name: str) -> Path:
    """A folder of that name for the add-on's own files; need not exist.

    Raises:
        UserError: Blender has no place for such files.
    """
    try:
        return Path(bpy.utils.extension_path_user(ADDON, path=name))
    except ValueError:  # the package is registered without being an extension
        folder = bpy.utils.user_resource("DATAFILES", path="sa3d_blender")
    if not folder:
        raise UserError(
            "Blender has no folder for the engine; choose an Engine Folder in "
            "Preferences > Add-ons > SA3D.",
            code="no_folder",
        )
    return Path(folder) / name


def storage_folder(name: str) -> Path:
    """Like `user_folder`, for large files: under the Engine Folder where the artist chose one."""
    chosen = preferences()
    path = bpy.path.abspath(chosen.storage) if chosen and chosen.storage else ""
    return Path(path) / name if path else user_folder(name)


def engine_folder() -> Path:
    """Where the engine is set up."""
    return storage_folder("engine")


def set_up_log() -> Path:
    """What was said while the engine was set up."""
    return engine_folder() / LOG


def weights_folder() -> Path:
    """Where downloaded weights lie."""
    return storage_folder("weights")


def log_file() -> Path | None:
    """Where the engine's log goes; None where there is no place for it."""
    try:
        folder = user_folder("log")
        folder.mkdir(parents=True, exist_ok=True)
    except (UserError, OSError):
        return None
    return folder / "engine.log"


def in_folder(folder: Path) -> str:
    """What a file browser that opens in a folder is given; empty where there is no such folder."""
    return f"{folder}{os.sep}" if folder.is_dir() else ""


def output_folder(nerf: bpy.types.Object) -> Path:
    """Where a NeRF's files go: beside the saved .blend, else in Blender's temporary folder.

    Raises:
        UserError: the folder cannot be made.
    """
    name = bpy.path.clean_name(nerf.name)
    if bpy.data.filepath:
        folder = Path(bpy.data.filepath).parent / "sa3d" / name
    else:
        folder = temporary_folder(f"{name}_{nerf.session_uid}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"The folder {folder} cannot be made ({error.strerror}); save the .blend elsewhere.",
            code="cannot_write",
        ) from error
    return folder
