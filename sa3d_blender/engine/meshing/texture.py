"""UVs for a mesh, and a picture of the field's colours on its surface.

Every texel that a chart covers looks at the field from its own point of the surface, as the
vertices do for their colours; texels between charts take the nearest chart's colour, so that
filtering finds no seams.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy import ndimage

from ...core.errors import UserError
from ...core.mesh import LARGEST_TEXTURE, MeshData, Texture
from ...core.png import encode_png
from ..fields.protocol import RadianceField
from ..segmentation.report import Run
from .surface_colors import look_reach, surface_colors, vertex_normals
from .unwrapping import unwrap

SMALLEST_TEXTURE = 64
TRIANGLES_AT_ONCE = 1 << 13
"""Bounds the memory of rasterising."""


@dataclass(frozen=True)
class Texels:
    """The texels that a mesh covers."""

    row: Int[np.ndarray, " t"]
    """From the top."""
    column: Int[np.ndarray, " t"]
    face: Int[np.ndarray, " t"]
    weights: Float[np.ndarray, "t 3"]
    """Of the face's corners, barycentric."""


def with_texture(
    field: RadianceField, mesh: MeshData, size: int, run: Run | None = None
) -> MeshData:
    """The mesh with UVs and a square texture of the field's colours.

    Args:
        size: pixels of the texture's side.
    """
    run = run or Run()
    run.progress("texture", 0, 1, "Unwrapping the surface")
    with run.timed("unwrap"):
        uvs = unwrap(mesh.vertices, mesh.faces, size, run)
    run.check()
    with run.timed("texture"):
        picture = bake(field, mesh, uvs, size, run)
        return replace(mesh, texture=Texture(uvs, encode_png(picture)))


def bake(
    field: RadianceField,
    mesh: MeshData,
    uvs: Float[np.ndarray, "m 3 2"],
    size: int,
    run: Run,
) -> UInt8[np.ndarray, "{size} {size} 3"]:
    """The texture: sRGB bytes, top row first."""
    texels = covered_texels(uvs, size)
    corners = mesh.faces[texels.face]
    share = texels.weights[..., None]
    points = (mesh.vertices[corners] * share).sum(axis=1)
    normals = (vertex_normals(mesh.vertices, mesh.faces)[corners] * share).sum(axis=1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True).clip(min=1e-9)
    reach = look_reach(mesh.vertices, mesh.faces)
    picture = np.zeros((size, size, 3), np.uint8)
    picture[texels.row, texels.column] = surface_colors(
        field, points, normals, reach, run, "texture"
    )
    covered = np.zeros((size, size), bool)
    covered[texels.row, texels.column] = True
    return filled(picture, covered)


def filled(
    picture: UInt8[np.ndarray, "h w 3"], covered: Bool[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "h w 3"]:
    """The picture with the nearest covered pixel's colour wherever it is not covered."""
    if not covered.any():
        return picture
    nearest = ndimage.distance_transform_edt(~covered, return_distances=False, return_indices=True)
    return picture[tuple(nearest)]


def covered_texels(uvs: Float[np.ndarray, "m 3 2"], size: int) -> Texels:
    """All texels whose centres lie in a face; each once."""
    parts = [
        _covered(uvs[first : first + TRIANGLES_AT_ONCE], first, size)
        for first in range(0, len(uvs), TRIANGLES_AT_ONCE)
    ]
    pixel, face, weights = (np.concatenate(values) for values in zip(*parts, strict=True))
    pixel, chosen = np.unique(pixel, return_index=True)
    return Texels(pixel // size, pixel % size, face[chosen], weights[chosen])


def _covered(
    uvs: Float[np.ndarray, "m 3 2"], first_face: int, size: int
) -> tuple[Int[np.ndarray, " t"], Int[np.ndarray, " t"], Float[np.ndarray, "t 3"]]:
    """Texel numbers (row * size + column), faces, and the corners' weights."""
    places = uvs.astype(np.float64) * size
    places[..., 1] = size - places[..., 1]
    low = np.ceil(places.min(axis=1) - 0.5).astype(int).clip(0, size)
    high = np.floor(places.max(axis=1) - 0.5).astype(int).clip(-1, size - 1)
    sides = (high - low + 1).clip(0)
    counts = sides.prod(axis=1)
    face = np.repeat(np.arange(len(uvs)), counts)
    number = np.arange(len(face)) - np.repeat(counts.cumsum() - counts, counts)
    column = low[face, 0] + number % sides[face, 0]
    row = low[face, 1] + number // sides[face, 0]
    weights = _barycentric(places[face], np.stack([column, row], axis=1) + 0.5)
    within = (weights >= -1e-9).all(axis=1)
    return (row * size + column)[within], first_face + face[within], weights[within]


def _barycentric(
    corners: Float[np.ndarray, "t 3 2"], points: Float[np.ndarray, "t 2"]
) -> Float[np.ndarray, "t 3"]:
    """Weights of the corners at points of the plane; -1 for triangles without area."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    area = _cross(b - a, c - a)
    safe = np.where(np.abs(area) < 1e-12, 1.0, area)
    second = _cross(points - a, c - a) / safe
    third = _cross(b - a, points - a) / safe
    weights = np.stack([1 - second - third, second, third], axis=1)
    weights[np.abs(area) < 1e-12] = -1
    return weights


def _cross(a: Float[np.ndarray, "t 2"], b: Float[np.ndarray, "t 2"]) -> Float[np.ndarray, " t"]:
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])


def check_texture(size: int) -> None:
    """Raise UserError unless a texture can have this size; 0 means none."""
    if not isinstance(size, int) or (size and not SMALLEST_TEXTURE <= size <= LARGEST_TEXTURE):
        raise UserError(
            f"A texture of {size} pixels is not possible; choose 0 for none, or a whole number "
            f"from {SMALLEST_TEXTURE} to {LARGEST_TEXTURE}.",
            code="setting",
        )
