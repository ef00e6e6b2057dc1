"""Making a marching-cubes surface ready to edit: one closed piece, right way round, light."""

from __future__ import annotations

import fast_simplification
import numpy as np
from jaxtyping import Float, Int
from trimesh.graph import connected_component_labels

Vertices = Float[np.ndarray, "n 3"]
Faces = Int[np.ndarray, "m 3"]
Smaller = tuple[Float[np.ndarray, "p 3"], Int[np.ndarray, "q 3"]]

ISLAND_SHARE = 0.2
"""Separate pieces smaller than this part of the largest piece's faces are left out."""

BOUNDED = 3.0
"""Aggressiveness of a decimation that ends by its error."""
LAST_ERROR = (1e-9 * 102**BOUNDED) ** 0.5
"""What that allows in its last of 100 steps: fast_simplification's threshold is a square."""
FEWEST_FACES = 4
"""Of a closed surface."""

LARGEST_CUBED = 2**21 - 1
"""Whose cube fits into 64 bits."""


def signed_volume(vertices: Vertices, faces: Faces) -> float:
    """Enclosed volume; positive when the faces' normals point outward."""
    return float(volume_shares(vertices, faces).sum())


def volume_shares(vertices: Vertices, faces: Faces) -> Float[np.ndarray, " m"]:
    """Each face's part in the enclosed volume; only their sum over a closed piece means much."""
    a, b, c = (vertices[faces[:, i]].astype(np.float64) for i in range(3))
    return np.asarray((a * np.cross(b, c)).sum(axis=1) / 6)


def outward(vertices: Vertices, faces: Faces) -> Faces:
    """The faces, turned round when they point inward (a mirrored grid frame does that)."""
    return faces if signed_volume(vertices, faces) >= 0 else faces[:, ::-1].copy()


def drop_islands(vertices: Vertices, faces: Faces, share: float = ISLAND_SHARE) -> Smaller:
    """Keep the largest connected piece and others of comparable size; drop cavities inside.

    Args:
        share: pieces with less than this part of the largest one's faces are dropped.
    """
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    of_face = connected_component_labels(edges, len(vertices))[faces[:, 0]]
    sizes = np.bincount(of_face)
    volumes = np.bincount(of_face, weights=volume_shares(vertices, faces))
    kept = (sizes >= share * sizes.max()) & (volumes > 0)
    return without_unused(vertices, faces[kept[of_face]])


def limit_faces(vertices: Vertices, faces: Faces, most: int, tolerance: float = 0.0) -> Smaller:
    """Decimate by quadric errors: few faces where it is flat, and at most ``most``.

    A closed surface stays closed: what fast decimation pinches is mended, and where that does not
    do, a gentler one is tried. The least torn one is returned when none is closed, and the surface
    as it was when none keeps the budget.

    Args:
        tolerance: as far as the surface may move; edges go while no face that they replace is
            farther from them. Zero to keep all faces within the budget.
    """
    if tolerance > 0:
        unit = tolerance / LAST_ERROR
        made = _decimated(vertices, faces, FEWEST_FACES, unit, BOUNDED)
        if boundary_edges(made[1]) == 0 or boundary_edges(faces) > 0:
            vertices, faces = made
    if len(faces) <= most:
        return vertices, faces
    closed = boundary_edges(faces) == 0
    unit = float(np.median(np.linalg.norm(np.diff(vertices[faces[:, :2]], axis=1), axis=2)))
    found: list[tuple[int, Smaller]] = []
    for aggressiveness in (5.0, 3.0, 7.0, 1.0):
        made = _decimated(vertices, faces, most, unit, aggressiveness)
        torn = boundary_edges(made[1]) if closed else 0
        if len(made[1]) <= most:
            found.append((torn, made))
            if torn == 0:
                break
    return min(found, key=lambda entry: entry[0])[1] if found else (vertices, faces)


def _decimated(
    vertices: Vertices, faces: Faces, most: int, unit: float, aggressiveness: float
) -> Smaller:
    """Edges collapsed, those of small error first, until so many faces are left; mended.

    Args:
        unit: length that is 1 for the decimation, whose first steps are for errors far below it.
    """
    points, triangles = fast_simplification.simplify(
        np.ascontiguousarray(vertices / unit, dtype=np.float64),
        np.ascontiguousarray(faces, dtype=np.int32),
        target_count=min(most, len(faces)),
        agg=aggressiveness,
    )
    return mended((points * unit).astype(vertices.dtype), triangles.astype(np.int32))


def mended(vertices: Vertices, faces: Faces) -> Smaller:
    """The surface without what decimation pinches.

    Faces that lie back to back go; where sheets touch along an edge or at a vertex, each sheet
    gets vertices of its own. Corners are of one sheet when a chain of edges with just two faces
    links them.
    """
    faces = _without_flaps(faces)
    lower, upper = _paired_corners(faces, len(vertices))
    sheet = connected_component_labels(np.concatenate([lower, upper]), faces.size)
    origin = np.empty(sheet.max(initial=-1) + 1, np.int64)
    origin[sheet] = faces.ravel()
    return vertices[origin], sheet.reshape(-1, 3).astype(np.int32)


def _without_flaps(faces: Faces) -> Int[np.ndarray, "q 3"]:
    """The faces without pairs of faces that have the same corners."""
    corner = np.sort(faces, axis=1).astype(np.int64)
    count = int(corner.max(initial=0)) + 1
    edge = corner[:, 0] * count + corner[:, 1]
    if count > LARGEST_CUBED:
        _, edge = np.unique(edge, return_inverse=True)
    key = edge * count + corner[:, 2]
    _, group, uses = np.unique(key, return_inverse=True, return_counts=True)
    return faces[uses[group] % 2 == 1]


def _paired_corners(
    faces: Faces, count: int
) -> tuple[Int[np.ndarray, "e 2"], Int[np.ndarray, "e 2"]]:
    """For each edge with just two faces, both faces' corners at each of its two ends.

    Corners are numbered as ``faces.ravel()``.
    """
    start = np.arange(faces.size)
    end = np.where(start % 3 == 2, start - 2, start + 1)
    vertex = faces.ravel().astype(np.int64)
    forward = vertex[start] < vertex[end]
    lower, upper = np.where(forward, start, end), np.where(forward, end, start)
    key = vertex[lower] * count + vertex[upper]
    order = np.argsort(key, kind="stable")
    _, first, uses = np.unique(key[order], return_index=True, return_counts=True)
    pairs = np.stack([order[first[uses == 2]], order[first[uses == 2] + 1]], axis=1)
    return lower[pairs], upper[pairs]


def without_unused(vertices: Vertices, faces: Faces) -> Smaller:
    """Leave out vertices that no face uses."""
    used, index = np.unique(faces, return_inverse=True)
    return vertices[used], index.reshape(faces.shape).astype(np.int32)


def boundary_edges(faces: Faces) -> int:
    """Edges that do not have exactly two faces; zero for a closed surface."""
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    key = ends.min(axis=1) * (int(ends.max(initial=0)) + 1) + ends.max(axis=1)
    _, uses = np.unique(key, return_counts=True)
    return int((uses != 2).sum())
