"""Takes ripples out of a surface: a low-pass filter of its vertices, its volume kept.

Implicit fairing (Desbrun et al., Implicit Fairing of Irregular Meshes, SIGGRAPH 1999) with the
squared Laplacian: the surface that is nearest to the one that was found and bends least. Waves of
the length that it is set to are halved, longer ones stay, shorter ones vanish, on a fine mesh as on
a coarse one. What volume it costs is given back along the normals.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import coo_array, csr_array, diags_array
from scipy.sparse.linalg import cg

from .mesh_clean import Faces, Vertices, signed_volume

LONGEST_WAVE = 0.28
"""Over the surface's longest side, the wave that is halved by a smoothing of 1; below it goes with
the square."""
EXACTNESS, MOST_STEPS = 1e-3, 300
"""Of the conjugate gradients: residual over that of the start, and steps."""


def smoothed(vertices: Vertices, faces: Faces, amount: float) -> Float[np.ndarray, "n 3"]:
    """The vertices moved so that the surface ripples less.

    Args:
        faces: of a closed surface, normals outward.
        amount: from 0, which changes nothing, to 1.
    """
    if amount == 0 or len(faces) == 0:
        return vertices
    places = vertices.astype(np.float64)
    degree, links = links_of(len(vertices), faces)
    edge = np.sqrt(((places[faces[:, 0]] - places[faces[:, 1]]) ** 2).sum(axis=1).mean())
    wave = LONGEST_WAVE * amount**2 * np.ptp(places, axis=0).max() / max(edge, 1e-12)
    # on a grid of triangles, the mean of a wave's neighbours lacks (2 pi / length)^2 / 4 of it
    strength = (4 * (wave / (2 * np.pi)) ** 2) ** 2
    weight = diags_array(degree)
    lack = weight - links
    system = csr_array(weight + strength * (lack @ diags_array(1 / degree) @ lack))
    first = diags_array(1 / system.diagonal())
    for axis in range(3):
        start = places[:, axis].copy()
        wanted = degree * (start - start.mean())
        moved, _ = cg(
            system, wanted, x0=start - start.mean(), rtol=EXACTNESS, maxiter=MOST_STEPS, M=first
        )
        places[:, axis] = moved + start.mean()
    return _with_volume(places, faces, signed_volume(vertices, faces)).astype(vertices.dtype)


def links_of(count: int, faces: Faces) -> tuple[Float[np.ndarray, " n"], csr_array]:
    """How many others each vertex shares an edge with, at least 1; and which, as ones [n n]."""
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    both = np.concatenate([ends, ends[:, ::-1]])
    links = coo_array((np.ones(len(both)), (both[:, 0], both[:, 1])), (count, count)).tocsr()
    links.data[:] = 1  # each edge belongs to two faces
    return np.maximum(links.sum(axis=1), 1), links


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
