"""Training cameras in the frame of a loaded field, for the view path and for the add-on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ...core.cameras import Camera
from ...core.errors import UserError
from ...core.field_kinds import WITH_CAMERAS, brings_cameras
from ..fields import training_cameras
from ..fields.protocol import RadianceField
from ..training_cameras import TrainingCameras, read_training_cameras


def read_cameras(path: Path, size: tuple[int, int] | None = None) -> TrainingCameras:
    """The cameras of a camera file, or those that come with a checkpoint.

    Args:
        path: as `read_training_cameras`, or an Instant-NGP snapshot, or a nerfstudio run.
        size: (width, height) of the pictures in pixels; overrides the file's.

    Raises:
        UserError: as `read_training_cameras` and `fields.training_cameras`.
    """
    if not brings_cameras(path):
        return read_training_cameras(path, size=size)
    found = training_cameras(path)
    if size is None:
        return found
    return replace(found, cameras=tuple(camera.resized(*size) for camera in found.cameras))


def placed_cameras(cameras: TrainingCameras, field: RadianceField) -> TrainingCameras:
    """Training cameras in a field's frame.

    A field whose training moved the data set says so in its facts, as ``field_from_dataset``: the
    4x4 similarity from the camera file's coordinates.
    """
    moved = field.info().get("field_from_dataset")
    return cameras.placed(field.scene, None if moved is None else np.array(moved, dtype=np.float64))


def known_cameras(
    field: RadianceField, checkpoint: Path, side_file: Path | None = None
) -> tuple[Camera, ...]:
    """The training cameras as far as anything tells, in the field frame; none where nothing does.

    Args:
        side_file: the camera file that was chosen for the checkpoint.
    """
    path = side_file or checkpoint
    if side_file is None and path.suffix.lower() not in WITH_CAMERAS:
        return ()
    try:
        return placed_cameras(read_cameras(path), field).cameras
    except UserError:
        return ()
