"""Radiance fields: every kind of checkpoint behind one protocol.

A kind is a folder here and an entry in `core.field_kinds`; CONTRIBUTING.md has the steps.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from ...core.errors import UserError
from ...core.field_kinds import FIELD_KINDS, FieldKind
from ...core.settings import FieldOptions
from ..parallel import one_core
from ..run import Run
from ..training_cameras import TrainingCameras
from .family import Family
from .files.checkpoint_file import Checkpoint, read_checkpoint
from .files.chosen_file import ChosenFile
from .nerf.other_nerf_pytorch import refuse_other_nerf_pytorch
from .protocol import RadianceField

Stamp = tuple[str, int, int]
"""Path, time of change in nanoseconds, size in bytes."""


def load_field(
    path: Path, options: FieldOptions, *, device: torch.device, run: Run | None = None
) -> RadianceField:
    """The radiance field in a checkpoint file, recognised by its content.

    Args:
        path: the file that the training wrote, or a nerfstudio run's config.yml or folder.
        options: what the file does not say about itself.
        device: where the weights go.
        run: is told where a kind takes long, the first time.

    Raises:
        Cancelled: the run was cancelled.
        UserError: code ``missing_file``, ``not_a_checkpoint``, ``truncated``, ``unsafe``,
            ``unknown_format`` or ``bad_weights``.
    """
    _, family, checkpoint = _opened(path)
    with torch.no_grad(), one_core():
        return family.load(checkpoint, options, device=device, run=run or Run())


def training_cameras(path: Path) -> TrainingCameras:
    """The cameras that come with a checkpoint, in the field frame.

    Instant-NGP's snapshots hold them; nerfstudio's runs say where the data set is.

    Raises:
        UserError: as `load_field`; or code ``no_cameras``.
    """
    kind, family, checkpoint = _opened(path)
    if family.training_cameras is None:
        raise UserError(
            f"{path} does not tell where its training cameras are ({kind.title} never does); "
            "choose their file, e.g. transforms.json.",
            code="no_cameras",
        )
    return replace(family.training_cameras(checkpoint), kind="checkpoint")


def read_mask_grids(path: Path) -> list[Float[Tensor, "x y z"]]:
    """The mask logits in a checkpoint of SA3D's own code: per object, on the field's grid nodes.

    Raises:
        UserError: as `load_field`; or code ``no_masks``.
    """
    _, family, checkpoint = _opened(path)
    grids = family.mask_grids(checkpoint) if family.mask_grids else []
    if not grids:
        raise UserError(
            f"{path} holds no masks; choose a fine_segmentation file that SA3D's own code "
            "wrote (of the kind with a dense grid of masks).",
            code="no_masks",
        )
    return grids


def file_stamps(path: Path) -> tuple[Stamp | None, ...]:
    """What changes when any file does that loading a checkpoint may look at, there or not."""
    beside = [side for _, family in _families() for side in family.side_files(path)]
    return tuple(map(_stamp, (path, *dict.fromkeys(beside))))


def _stamp(path: Path) -> Stamp | None:
    """None of a file that is not there."""
    try:
        stat = os.stat(path)
    except (OSError, ValueError):
        return None
    return os.path.abspath(path), stat.st_mtime_ns, stat.st_size


def _families() -> Iterator[tuple[FieldKind, Family]]:
    for kind in FIELD_KINDS.values():
        yield kind, import_module(f".{kind.name}.field", __package__).FAMILY


def _opened(path: Path) -> tuple[FieldKind, Family, Checkpoint]:
    """What a checkpoint holds, and of which kind it is; raises UserError as `load_field`."""
    chosen = ChosenFile(Path(path))
    for kind, family in _families():
        checkpoint = family.open(chosen)
        if checkpoint is not None:
            return kind, family, checkpoint
    refuse_other_nerf_pytorch(chosen)
    read_checkpoint(chosen.path)  # which says what is wrong with what is no torch file
    titles = ", ".join(kind.title for kind in FIELD_KINDS.values())
    raise UserError(
        f"{path} is not a NeRF of a kind that this version reads ({titles}); "
        "choose a checkpoint of one of these.",
        code="unknown_format",
    )
