"""The lens of a frame of ``transforms.json``, in any of the forms that files have it in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .picture_size import picture_size

MATRICES = ("K", "intrinsics")
"""Names of a 3x3 or 4x4 matrix of a lens; the second may also be a table of named values."""


def focal_length(values: dict[str, Any], axis: str, side: int) -> float | None:
    """In pixels; None where nothing is said about this axis.

    Args:
        values: a frame's, with those that hold for all frames.
        axis: ``x`` or ``y``.
        side: of the picture along that axis, in pixels.

    Raises:
        TypeError, ValueError, ArithmeticError: what is said makes no sense.
    """
    for table in _tables(values):
        for name in (f"fl_{axis}", f"f{axis}"):
            if name in table:
                return float(table[name])
    row = "xy".index(axis)
    matrix = _matrix(values)
    if matrix is not None:
        return float(matrix[row][row])
    if f"camera_angle_{axis}" in values:
        return 0.5 * side / math.tan(0.5 * float(values[f"camera_angle_{axis}"]))
    return None


def principal_point(values: dict[str, Any], axis: str, side: int) -> float:
    """In pixels; the picture's middle where nothing is said. Raises as `focal_length`."""
    for table in _tables(values):
        if f"c{axis}" in table:
            return float(table[f"c{axis}"])
    matrix = _matrix(values)
    return side / 2 if matrix is None else float(matrix["xy".index(axis)][2])


def native_size(values: dict[str, Any], path: Path) -> tuple[int, int] | None:
    """Width and height in pixels, said or of the picture; None where neither is to be had.

    Args:
        path: the camera file, from which the picture's name begins.

    Raises:
        UserError: the picture is a Git LFS pointer.
        TypeError, ValueError, ArithmeticError: what is said makes no sense.
    """
    for table in _tables(values):
        for width, height in (("w", "h"), ("width", "height")):
            if width in table and height in table:
                return int(table[width]), int(table[height])
    name = values.get("file_path")
    return picture_size(path.parent / name) if isinstance(name, str) else None


def _tables(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Where values are looked for by name, in this order."""
    nested = values.get("intrinsics")
    return [values, nested] if isinstance(nested, dict) else [values]


def _matrix(values: dict[str, Any]) -> Sequence[Sequence[float]] | None:
    found = (values.get(name) for name in MATRICES)
    return next((matrix for matrix in found if isinstance(matrix, list)), None)
