"""Where the rays of a view meet the surface."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy import ndimage

from ..fields.protocol import RadianceField
from .render import View

SAME_PLACE = 0.03
"""Distance of two surface points over their distance from the camera, up to which they are one."""


SURFACE_SHARE = 0.5
"""Density of the surface over the median density of the rays' heaviest samples."""
FAINT = 0.1
"""Opacity of a pixel that shows something, where all is faint."""


def surface_points(
    field_: RadianceField, view: View, mask: Bool[np.ndarray, "h w"]
) -> Float[np.ndarray, "n 3"]:
    """Field-frame points where the rays of a mask's pixels meet the surface.

    Of what is nowhere half opaque: where they meet most.
    """
    inner, opacity = ndimage.binary_erosion(mask), view.opacity().cpu().numpy()
    kept = (inner if inner.sum() >= 20 else mask) & (opacity > 0.5)
    kept = kept if kept.any() else mask & (opacity > FAINT)
    index = view.heaviest[kept.reshape(-1)]
    points = field_.field_from_grid(view.samples.points[index[index >= 0]])
    return np.asarray(points.cpu().numpy(), dtype=np.float64)


def seen_at(
    field_: RadianceField, view: View, pixel: tuple[float, float], other: View
) -> tuple[int, int] | None:
    """Row and column where another view shows what a view shows at a pixel; None where hidden.

    Args:
        pixel: x and y in the first view, origin top left.
    """
    place = surface_point(field_, view, pixel)
    if place is None:
        return None
    x, y = other.camera.project(place[None])[0]
    if not (0 <= x < other.camera.width and 0 <= y < other.camera.height):  # or not a number
        return None
    met = surface_point(field_, other, (float(x), float(y)))
    reach = SAME_PLACE * float(np.linalg.norm(place - other.camera.origin))
    if met is None or np.linalg.norm(met - place) > reach:
        return None
    return int(y), int(x)


def surface_point(
    field_: RadianceField, view: View, pixel: tuple[float, float]
) -> Float[np.ndarray, " 3"] | None:
    """Field-frame point where the ray of a pixel (x, y) meets the surface, if it does."""
    width, height = view.camera.width, view.camera.height
    column, row = min(int(pixel[0]), width - 1), min(int(pixel[1]), height - 1)
    index = int(view.heaviest[row * width + column])
    if index < 0:
        return None
    sample = view.samples.points[index : index + 1]
    return np.asarray(field_.field_from_grid(sample)[0].cpu().numpy(), dtype=np.float64)


def surface_density(
    field_: RadianceField, seen: Iterable[tuple[View, Bool[np.ndarray, "_ _"]]]
) -> float:
    """Density at which rays meet an object, from views and its masks in them.

    Rays meet a surface a little before it is densest; at the full density, weak spots of a NeRF's
    skin would become pits.
    """
    points = [surface_points(field_, view, mask) for view, mask in seen]
    grid_points = field_.grid_from_field(
        torch.from_numpy(np.concatenate(points)).float().to(field_.device)
    )
    density = field_.density(grid_points)
    density = density[density > 0]
    return SURFACE_SHARE * float(density.median()) if len(density) else 1.0
