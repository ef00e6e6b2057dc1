"""Radiance fields: every kind of checkpoint behind one protocol.

A family is one module with a ``FAMILY``; adding it to `FAMILIES` is all that registers it.
"""

from __future__ import annotations

from pathlib import Path

import torch

from ...core.errors import UserError
from ...core.settings import FieldOptions
from ..parallel import one_core
from . import dvgo, nerf, nerfacto, tensorf
from .family import Family
from .opening import open_checkpoint
from .protocol import RadianceField

FAMILIES: tuple[Family, ...] = (
    tensorf.FAMILY,
    dvgo.FAMILY,
    nerf.FAMILY,
    nerfacto.FAMILY,
)
"""Asked in this order; the first that recognises a file loads it."""

__all__ = ["FAMILIES", "load_field"]


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
    for family in FAMILIES:
        if family.recognises(checkpoint):
            with torch.no_grad(), one_core():
                return family.load(checkpoint, options, device=device)
    names = ", ".join(family.title for family in FAMILIES)
    raise UserError(
        f"{path} is a torch file, but not of a kind this version reads ({names}); "
        "choose a checkpoint of one of these.",
        code="unknown_format",
    )
