"""UVs for a mesh, and a picture of the field's colours on its surface.

Every texel that a chart covers looks at the field from its own point of the surface, as the
vertices do for their colours; texels between charts take the nearest chart's colour, so that
filtering finds no seams.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy import ndimage

from ...core.mesh import MeshData, Texture
from ...core.png import encode_png
from ..fields.protocol import RadianceField
from ..run import Run
from .surface_colors import look_reach, surface_colors, vertex_normals
from .unwrapping import unwrap

TEXELS_AT_ONCE = 1 << 17
"""Bounds the memory of rasterising and of looking at colours, and the time until a cancel is
heard."""


def with_texture(
    field: RadianceField,
    mesh: MeshData,
    size: int,
    run: Run | None = None,
    *,
    reach: float | None = None,
) -> MeshData:
    """The mesh with UVs and a square texture of the field's colours.

    Args:
        size: pixels of the texture's side.
        reach: as in `surface_colors`; by the mesh's edges when not given.
    """
    run = run or Run()
    reach = look_reach(mesh.vertices, mesh.faces) if reach is None else reach
    run.progress("texture", 0, 1, "Unwrapping the surface")
    with run.timed("unwrap"):
        uvs = unwrap(mesh.vertices, mesh.faces, size, run)
    run.check()
    with run.timed("texture"):
        picture = bake(field, mesh, uvs, size, reach, run)
        return replace(mesh, texture=Texture(uvs, encode_png(picture)))


def bake(
    field: RadianceField,
    mesh: MeshData,
    uvs: Float[np.ndarray, "m 3 2"],
    size: int,
    reach: float,
    run: Run,
) -> UInt8[np.ndarray, "{size} {size} 3"]:
    """The texture: sRGB bytes, top row first."""
    faces_at = faces_of_texels(uvs, size, run)
    places = _in_texels(uvs, size)
    normals = vertex_normals(mesh.vertices, mesh.faces)
    picture = np.zeros((size, size, 3), np.uint8)
    rows = max(1, TEXELS_AT_ONCE // size)
    for first in range(0, size, rows):
        run.progress("texture", first, size, "Looking at the colours")
        band = faces_at[first : first + rows]
        row, column = (band >= 0).nonzero()
        face = band[row, column]
        middle = np.stack([column, row + first], axis=1) + 0.5
        share = _barycentric(places[face], middle)[..., None]
        corners = mesh.faces[face]
        points = (mesh.vertices[corners] * share).sum(axis=1)
        outward = (normals[corners] * share).sum(axis=1)
        outward /= np.linalg.norm(outward, axis=1, keepdims=True).clip(min=1e-9)
        picture[row + first, column] = surface_colors(field, points, outward, reach, run)
    return filled(picture, faces_at >= 0)


def filled(
    picture: UInt8[np.ndarray, "h w 3"], covered: Bool[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "h w 3"]:
    """The picture with the nearest covered pixel's colour wherever it is not covered."""
    if not covered.any():
        return picture
    nearest = ndimage.distance_transform_edt(~covered, return_distances=False, return_indices=True)
    return picture[tuple(nearest)]


def faces_of_texels(
    uvs: Float[np.ndarray, "m 3 2"], size: int, run: Run | None = None
) -> Int[np.ndarray, "{size} {size}"]:
    """The face in which each texel's centre lies, top row first; -1 in none, the first of many.

    Texels of the faces' bounding boxes are numbered through and worked on a part at a time, so
    that a large face takes no more memory than many small ones.
    """
    run = run or Run()
    places = _in_texels(uvs, size)
    low = np.ceil(places.min(axis=1) - 0.5).astype(int).clip(0, size)
    high = np.floor(places.max(axis=1) - 0.5).astype(int).clip(-1, size - 1)
    sides = (high - low + 1).clip(0)
    ends = sides.prod(axis=1).cumsum()
    found = np.full((size, size), -1, np.int32)
    total = int(ends[-1]) if len(ends) else 0
    for first in reversed(range(0, total, TEXELS_AT_ONCE)):  # what comes first is written last
        run.check()
        number = np.arange(first, min(first + TEXELS_AT_ONCE, total))[::-1]
        face = np.searchsorted(ends, number, side="right")
        number -= ends[face] - sides[face].prod(axis=1)
        row, column = np.stack(np.divmod(number, sides[face, 0])) + low[face, ::-1].T
        weights = _barycentric(places[face], np.stack([column, row], axis=1) + 0.5)
        within = (weights >= -1e-9).all(axis=1)
        found[row[within], column[within]] = face[within]
    return found


def _in_texels(uvs: Float[np.ndarray, "m 3 2"], size: int) -> Float[np.ndarray, "m 3 2"]:
    """Places in the texture in texels from its top left."""
    places = uvs.astype(np.float64) * size
    places[..., 1] = size - places[..., 1]
    return places


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
