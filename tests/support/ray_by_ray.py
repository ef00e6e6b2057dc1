"""Pictures made one ray at a time, by renderers that put plainness before speed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sa3d_blender.core.cameras import Camera


def picture(
    camera: Camera, ray: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, float]]
) -> tuple[np.ndarray, np.ndarray]:
    """Picture [h w 3] and opacity [h w].

    Args:
        ray: colour and opacity from an origin and a unit direction in the field frame.
    """
    image = np.zeros((camera.height, camera.width, 3))
    opacity = np.zeros((camera.height, camera.width))
    rotation = camera.field_from_camera[:3, :3]
    for row in range(camera.height):
        for column in range(camera.width):
            x = (column + 0.5 - camera.cx) / camera.fl_x
            y = (row + 0.5 - camera.cy) / camera.fl_y
            d = rotation @ np.array([x, -y, -1.0])
            image[row, column], opacity[row, column] = ray(camera.origin, d / np.linalg.norm(d))
    return image, opacity
