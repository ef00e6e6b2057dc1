"""Where points of a field lie in a camera's picture."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ...core.cameras import Camera


@dataclass(frozen=True)
class Projected:
    """Points as a camera's picture has them, on the points' device."""

    place: Float[Tensor, "n 2"]
    """Column and row in pixels from the top left; zero where the picture does not have them."""
    pixel: Int64[Tensor, " n"]
    """Row * width + column; -1 outside the picture and behind the camera."""
    distance: Float[Tensor, " n"]
    """From the camera's centre, field frame."""


def project(camera: Camera, points: Float[Tensor, "n 3"]) -> Projected:
    """Project points of the field frame; what is no finite point lies outside."""
    matrix = torch.as_tensor(camera.field_from_camera, dtype=points.dtype, device=points.device)
    local = (points - matrix[:3, 3]) @ matrix[:3, :3]
    ahead = (-local[:, 2]).clamp(min=1e-9)
    x = camera.cx + camera.fl_x * local[:, 0] / ahead
    y = camera.cy - camera.fl_y * local[:, 1] / ahead
    inside = (local[:, 2] < 0) & (x >= 0) & (x < camera.width) & (y >= 0) & (y < camera.height)
    place = torch.where(inside[:, None], torch.stack([x, y], dim=1), 0.0)
    column, row = place.long().unbind(dim=1)
    pixel = torch.where(inside, row * camera.width + column, -1)
    return Projected(place, pixel, local.norm(dim=1))
