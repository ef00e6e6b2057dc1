"""What every run of nerfstudio's has beside its checkpoints, whatever its method is.

A run is a folder with ``config.yml``, ``dataparser_transforms.json`` and, in
``nerfstudio_models``, checkpoints named by their step.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ....core.errors import UserError
from ....core.git_lfs import refuse_lfs_pointer

CONFIG = "config.yml"
CHECKPOINTS = "nerfstudio_models"
TRANSFORMS = "dataparser_transforms.json"
MAX_BYTES = 65_536
"""Larger files of transforms are something else."""


def of_run(checkpoint: Path, name: str) -> Path | None:
    """A file of the run that a checkpoint belongs to; None where it is not there."""
    places = (checkpoint.parent.parent, checkpoint.parent)
    return next((place / name for place in places if (place / name).is_file()), None)


def dataset_transform(checkpoint: Path) -> np.ndarray | None:
    """The 4x4 similarity from the data set's original coordinates to the training's.

    From ``dataparser_transforms.json``; None where that is missing. A point ``p`` of the data set
    is ``scale * (transform @ [p; 1])`` in training.

    Raises:
        UserError: code ``bad_weights``; it is there and cannot be used.
    """
    path = of_run(checkpoint, TRANSFORMS)
    if path is None:
        return None
    refuse_lfs_pointer(path)
    similarity = np.eye(4)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES)
        data = json.loads(content)
        similarity[:3] = np.array(data["transform"], dtype=np.float64) * float(data["scale"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise _bad_transform(path) from error
    if not np.isfinite(similarity).all() or abs(np.linalg.det(similarity)) < 1e-30:
        raise _bad_transform(path)
    return similarity


def _bad_transform(path: Path) -> UserError:
    return UserError(
        f"{path} does not hold a 3x4 transform and a scale; copy the run's whole folder again.",
        code="bad_weights",
    )
