"""Points in a camera's picture: as the camera itself projects them; what it does not show."""

from __future__ import annotations

import numpy as np
import torch

from sa3d_blender.core.cameras import Camera
from sa3d_blender.engine.rendering.projection import project

BESIDE = np.array([[0.0, 0, 1, 3], [1, 0, 0, -1], [0, 1, 0, 0.5], [0, 0, 0, 1]])
CAMERA = Camera(40, 30, 25.0, 27.0, 18.0, 16.0, BESIDE)


def test_points_are_where_the_camera_has_them() -> None:
    points = np.random.default_rng(0).uniform(-4, 4, (500, 3))
    found, there = project(CAMERA, torch.from_numpy(points).float()), CAMERA.project(points)
    inside = ((there >= 0) & (there < (40, 30))).all(axis=1)
    assert 100 < inside.sum() < 400
    assert np.array_equal(found.pixel.numpy() >= 0, inside)
    column, row = np.floor(there[inside]).astype(int).T
    assert np.array_equal(found.pixel.numpy()[inside], row * 40 + column)
    assert np.allclose(found.place.numpy()[inside], there[inside], atol=1e-3)
    assert np.allclose(found.distance, np.linalg.norm(points - CAMERA.origin, axis=1), atol=1e-4)


def test_what_is_behind_or_nowhere_is_in_no_pixel() -> None:
    inf, nan = float("inf"), float("nan")
    behind, centre = [4.0, -1.0, 0.5], [3.0, -1.0, 0.5]
    points = torch.tensor([behind, centre, [-inf, 0, 0], [nan, 0, 0], [inf, inf, -inf]])
    found = project(CAMERA, points)
    assert found.pixel.tolist() == [-1] * 5
    assert not found.place.any()
