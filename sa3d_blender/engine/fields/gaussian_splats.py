"""3D Gaussian splats are recognised, so that they can be refused by their name.

Why they do not fit: ``docs/fields.md``.
"""

from __future__ import annotations

from typing import Any

from ...core.errors import UserError
from .files.chosen_file import ChosenFile

PLY_STARTS = (b"ply\n", b"ply\r")
PROPERTIES = (b" f_dc_0", b" opacity", b" scale_0", b" rot_0")
"""Of a vertex that is a Gaussian."""
TRAINING_STATE = 12
"""Entries of what a splat's training keeps of its Gaussians, before the number of the step."""


def refuse_splats(chosen: ChosenFile) -> None:
    """Raise UserError (``unknown_format``) of a file of Gaussians."""
    trained = chosen.torch_checkpoint
    if not _is_splat_head(chosen.head) and not (trained and _is_splat_training(trained.data)):
        return
    raise UserError(
        f"{chosen.path} is a 3D Gaussian splat, which is not supported because it has no density "
        "to make a surface of; train a NeRF on the same pictures (e.g. nerfstudio's nerfacto) "
        "instead.",
        code="unknown_format",
    )


def _is_splat_head(head: bytes) -> bool:
    """Whether a file that begins so is a PLY file of Gaussians."""
    return head.startswith(PLY_STARTS) and all(name in head for name in PROPERTIES)


def _is_splat_training(data: Any) -> bool:
    """Whether a torch file's content is what a splat's training goes on from."""
    if not isinstance(data, tuple) or len(data) != 2:
        return False
    state, step = data
    return isinstance(state, tuple) and len(state) == TRAINING_STATE and isinstance(step, int)
