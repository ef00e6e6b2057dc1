"""Faces where a surface's colours need them.

Simplified by its form, a flat side has a few large faces, and vertex colours are known at their
corners only. Edges along which the colour changes are split, and those of very large faces, in both
of their faces: what was closed stays closed, and the form does not change.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from ...core.mesh import MeshData
from ..fields.protocol import RadianceField
from ..run import Run
from .mesh_clean import Faces, Vertices
from .surface_colors import surface_colors, vertex_normals

LONGEST, SHORTEST = 8.0, 1.2
"""Cells. Edges longer than the first are always split, those shorter than the second never."""
COLOR_STEP = 6.0
"""Of 255: as far as an edge's middle may be from the mean of its ends' colours."""
ROUNDS = 8
"""Of splitting; each halves edges."""


@dataclass
class _Surface:
    """A mesh while its edges are split."""

    vertices: Float[np.ndarray, "n 3"]
    normals: Float[np.ndarray, "n 3"]
    colors: UInt8[np.ndarray, "n 3"]
    faces: Int[np.ndarray, "m 3"]


def detailed(
    field: RadianceField,
    vertices: Vertices,
    faces: Faces,
    cell: float,
    reach: float,
    most: int,
    run: Run,
    *,
    plain: bool = False,
) -> MeshData:
    """The coloured mesh of a simplified surface, with more faces where its colours change.

    Args:
        cell: side of the cells that it was made on, field units.
        reach: as in `surface_colors`.
        most: faces that it may have.
        plain: a texture shows the colours: only what is very large is split.
    """
    normals = vertex_normals(vertices, faces)
    colors = surface_colors(field, vertices, normals, reach, run)
    surface = _Surface(vertices.astype(np.float64), normals, colors, faces)
    settled = np.zeros(0, np.int64)
    for _ in range(ROUNDS):
        ends, of_corner = edges(surface.faces)
        length = np.linalg.norm(np.diff(surface.vertices[ends], axis=1)[:, 0], axis=1) / cell
        asked = length > (LONGEST if plain else SHORTEST)
        asked &= (length > LONGEST) | ~np.isin(_key(ends), settled)
        middle = _middles(field, surface, ends[asked], reach, run)
        off = np.abs(surface.colors[ends[asked]].mean(axis=1) - middle.colors).max(axis=1)
        worth = np.where(length[asked] > LONGEST, 256 + length[asked], off)
        split = np.zeros(len(ends), bool)
        split[asked] = _worst(worth, COLOR_STEP, (most - len(surface.faces)) // 2)
        if not split.any():
            break
        settled = np.union1d(settled, _key(ends[asked & ~split]))
        surface = _split(surface, ends, of_corner, split, middle, split[asked])
    return MeshData(
        surface.vertices.astype(np.float32), surface.faces.astype(np.int32), surface.colors
    )


def edges(faces: Faces) -> tuple[Int[np.ndarray, "e 2"], Int[np.ndarray, "m 3"]]:
    """All edges, each once, and of each face's corner the edge from there to the next corner."""
    ends = np.stack([faces, np.roll(faces, -1, axis=1)], axis=2).reshape(-1, 2).astype(np.int64)
    ends.sort(axis=1)
    _, first, index = np.unique(_key(ends), return_index=True, return_inverse=True)
    return ends[first], index.reshape(faces.shape)


def _key(ends: Int[np.ndarray, "e 2"]) -> Int[np.ndarray, " e"]:
    """A number for each edge, whatever vertices are added later."""
    return ends[:, 0] << 32 | ends[:, 1]


def _middles(
    field: RadianceField, surface: _Surface, ends: Int[np.ndarray, "e 2"], reach: float, run: Run
) -> _Surface:
    """The edges' middles, without faces."""
    places = surface.vertices[ends].mean(axis=1)
    normals = surface.normals[ends].sum(axis=1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True).clip(min=1e-9)
    colors = surface_colors(field, places, normals, reach, run)
    return _Surface(places, normals, colors, np.zeros((0, 3), np.int32))


def _worst(worth: Float[np.ndarray, " e"], least: float, most: int) -> Bool[np.ndarray, " e"]:
    """Those over the least, the highest ones first, as many as there may be."""
    chosen = worth > least
    if chosen.sum() > most:
        order = np.argsort(-worth, kind="stable")
        chosen[order[max(0, most) :]] = False
    return chosen


def _split(
    surface: _Surface,
    ends: Int[np.ndarray, "e 2"],
    of_corner: Int[np.ndarray, "m 3"],
    split: Bool[np.ndarray, " e"],
    middle: _Surface,
    used: Bool[np.ndarray, " a"],
) -> _Surface:
    """The surface with new vertices in the middles of some edges.

    Args:
        split: which edges.
        middle: of more edges; those that are ``used`` are the split ones, in order.
    """
    number = np.full(len(ends), -1, np.int64)
    number[split] = len(surface.vertices) + np.arange(int(split.sum()))
    vertices = np.concatenate([surface.vertices, middle.vertices[used]])
    return _Surface(
        vertices,
        np.concatenate([surface.normals, middle.normals[used]]),
        np.concatenate([surface.colors, middle.colors[used]]),
        split_faces(vertices, surface.faces, number[of_corner]),
    )


def split_faces(
    vertices: Float[np.ndarray, "n 3"], faces: Faces, middles: Int[np.ndarray, "m 3"]
) -> Int[np.ndarray, "q 3"]:
    """Faces cut up along new vertices on their edges; they keep the way round.

    Args:
        middles: the vertex on the edge from each corner to the next, -1 for none.
    """
    count = (middles >= 0).sum(axis=1)
    found = [faces[count == 0]]
    # each face is turned so that its only split edge, or its only whole one, comes first
    only = np.where(count == 1, (middles >= 0).argmax(axis=1), (middles < 0).argmax(axis=1))
    turn = (only[:, None] + np.arange(3)) % 3
    a, b, c = np.take_along_axis(faces, turn, axis=1).T
    ab, bc, ca = np.take_along_axis(middles, turn, axis=1).T
    one, two, three = (count == n for n in (1, 2, 3))
    found += [np.stack(t, axis=1)[one] for t in ((a, ab, c), (ab, b, c))]
    found += [np.stack((bc, c, ca), axis=1)[two]]
    across = np.linalg.norm(vertices[a] - vertices[bc], axis=1)
    other = np.linalg.norm(vertices[b] - vertices[ca], axis=1)
    first, second = two & (across <= other), two & (across > other)
    found += [np.stack(t, axis=1)[first] for t in ((a, b, bc), (a, bc, ca))]
    found += [np.stack(t, axis=1)[second] for t in ((a, b, ca), (b, bc, ca))]
    corners = ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))
    found += [np.stack(t, axis=1)[three] for t in corners]
    return np.concatenate(found).astype(np.int32)
