"""A box around what the training cameras of a bounded NeRF can have seen."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ....core.cameras import Camera
from ..protocol import RadianceField
from ..rays import camera_rays
from ..spaces.ndc import surface_seen
from .scene import NerfScene

ELEVATIONS = (15, 50)
"""Elevations of the looks from around, degrees; NeRF's captures leave the underside out."""
AZIMUTHS = 6
PIXELS = 16
"""Side of each look's picture."""
FOCAL = 1.4
"""Focal length over the picture's side; the Blender scenes' own."""
OUTLIERS = 0.005
"""Share of surface points left out at each end of each axis: haze and floaters."""


def visible_bounded_box(field: RadianceField, scene: NerfScene) -> Float[Tensor, "2 3"]:
    """Corners of a field-frame box around the surfaces seen, with a margin of 5 %.

    The file holds no cameras. Small pictures are taken from a dome of the training cameras'
    radius, or from the origin if that is where they stood. ``field.box`` where nothing is seen.
    """
    looks = (camera_rays(camera, device=field.device) for camera in _cameras(scene))
    surface = torch.cat([surface_seen(field, rays) for rays in looks])
    if len(surface) < PIXELS:
        return field.box
    low, high = (surface.quantile(q, dim=0) for q in (OUTLIERS, 1 - OUTLIERS))
    margin = 0.05 * (high - low).amax()
    return torch.stack([low - margin, high + margin])


def _cameras(scene: NerfScene) -> list[Camera]:
    radius = scene.camera_distance
    if radius is None:
        return [_camera(np.eye(4))]
    return [
        _camera(_looking_at_origin(radius, math.radians(elevation), 2 * math.pi * k / AZIMUTHS))
        for elevation in ELEVATIONS
        for k in range(AZIMUTHS)
    ]


def _looking_at_origin(radius: float, elevation: float, azimuth: float) -> np.ndarray:
    """Camera-to-field matrix [4 4] on a sphere around the origin, z up."""
    back = np.array(
        [
            math.cos(elevation) * math.cos(azimuth),
            math.cos(elevation) * math.sin(azimuth),
            math.sin(elevation),
        ]
    )
    right = np.array([-math.sin(azimuth), math.cos(azimuth), 0.0])
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2] = right, np.cross(back, right), back
    matrix[:3, 3] = radius * back
    return matrix


def _camera(matrix: np.ndarray) -> Camera:
    focal = FOCAL * PIXELS
    return Camera(PIXELS, PIXELS, focal, focal, PIXELS / 2, PIXELS / 2, matrix)
