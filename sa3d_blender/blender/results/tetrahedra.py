"""Points as a mesh that renders everywhere: a small tetrahedron for each."""

from __future__ import annotations

import numpy as np

from ...core.mesh import MeshData
from ...core.point_cloud import PointCloud

_CORNERS = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], np.float32)
_FACES = np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]], np.int32)
SIZE = 0.75
"""Half the side of a tetrahedron's cube over the points' spacing."""


def tetrahedra(cloud: PointCloud) -> MeshData:
    """A tetrahedron for each point, normals outward."""
    count = len(cloud.points)
    vertices = cloud.points[:, None] + np.float32(SIZE * cloud.spacing) * _CORNERS
    faces = _FACES + 4 * np.arange(count, dtype=np.int32)[:, None, None]
    colors = np.repeat(cloud.colors, 4, axis=0)
    return MeshData(vertices.reshape(-1, 3), faces.reshape(-1, 3), colors)
