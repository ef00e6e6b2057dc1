"""The training cameras of a nerfstudio run, found through its ``config.yml``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ....core.errors import UserError
from ...training_cameras import TrainingCameras, read_training_cameras
from ..files.checkpoint_file import Checkpoint
from ..files.nerfstudio_files import dataset_transform
from .nerfstudio_run import RunConfig

MAX_ABOVE = 6
"""How many folders above the run's a relative path of its data may begin in; nerfstudio's own
layout has four."""


def training_cameras(checkpoint: Checkpoint) -> TrainingCameras:
    """The cameras of the run's data set, in the field frame.

    Raises:
        UserError: code ``no_cameras``; nobody says where the data set is, or it is not there. And
            as `read_training_cameras`.
    """
    folder = data_folder(checkpoint.config) if checkpoint.config else None
    if folder is None:
        raise UserError(
            f"The data set that {checkpoint.path} was trained on is not on this computer, or no "
            "config.yml names it; choose its transforms.json.",
            code="no_cameras",
        )
    transform = dataset_transform(checkpoint.path)
    return read_training_cameras(folder).placed("unbounded", transform)


def data_folder(config: RunConfig) -> Path | None:
    """The data set's folder or file; None where it is not there.

    Relative paths begin where the training was started: some folder above the run's.
    """
    manager = config.table("pipeline", "datamanager")
    named = [manager.get("data"), config.table("pipeline", "datamanager", "dataparser").get("data")]
    named.append(config.data.get("data"))
    for given in named:
        path = _path(given)
        if path is None:
            continue
        above = [config.folder, *config.folder.resolve().parents[:MAX_ABOVE]]
        for place in above if not path.is_absolute() else [Path()]:
            if (place / path).exists():
                return place / path
    return None


def _path(given: Any) -> Path | None:
    """A path as nerfstudio writes it: a text, or the list of its parts."""
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, list) or not given or not all(isinstance(p, str) for p in given):
        return None
    return None if any("\0" in part for part in given) else Path(*given)
