"""A pinhole camera's lens as Blender's: the inverse of `core.cameras.camera_from_blender`."""

from __future__ import annotations

from typing import Literal

import bpy
import numpy as np

from ...core.cameras import Camera
from .picture_state import STILL

SENSOR = 36.0
"""Side in millimetres that the lens is fitted to, Blender's default."""


Fit = Literal["HORIZONTAL", "VERTICAL"]
"""The side of the picture that a lens is fitted to."""


def set_lens(lens: bpy.types.Camera, camera: Camera, fit: Fit = "HORIZONTAL") -> None:
    """Give a Blender camera a pinhole camera's lens.

    It is exact on the other side too when the render has the same shape of picture and pixel.
    """
    lens.type, lens.sensor_fit = "PERSP", fit
    lens.sensor_width = lens.sensor_height = SENSOR
    lens.lens, lens.shift_x, lens.shift_y = _lens(camera, fit)


def has_lens(lens: bpy.types.Camera, camera: Camera) -> bool:
    """Whether a Blender camera has that lens, as far as single floats tell."""
    if lens.type != "PERSP" or lens.sensor_fit == "AUTO":
        return False
    side = lens.sensor_width if lens.sensor_fit == "HORIZONTAL" else lens.sensor_height
    focal, *shifts = _lens(camera, lens.sensor_fit)
    there = (lens.lens / side * SENSOR / focal, lens.shift_x, lens.shift_y)
    return bool(np.allclose(there, (1.0, *shifts), rtol=0.0, atol=STILL))


def _lens(camera: Camera, fit: str) -> tuple[float, float, float]:
    """Focal length in millimetres and shifts of a lens that is fitted to one side."""
    stretch = camera.fl_x / camera.fl_y
    side_x = camera.width if fit == "HORIZONTAL" else camera.height * stretch
    side_y = side_x / stretch
    shift_x = (camera.width / 2 - camera.cx) / side_x
    shift_y = (camera.cy - camera.height / 2) / side_y
    return camera.fl_x / side_x * SENSOR, shift_x, shift_y
