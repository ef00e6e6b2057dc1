"""``transforms.json`` as training cameras: with the pictures' names and what is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..cameras import camera_of_frame, transforms_frames
from ..errors import UserError
from .camera_set import TrainingCameras
from .distortion import distortion_notes

DISTORTION = ("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2")
FLAT_MODELS = ("", "PINHOLE", "SIMPLE_PINHOLE")
LENS_MODELS = (*FLAT_MODELS, "OPENCV", "FULL_OPENCV", "OPENCV_FISHEYE", "SIMPLE_RADIAL", "RADIAL")
"""nerfstudio's ``camera_model``; the others, e.g. EQUIRECTANGULAR, have no pinhole part."""


def read_transforms_file(path: Path, size: tuple[int, int] | None = None) -> TrainingCameras:
    """The cameras of a ``transforms.json``, in its coordinates.

    Raises:
        UserError: see `read_transforms`; or a camera is of a kind without a pinhole part.
    """
    frames = transforms_frames(path)
    cameras = tuple(camera_of_frame(frame, path, size) for frame in frames)
    distorted = [_is_distorted(frame, path) for frame in frames]
    names = tuple(_name(frame, number) for number, frame in enumerate(frames))
    return TrainingCameras("transforms", names, cameras, distortion_notes(distorted))


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
