"""Where prompts lie in a camera's picture, wherever their empties were moved."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Vector

from ...core.cameras import Camera
from ...core.errors import UserError


def read_box(view: Camera, empty: bpy.types.Object) -> tuple[float, float, float, float]:
    """x0, y0, x1, y1 of a box in the picture of a camera in world space, cut off at its edges."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    matrix = empty.evaluated_get(depsgraph).matrix_world
    size = empty.empty_display_size
    corners = [matrix @ Vector((x * size, y * size, 0)) for x in (-1, 1) for y in (-1, 1)]
    pixels = _project(view, np.array(corners, dtype=np.float64), [empty.name] * 4)
    (x0, y0), (x1, y1) = pixels.min(axis=0), pixels.max(axis=0)
    return inside((float(x0), float(y0), float(x1), float(y1)), view)


def read_pixels(view: Camera, empties: list[bpy.types.Object]) -> list[tuple[float, float]]:
    """Where the empties lie in the picture of a camera in world space."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    points = [empty.evaluated_get(depsgraph).matrix_world.translation for empty in empties]
    places = np.array(points, dtype=np.float64).reshape(-1, 3)
    pixels = _project(view, places, [empty.name for empty in empties])
    return [(float(x), float(y)) for x, y in pixels]


def _project(view: Camera, points: np.ndarray, names: list[str]) -> np.ndarray:
    pixels = view.project(points)
    if np.isnan(pixels).any():
        name = names[int(np.isnan(pixels).any(axis=1).argmax())]
        raise UserError(
            f"The prompt {name!r} lies behind the camera; move it into the picture.",
            code="prompt_outside",
        )
    return pixels


def inside(
    box: tuple[float, float, float, float], view: Camera
) -> tuple[float, float, float, float]:
    """A box cut off at the picture's edges, its corners in order."""
    x0, x1 = (min(max(x, 0.0), float(view.width)) for x in sorted((box[0], box[2])))
    y0, y1 = (min(max(y, 0.0), float(view.height)) for y in sorted((box[1], box[3])))
    return x0, y0, x1, y1
