"""Camera files beside a checkpoint: what they add to its options, and what the add-on shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...core.settings import FieldOptions
from ..fields.spaces.ndc import with_training_camera
from ..run import Run
from ..training_cameras import TrainingCameras
from ..view_path.training_views import placed_cameras, read_cameras
from .session import Session


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
