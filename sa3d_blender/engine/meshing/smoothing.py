"""Takes ripples out of a surface: low-pass filtering of its vertices, its volume kept.

Taubin's filter (A Signal Processing Approach to Fair Surface Design, SIGGRAPH 1995): each step
moves vertices towards the mean of their neighbours, then nearly as far away from it again, so that
short waves vanish and long ones stay. What volume it still costs is given back along the normals.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import coo_array, csr_array, diags_array

from .mesh_clean import Faces, Vertices, signed_volume

MOST_STEPS = 30
"""Of a smoothing of 1."""
INWARD, OUTWARD = 0.5, -0.53
"""Of the way to the neighbours' mean; waves longer than some ten edges pass."""


def smoothed(vertices: Vertices, faces: Faces, amount: float) -> Float[np.ndarray, "n 3"]:
    """The vertices moved so that the surface ripples less.

    Args:
        faces: of a closed surface, normals outward.
        amount: from 0, which changes nothing, to 1.
    """
    steps = round(MOST_STEPS * amount)
    if steps == 0 or len(faces) == 0:
        return vertices
    mean = _neighbours_mean(len(vertices), faces)
    places = vertices.astype(np.float64)
    for _ in range(steps):
        for share in (INWARD, OUTWARD):
            places += share * (mean @ places - places)
    return _with_volume(places, faces, signed_volume(vertices, faces)).astype(vertices.dtype)


def _neighbours_mean(count: int, faces: Faces) -> csr_array:
    """The matrix [n n] that takes vertices to the mean of those they share an edge with."""
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    both = np.concatenate([ends, ends[:, ::-1]])
    links = coo_array((np.ones(len(both)), (both[:, 0], both[:, 1])), (count, count)).tocsr()
    links.data[:] = 1  # each edge belongs to two faces
    degree = np.maximum(links.sum(axis=1), 1)
    return csr_array(diags_array(1 / degree) @ links)


def _with_volume(
    vertices: Vertices, faces: Int[np.ndarray, "m 3"], volume: float
) -> Float[np.ndarray, "n 3"]:
    """The vertices moved along their normals, all by as much, so that the volume is that one."""
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) / 2
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], across)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    normals /= np.where(length > 0, length, 1)
    area = float(np.linalg.norm(across, axis=1).sum())
    step = (volume - signed_volume(vertices, faces)) / max(area, 1e-12)
    return np.asarray(vertices + step * normals)
