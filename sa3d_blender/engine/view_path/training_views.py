"""Training cameras in the frame of a loaded field, for the view path and for the add-on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...core.cameras import Camera
from ...core.checkpoint_extensions import WITH_CAMERAS
from ...core.errors import UserError
from ...core.settings import FieldOptions
from ...core.training_cameras import TrainingCameras, read_training_cameras
from ..commands.session import Session
from ..fields import training_cameras
from ..fields.protocol import RadianceField
from ..fields.spaces.ndc import with_training_camera
from ..run import Run

RUN_FILES = ("config.yml", "nerfstudio_models")
"""What a nerfstudio run's folder holds."""


def read_cameras(path: Path, size: tuple[int, int] | None = None) -> TrainingCameras:
    """The cameras of a camera file, or those that come with a checkpoint.

    Args:
        path: as `read_training_cameras`, or an Instant-NGP snapshot, or a nerfstudio run.
        size: (width, height) of the pictures in pixels; overrides the file's.

    Raises:
        UserError: as `read_training_cameras` and `fields.training_cameras`.
    """
    run = path.is_dir() and any((path / name).exists() for name in RUN_FILES)
    if not run and path.suffix.lower() not in WITH_CAMERAS:
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


def camera_file(
    session: Session,
    checkpoint: Path,
    options: FieldOptions,
    cameras: TrainingCameras,
    run: Run | None = None,
) -> tuple[FieldOptions, TrainingCameras]:
    """A checkpoint's options, completed with the training's lens, and its cameras in its frame."""
    options = with_training_camera(options, cameras.cameras[0])
    return options, placed_cameras(cameras, session.field(checkpoint, options, run))


def describe_training_cameras(
    session: Session, checkpoint: Path, options: FieldOptions, path: Path, run: Run
) -> dict[str, Any]:
    """What the add-on needs to show the cameras of a file.

    Returns:
        ``{cameras: [{name, w, h, fl_x, ..., transform_matrix}], notes, ndc_focal, ndc_aspect,
        box}``; the last three are None unless the field is forward-facing: there the cameras tell
        what the checkpoint does not, and with it the box.
    """
    read = read_cameras(path)
    loaded = session.field(checkpoint, options, run)
    found: dict[str, Any] = {"ndc_focal": None, "ndc_aspect": None, "box": None}
    if loaded.scene == "forward_facing":
        options = with_training_camera(options, read.cameras[0])
        loaded = session.field(checkpoint, options, run)
        found = {
            "ndc_focal": options.ndc_focal,
            "ndc_aspect": options.ndc_aspect,
            "box": loaded.info()["box"],
        }
    placed = placed_cameras(read, loaded)
    listed = [
        {"name": name, **camera.to_json()}
        for name, camera in zip(placed.names, placed.cameras, strict=True)
    ]
    return {"cameras": listed, "notes": list(placed.notes), **found}
