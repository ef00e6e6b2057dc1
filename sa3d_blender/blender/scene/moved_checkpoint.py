"""A NeRF whose checkpoint is not where it was, and how it is told where it is now."""

from __future__ import annotations

from pathlib import Path

import bpy

from ...core.errors import UserError
from ..clicking.object_states import still_cut_out
from ..nerf.nerf import require_nerf


def has_checkpoint(nerf: bpy.types.Object) -> bool:
    """Whether the NeRF's checkpoint is where it was."""
    return Path(bpy.path.abspath(nerf.sa3d.nerf.checkpoint)).is_file()


def find_checkpoint(path: str | Path, nerf: bpy.types.Object | None = None) -> None:
    """Say where a NeRF's checkpoint is now; its prompts, cameras and results stay.

    What was cut out counts as cut out still: that it is the same checkpoint is not looked at.

    Raises:
        UserError: there is no such file.
    """
    nerf = nerf or require_nerf(bpy.context.scene)
    file = Path(bpy.path.abspath(str(path))).absolute()
    if not file.is_file():
        raise UserError(f"There is no file at {file}; choose another.", code="missing_file")
    with still_cut_out(nerf):
        nerf.sa3d.nerf.checkpoint = str(file)
