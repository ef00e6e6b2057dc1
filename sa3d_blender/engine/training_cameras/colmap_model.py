"""What both forms of a COLMAP model say, and how its numbers are understood."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.errors import UserError

MODELS = {
    0: ("SIMPLE_PINHOLE", 3),
    1: ("PINHOLE", 4),
    2: ("SIMPLE_RADIAL", 4),
    3: ("RADIAL", 5),
    4: ("OPENCV", 8),
    5: ("OPENCV_FISHEYE", 8),
    6: ("FULL_OPENCV", 12),
    7: ("FOV", 5),
    8: ("SIMPLE_RADIAL_FISHEYE", 4),
    9: ("RADIAL_FISHEYE", 5),
    10: ("THIN_PRISM_FISHEYE", 12),
    11: ("RAD_TAN_THIN_PRISM_FISHEYE", 16),
}
"""COLMAP's camera models by number: name and how many parameters."""
ONE_FOCAL = {"SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL", "SIMPLE_RADIAL_FISHEYE", "RADIAL_FISHEYE"}
"""Their parameters begin with f, cx, cy; the others' with fx, fy, cx, cy."""
BENT_BY_NATURE = {name for name, _ in MODELS.values() if "FISHEYE" in name} | {"FOV"}
"""Distorted even where all further parameters are zero."""


@dataclass(frozen=True)
class Lens:
    """A camera in COLMAP's words: the intrinsics that pictures share, in pixels."""

    width: int
    height: int
    fl_x: float
    fl_y: float
    cx: float
    cy: float
    distorted: bool


@dataclass(frozen=True)
class ColmapImage:
    """A registered picture."""

    name: str
    lens: int
    camera_from_world: np.ndarray
    """4x4, rigid; OpenCV axes (x right, y down, looking along +z)."""
    point_ids: np.ndarray
    """Numbers of the points seen in it, int64 [n]; -1 for none."""


@dataclass(frozen=True)
class Points:
    """Points of a model by number."""

    ids: np.ndarray
    """Ascending, int64 [n]."""
    positions: np.ndarray
    """[n 3], world."""

    @staticmethod
    def of_all(ids: Sequence[int], positions: Sequence[Sequence[float]]) -> Points:
        """From numbers in any order."""
        numbers = np.array(ids, dtype=np.int64)
        order = np.argsort(numbers)
        places = np.array(positions, dtype=np.float64).reshape(-1, 3)
        return Points(numbers[order], places[order])

    def of(self, ids: np.ndarray) -> np.ndarray:
        """Positions [m 3] of those of the numbers that are there."""
        if not len(self.ids):
            return np.empty((0, 3))
        place = np.searchsorted(self.ids, ids).clip(max=len(self.ids) - 1)
        return np.asarray(self.positions[place[self.ids[place] == ids]])


def lens_of(model: str, width: int, height: int, parameters: Sequence[float]) -> Lens:
    """The lens that a camera model's parameters describe.

    Raises:
        UserError: the camera model is not known.
        ValueError: there are too few or too many parameters.
    """
    known = dict(MODELS.values())
    if model not in known:
        raise UserError(
            f"COLMAP's camera model {model!r} is not known here; undistort the pictures with "
            "COLMAP and use the model that makes.",
            code="camera_model",
        )
    if len(parameters) != known[model]:
        raise ValueError(f"{model} has {known[model]} parameters")
    first = [parameters[0], *parameters] if model in ONE_FOCAL else list(parameters)
    fl_x, fl_y, cx, cy = first[:4]
    bent = model in BENT_BY_NATURE or any(value != 0 for value in first[4:])
    return Lens(width, height, fl_x, fl_y, cx, cy, bent)


def pose(quaternion: Sequence[float], translation: Sequence[float]) -> np.ndarray:
    """The 4x4 camera-from-world matrix of a quaternion (w, x, y, z) and a translation.

    Raises:
        ValueError: the quaternion has no length, or something is no number.
    """
    length = math.sqrt(sum(value * value for value in quaternion))
    if not (0 < length < math.inf):
        raise ValueError("a rotation without length")
    w, x, y, z = (value / length for value in quaternion)
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, 3] = translation
    return matrix
