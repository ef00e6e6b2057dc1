"""Making a marching-cubes surface ready to edit: one closed piece, right way round, light."""

from __future__ import annotations

import fast_simplification
import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Vertices = Float[np.ndarray, "n 3"]
Faces = Int[np.ndarray, "m 3"]
Smaller = tuple[Float[np.ndarray, "p 3"], Int[np.ndarray, "q 3"]]

ISLAND_SHARE = 0.2
"""Separate pieces smaller than this part of the largest piece's faces are left out."""


def signed_volume(vertices: Vertices, faces: Faces) -> float:
    """Enclosed volume; positive when the faces' normals point outward."""
    a, b, c = (vertices[faces[:, i]].astype(np.float64) for i in range(3))
    return float((a * np.cross(b, c)).sum() / 6)


def outward(vertices: Vertices, faces: Faces) -> Faces:
    """The faces, turned round when they point inward (a mirrored grid frame does that)."""
    return faces if signed_volume(vertices, faces) >= 0 else faces[:, ::-1].copy()


def drop_islands(vertices: Vertices, faces: Faces) -> Smaller:
    """Keep the largest connected piece and others of comparable size; drop cavities inside."""
    count = len(vertices)
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    links = coo_array((np.ones(len(edges), np.int8), (edges[:, 0], edges[:, 1])), (count, count))
    _, piece = connected_components(links, directed=False)
    of_face = piece[faces[:, 0]]
    sizes = np.bincount(of_face)
    kept = []
    for index in np.flatnonzero(sizes >= ISLAND_SHARE * sizes.max()):
        if signed_volume(vertices, faces[of_face == index]) > 0:
            kept.append(index)
    return without_unused(vertices, faces[np.isin(of_face, kept)])


def limit_faces(vertices: Vertices, faces: Faces, most: int) -> Smaller:
    """Decimate by quadric errors until at most ``most`` faces are left.

    A closed surface stays closed: where fast decimation tears it, a gentler one is tried. When
    none keeps it closed the surface is returned as it was.
    """
    if len(faces) <= most:
        return vertices, faces
    closed = boundary_edges(faces) == 0
    for aggressiveness in (5, 3, 1, 0):
        points, triangles = fast_simplification.simplify(
            np.ascontiguousarray(vertices, dtype=np.float32),
            np.ascontiguousarray(faces, dtype=np.int32),
            target_count=most,
            agg=aggressiveness,
        )
        if not closed or boundary_edges(triangles) == 0:
            return without_unused(points, triangles.astype(np.int32))
    return vertices, faces


def without_unused(vertices: Vertices, faces: Faces) -> Smaller:
    """Leave out vertices that no face uses."""
    used, index = np.unique(faces, return_inverse=True)
    return vertices[used], index.reshape(faces.shape).astype(np.int32)


def boundary_edges(faces: Faces) -> int:
    """Edges that do not have exactly two faces; zero for a closed surface."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    _, uses = np.unique(edges, axis=0, return_counts=True)
    return int((uses != 2).sum())
