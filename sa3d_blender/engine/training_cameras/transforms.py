"""``transforms.json`` as training cameras: with the pictures' names and what is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...core.cameras import camera_of_frame, transforms_frames
from ...core.errors import UserError
from .camera_set import TrainingCameras
from .colmap import is_model
from .distortion import distortion_notes

DISTORTION = ("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2")
FLAT_MODELS = ("", "PINHOLE", "SIMPLE_PINHOLE")
LENS_MODELS = (*FLAT_MODELS, "OPENCV", "FULL_OPENCV", "OPENCV_FISHEYE", "SIMPLE_RADIAL", "RADIAL")
"""nerfstudio's ``camera_model``; the others, e.g. EQUIRECTANGULAR, have no pinhole part."""

BEFORE_IT_WAS_WRITTEN = ((0, 1, 0), (1, 0, 0), (0, 0, -1))
"""What nerfstudio did to COLMAP's cameras when it did not yet say so in the file."""


def read_transforms_file(path: Path, size: tuple[int, int] | None = None) -> TrainingCameras:
    """The cameras of a ``transforms.json``, in its coordinates.

    Raises:
        UserError: see `read_transforms`; or a camera is of a kind without a pinhole part.
    """
    frames = transforms_frames(path)
    cameras = tuple(camera_of_frame(frame, path, size) for frame in frames)
    distorted = [_is_distorted(frame, path) for frame in frames]
    names = tuple(_name(frame, number) for number, frame in enumerate(frames))
    return TrainingCameras(
        "transforms",
        names,
        cameras,
        distortion_notes(distorted),
        original_from_file=_original_from_file(frames[0], path),
    )


def _original_from_file(values: dict[str, Any], path: Path) -> np.ndarray:
    """The inverse of ``applied_transform``, as nerfstudio's loader understands it."""
    applied = np.eye(4)
    if "applied_transform" in values:
        try:
            applied[:3] = np.array(values["applied_transform"], dtype=np.float64)[:3]
            return np.asarray(np.linalg.inv(applied))
        except (TypeError, ValueError, IndexError, np.linalg.LinAlgError) as error:
            raise UserError(
                f"The applied_transform in {path} is no 3x4 matrix ({error})."
            ) from error
    if is_model(path.parent / "colmap" / "sparse" / "0"):
        applied[:3, :3] = BEFORE_IT_WAS_WRITTEN
    return np.asarray(np.linalg.inv(applied))


def _name(frame: dict[str, Any], number: int) -> str:
    name = frame.get("file_path")
    return name if isinstance(name, str) and name else f"{number:03d}"


def _is_distorted(frame: dict[str, Any], path: Path) -> bool:
    model = frame.get("camera_model", "")
    if model not in LENS_MODELS:
        raise UserError(
            f"A camera in {path} is of the kind {model!r}, which no perspective camera can stand "
            "for; choose a data set taken with a normal lens.",
            code="camera_model",
        )
    fisheye = model == "OPENCV_FISHEYE" or frame.get("is_fisheye") is True
    return fisheye or any(frame.get(name) not in (None, 0) for name in DISTORTION)
