"""What a module must offer to make one kind of checkpoint readable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch

from ...core.settings import FieldOptions
from ...core.training_cameras import TrainingCameras
from .files.checkpoint_file import Checkpoint
from .protocol import RadianceField


@runtime_checkable
class LoadFunction(Protocol):
    """Turns a recognised checkpoint into a field, or raises UserError."""

    def __call__(
        self, checkpoint: Checkpoint, options: FieldOptions, *, device: torch.device
    ) -> RadianceField:
        """The field, its weights on ``device``."""
        ...


def nothing_beside(path: Path) -> tuple[Path, ...]:
    """For kinds of checkpoints that are one file."""
    return ()


@dataclass(frozen=True)
class Family:
    """One kind of checkpoint."""

    name: str
    """Identifier, e.g. ``tensorf``."""
    title: str
    """As its authors write it."""
    recognises: Callable[[Checkpoint], bool]
    """Whether a file's content is of this kind; cheap, never raises."""
    load: LoadFunction
    training_cameras: Callable[[Checkpoint], TrainingCameras] | None = None
    """The cameras that come with a file, in the field frame; raises UserError (``no_cameras``)."""
    side_files: Callable[[Path], tuple[Path, ...]] = nothing_beside
    """Further files that loading looks for, from the path that the user chose; they need not be
    there. Cheap, never raises."""
