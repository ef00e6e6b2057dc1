"""The colour of a field on a surface, whatever the direction from which it is seen."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from ..fields.protocol import RadianceField
from ..fields.rays import Rays
from ..rendering.render import march_rays
from ..run import Run

POINTS_PER_LOOK = 1 << 16
"""Bounds the memory, and the time until a cancel is heard."""
REACH = 4.0
"""How far above and below the surface counts, in lengths of the mesh's edges."""


def vertex_normals(
    vertices: Float[np.ndarray, "n 3"], faces: Int[np.ndarray, "m 3"]
) -> Float[np.ndarray, "n 3"]:
    """Unit normals, area-weighted over the faces around each vertex."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    face_normals = np.cross(b - a, c - a)
    normals = np.zeros((len(vertices), 3))
    for i in range(3):
        np.add.at(normals, faces[:, i], face_normals)
    length = np.linalg.norm(normals, axis=1)
    normals[length < 1e-20] = (0, 0, 1)  # only faces without area around it
    return np.asarray(normals / np.linalg.norm(normals, axis=1, keepdims=True))


def look_reach(vertices: Float[np.ndarray, "n 3"], faces: Int[np.ndarray, "m 3"]) -> float:
    """How far above and below a mesh's surface its colours are looked for, field units."""
    edges = np.linalg.norm(vertices[faces[:, 0]] - vertices[faces[:, 1]], axis=1)
    return REACH * float(np.median(edges))


def vertex_colors(
    field: RadianceField,
    vertices: Float[np.ndarray, "n 3"],
    faces: Int[np.ndarray, "m 3"],
    run: Run,
) -> UInt8[np.ndarray, "n 3"]:
    """sRGB bytes of a mesh's vertices, see `surface_colors`."""
    normals = vertex_normals(vertices, faces)
    return surface_colors(field, vertices, normals, look_reach(vertices, faces), run)


def surface_colors(
    field: RadianceField,
    points: Float[np.ndarray, "n 3"],
    normals: Float[np.ndarray, "n 3"],
    reach: float,
    run: Run,
) -> UInt8[np.ndarray, "n 3"]:
    """sRGB bytes: what a short look at the surface from outside, along the normal, shows.

    Args:
        points: on the surface, field frame.
        normals: unit normals there, outward.
        reach: how far above and below the surface counts, field units.
    """
    colors = np.empty((len(points), 3), np.uint8)
    for first in range(0, len(points), POINTS_PER_LOOK):
        run.check()
        part = slice(first, first + POINTS_PER_LOOK)
        place, normal = (
            torch.from_numpy(values[part]).float().to(field.device) for values in (points, normals)
        )
        rgb = _look_from_outside(field, place, normal, reach).clamp(0, 1).cpu().numpy()
        colors[part] = (rgb * 255 + 0.5).astype(np.uint8)
    return colors


def _look_from_outside(
    field: RadianceField,
    points: Float[Tensor, "n 3"],
    normals: Float[Tensor, "n 3"],
    reach: float,
) -> Float[Tensor, "n 3"]:
    """Colour seen along -normal from ``reach`` above each point to ``reach`` below it."""
    rays = Rays(points + reach * normals, -normals, far=2 * reach)
    samples = march_rays(field, rays, with_color=True)
    assert samples.rgb is not None
    near = samples.depth < 2 * reach
    index, weights = samples.ray_index[near], samples.weights[near]
    total = torch.zeros(len(points), device=points.device).index_add_(0, index, weights)
    color = torch.zeros_like(points).index_add_(0, index, weights[:, None] * samples.rgb[near])
    plain = field.color(field.grid_from_field(points), -normals)
    return torch.where(total[:, None] > 0.3, color / total.clamp(min=1e-6)[:, None], plain)
