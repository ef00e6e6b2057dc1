"""What the fake engine answers with: a ball as a mesh and as points, and a camera; numpy alone."""

from __future__ import annotations

import numpy as np

from sa3d_blender.core.cameras import Camera
from sa3d_blender.core.mesh import MeshData, Texture
from sa3d_blender.core.png import encode_png
from sa3d_blender.core.point_cloud import PointCloud


def sphere(faces: int) -> MeshData:
    """A coloured unit sphere of about that many triangles, normals outward."""
    rows = max(3, int((faces / 4) ** 0.5))
    columns = 2 * rows
    theta = np.linspace(0, np.pi, rows + 1)
    phi = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    t, p = np.meshgrid(theta, phi, indexing="ij")
    points = np.stack([np.sin(t) * np.cos(p), np.sin(t) * np.sin(p), np.cos(t)], -1).reshape(-1, 3)
    i, j = (a.ravel() for a in np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"))
    k = (j + 1) % columns
    a, b, c, d = i * columns + j, (i + 1) * columns + j, (i + 1) * columns + k, i * columns + k
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    colors = np.clip((points * 0.5 + 0.5) * 255, 0, 255).astype(np.uint8)
    return MeshData(points.astype(np.float32), triangles.astype(np.int32), colors)


def stripes(faces: int) -> Texture:
    """A striped texture of which every face shows the lower left half."""
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[::2] = 255
    corners = np.tile(np.float32([[0, 0], [1, 0], [0, 1]]), (faces, 1, 1))
    return Texture(corners, encode_png(picture))


def ball_of_points(count: int) -> PointCloud:
    """As many points on a unit sphere, coloured by where they are."""
    directions = np.random.default_rng(0).normal(size=(count, 3))
    points = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    colors = np.clip((points * 0.5 + 0.5) * 255, 0, 255).astype(np.uint8)
    return PointCloud(points.astype(np.float32), colors, 0.1)


def seen_from(size: int) -> Camera:
    """Where a run looked, in numbers that single floats cannot hold; its middle is off."""
    turn = np.array([[0.36, 0.48, -0.8], [-0.8, 0.6, 0.0], [0.48, 0.64, 0.6]])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, (-1 / 3, 2 / 3, 10 / 3)
    height = size * 5 // 4
    return Camera(size, height, size * 1.1, size * 1.1, size * 0.55, height * 0.45, matrix)
