"""What one kind of checkpoint offers: its folder's ``field.py`` has a `Family` named ``FAMILY``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from ...core.settings import FieldOptions
from ..run import Run
from ..training_cameras import TrainingCameras
from .files.checkpoint_file import Checkpoint
from .files.chosen_file import ChosenFile
from .protocol import RadianceField

OpenFunction = Callable[[ChosenFile], Checkpoint | None]
"""Reads what was chosen; None where it is of another kind. Raises UserError where it is of this
one and cannot be read."""


@runtime_checkable
class LoadFunction(Protocol):
    """Turns an opened checkpoint into a field, or raises UserError."""

    def __call__(
        self, checkpoint: Checkpoint, options: FieldOptions, *, device: torch.device, run: Run
    ) -> RadianceField:
        """The field, its weights on ``device``; ``run`` is told of what takes long."""
        ...


@dataclass(frozen=True)
class Family:
    """One kind of checkpoint; its name and its files' endings are in `core.field_kinds`."""

    open: OpenFunction
    load: LoadFunction
    training_cameras: Callable[[Checkpoint], TrainingCameras] | None = None
    """The cameras that come with a file, in the field frame; raises UserError (``no_cameras``)."""
    mask_grids: Callable[[Checkpoint], list[Float[Tensor, "x y z"]]] | None = None
    """Mask logits that SA3D's own code left in a file, one grid per object on the nodes of the
    field's grid; raises UserError (``bad_weights``)."""
    side_files: Callable[[Path], tuple[Path, ...]] = lambda path: ()
    """Further files that loading looks for, from the path that the user chose; they need not be
    there. Cheap, never raises."""


def shared_facts(field: RadianceField) -> dict[str, Any]:
    """What `RadianceField.info` tells of a field of any kind."""
    return {
        "family": field.family,
        "scene": field.scene,
        "background": field.background.tolist(),
        "box": field.box.tolist(),
        "notes": list(field.notes),
    }


def in_torch_file(is_of_kind: Callable[[Checkpoint], bool]) -> OpenFunction:
    """The ``open`` of a kind whose files are torch's, told by what they hold.

    Args:
        is_of_kind: cheap, never raises.
    """

    def opened(chosen: ChosenFile) -> Checkpoint | None:
        checkpoint = chosen.torch_checkpoint
        return checkpoint if checkpoint is not None and is_of_kind(checkpoint) else None

    return opened
