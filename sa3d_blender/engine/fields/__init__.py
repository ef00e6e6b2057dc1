"""Radiance fields: every kind of checkpoint behind one protocol.

A family is one module with a ``FAMILY``; adding it to `FAMILIES` is all that registers it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from ...core.errors import UserError
from ...core.settings import FieldOptions
from ...core.training_cameras import TrainingCameras
from ..parallel import one_core
from .dvgo import field as dvgo
from .family import Family
from .files.checkpoint_file import Checkpoint
from .files.opening import open_checkpoint
from .instant_ngp import field as instant_ngp
from .nerf import field as nerf
from .nerfacto import field as nerfacto
from .plenoxels import field as plenoxels
from .protocol import RadianceField
from .tensorf import field as tensorf

FAMILIES: tuple[Family, ...] = (
    tensorf.FAMILY,
    dvgo.FAMILY,
    nerf.FAMILY,
    nerfacto.FAMILY,
    instant_ngp.FAMILY,
    plenoxels.FAMILY,
)
"""Asked in this order; the first that recognises a file loads it."""

__all__ = ["FAMILIES", "family_title", "files_behind", "load_field", "training_cameras"]


def load_field(path: Path, options: FieldOptions, *, device: torch.device) -> RadianceField:
    """The radiance field in a checkpoint file, recognised by its content.

    Args:
        path: the file that the training wrote, or a nerfstudio run's config.yml or folder.
        options: what the file does not say about itself.
        device: where the weights go.

    Raises:
        UserError: code ``missing_file``, ``not_a_checkpoint``, ``truncated``, ``unsafe``,
            ``unknown_format`` or ``bad_weights``.
    """
    checkpoint = open_checkpoint(Path(path))
    with torch.no_grad(), one_core():
        return _family_of(checkpoint).load(checkpoint, options, device=device)


def family_title(name: str) -> str:
    """What a family's authors call it; ``name`` is what its fields give as their ``family``."""
    return next((family.title for family in FAMILIES if family.name == name), name)


def files_behind(path: Path) -> tuple[Path, ...]:
    """All files that loading a checkpoint may look at, there or not: a change of any may matter."""
    beside = [side for family in FAMILIES for side in family.side_files(path)]
    return path, *dict.fromkeys(beside)


def training_cameras(path: Path) -> TrainingCameras:
    """The cameras that come with a checkpoint, in the field frame.

    Instant-NGP's snapshots hold them; nerfstudio's runs say where the data set is.

    Raises:
        UserError: as `load_field`; or code ``no_cameras``.
    """
    checkpoint = open_checkpoint(Path(path))
    family = _family_of(checkpoint)
    if family.training_cameras is None:
        raise UserError(
            f"{path} does not tell where its training cameras are ({family.title} never does); "
            "choose their file, e.g. transforms.json.",
            code="no_cameras",
        )
    return replace(family.training_cameras(checkpoint), kind="checkpoint")


def _family_of(checkpoint: Checkpoint) -> Family:
    for family in FAMILIES:
        if family.recognises(checkpoint):
            return family
    names = ", ".join(family.title for family in FAMILIES)
    raise UserError(
        f"{checkpoint.path} is not a NeRF of a kind that this version reads ({names}); "
        "choose a checkpoint of one of these.",
        code="unknown_format",
    )
