"""Smooth objects from distance fields (animals, heads, carved solids), and swept ones."""

from __future__ import annotations

import math
import random

import bpy
import numpy as np
from jaxtyping import Float
from skimage.measure import marching_cubes

Grid = Float[np.ndarray, "n n n"]
RESOLUTION = 44


def surface(field: Grid, size: float) -> bpy.types.Object:
    """The zero level of a distance field on [-1, 1]^3, scaled to ``size`` and put on z = 0."""
    field = np.pad(field[1:-1, 1:-1, 1:-1], 1, constant_values=1.0)
    vertices, faces, _, _ = marching_cubes(field, 0.0)
    vertices = (vertices / (RESOLUTION - 1) - 0.5) * 1.1 * size
    vertices[:, 2] -= vertices[:, 2].min()
    return polygon_object(vertices, faces[:, ::-1].tolist(), smooth=True)


def polygon_object(
    vertices: Float[np.ndarray, "v 3"], faces: list[list[int]], *, smooth: bool
) -> bpy.types.Object:
    """A scene object from vertices and polygons."""
    mesh = bpy.data.meshes.new("mesh")
    mesh.from_pydata(np.asarray(vertices, dtype=float).tolist(), [], faces)
    mesh.polygons.foreach_set("use_smooth", np.full(len(mesh.polygons), smooth))
    made = bpy.data.objects.new("mesh", mesh)
    bpy.context.scene.collection.objects.link(made)
    return made


def grid() -> Float[np.ndarray, "3 n n n"]:
    """Positions of the field's samples."""
    line = np.linspace(-1, 1, RESOLUTION)
    return np.stack(np.meshgrid(line, line, line, indexing="ij"))


def ellipsoid(at: np.ndarray, radii: np.ndarray) -> Grid:
    """Approximate distance to an ellipsoid."""
    offset = (grid() - at[:, None, None, None]) / radii[:, None, None, None]
    return (np.sqrt((offset**2).sum(0)) - 1) * radii.min()


def capsule(start: np.ndarray, end: np.ndarray, radius: float) -> Grid:
    """Distance to a round stick."""
    offset, axis = grid() - start[:, None, None, None], end - start
    along = np.tensordot(axis, offset, 1) / max(float(axis @ axis), 1e-6)
    nearest = np.clip(along, 0, 1)[None] * axis[:, None, None, None]
    return np.sqrt(((offset - nearest) ** 2).sum(0)) - radius


def join(fields: list[Grid], softness: float) -> Grid:
    """Smooth union."""
    stacked = np.stack(fields)
    return -softness * np.log(np.exp(-np.clip(stacked / softness, -60, 60)).sum(0))


def animal(size: float) -> list[bpy.types.Object]:
    """A four-legged or upright creature of smoothly joined limbs."""
    body = np.array(
        [random.uniform(0.3, 0.5), random.uniform(0.18, 0.32), random.uniform(0.18, 0.3)]
    )
    head_at = np.array([body[0] * random.uniform(0.8, 1.2), 0, random.uniform(0.1, 0.4)])
    head = random.uniform(0.15, 0.28)
    fields = [ellipsoid(np.zeros(3), body), ellipsoid(head_at, np.full(3, head))]
    for side in (1, -1):
        sideways, up = side * random.uniform(0.5, 1.2) * head, head * random.uniform(0.6, 2.0)
        tip = head_at + np.array([0, sideways, up])
        fields.append(capsule(head_at, np.clip(tip, -0.9, 0.9), random.uniform(0.05, 0.1)))
    reach = random.uniform(0.4, 0.8)
    for x in (0.7, -0.7):
        for side in (1, -1):
            hip = np.array([x * body[0], side * body[1] * 0.7, 0])
            foot = hip + np.array([random.gauss(0, 0.05), 0, -reach])
            fields.append(capsule(hip, np.clip(foot, -0.9, 0.9), random.uniform(0.06, 0.1)))
    if random.random() < 0.7:
        tail = np.array([-0.85, random.uniform(-0.3, 0.3), random.uniform(-0.2, 0.6)])
        fields.append(capsule(np.array([-body[0], 0, 0]), tail, random.uniform(0.04, 0.08)))
    return [surface(join(fields, random.uniform(0.02, 0.06)), size * 1.3)]


def amoeba(size: float) -> list[bpy.types.Object]:
    """Random ellipsoids and sticks melted together: heads, roots, toys, clouds."""
    fields: list[Grid] = []
    for _ in range(random.randint(2, 6)):
        at = np.random.uniform(-0.45, 0.45, 3)
        if random.random() < 0.6:
            fields.append(ellipsoid(at, np.random.uniform(0.12, 0.42, 3)))
        else:
            fields.append(capsule(at, np.random.uniform(-0.8, 0.8, 3), random.uniform(0.05, 0.15)))
    fields.append(ellipsoid(np.zeros(3), np.random.uniform(0.25, 0.5, 3)))
    return [surface(join(fields, random.uniform(0.02, 0.1)), size)]


def carved(size: float) -> list[bpy.types.Object]:
    """A ball or block with pieces cut out."""
    at = grid()
    if random.random() < 0.5:
        solid = np.sqrt((at**2).sum(0)) - 0.75
    else:
        solid = np.abs(at).max(0) - 0.62
    for _ in range(random.randint(1, 3)):
        if random.random() < 0.5:
            cut = ellipsoid(np.random.uniform(-0.8, 0.8, 3), np.random.uniform(0.2, 0.55, 3))
        else:
            end = np.random.uniform(-1, 1, 3)
            cut = capsule(-end, end + 1e-3, random.uniform(0.12, 0.35))
        solid = np.maximum(solid, -cut)
    return [surface(solid, size)]


def tube(size: float) -> list[bpy.types.Object]:
    """A knot, spring, wave or broken ring of round wire."""
    kind, count, across = random.choice(("knot", "spring", "arc", "knot")), 160, 10
    t = np.linspace(0, 1, count)
    turns = 2 * math.pi * t
    if kind == "knot":
        p, q = random.choice(((2, 3), (3, 2), (1, 3), (2, 5), (1, 2)))
        r = 2 + 0.8 * np.cos(q * turns)
        path = np.stack([r * np.cos(p * turns), r * np.sin(p * turns), 0.9 * np.sin(q * turns)], 1)
    elif kind == "spring":
        n = random.uniform(2, 5)
        path = np.stack([2 * np.cos(n * turns), 2 * np.sin(n * turns), 5 * t], 1)
    else:
        n, wave = random.uniform(0.4, 0.9), random.uniform(0, 0.8)
        path = np.stack([2 * np.cos(n * turns), 2 * np.sin(n * turns), wave * np.sin(9 * t)], 1)
    radius = random.uniform(0.2, 0.6)
    tangent = np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    side = np.cross(tangent, [0.1, 0.2, 1.0])
    side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-9
    up = np.cross(tangent, side)
    angle = np.linspace(0, 2 * math.pi, across, endpoint=False)[:, None, None]
    rings = path + radius * (np.cos(angle) * side + np.sin(angle) * up)
    vertices = rings.transpose(1, 0, 2).reshape(-1, 3) * size / 5.5
    vertices[:, 2] -= vertices[:, 2].min()
    faces = [
        [i * across + j, i * across + (j + 1) % across, (i + 1) * across + (j + 1) % across,
         (i + 1) * across + j]
        for i in range(count - 1)
        for j in range(across)
    ]  # fmt: skip
    return [polygon_object(vertices, faces, smooth=True)]


def prism(size: float) -> list[bpy.types.Object]:
    """A star, gear, heart-like or many-sided column, twisted and tapered at random."""
    corners = random.choice((3, 5, 6, 8, 10, 14, 20, 24))
    inner = random.choice((1.0, 1.0, random.uniform(0.45, 0.85)))
    levels, height = 10, size * random.choice((0.15, 0.4, 0.9))
    twist, taper = random.choice((0.0, random.gauss(0, 1.0))), random.uniform(0.5, 1.1)
    vertices = []
    for level in range(levels):
        t = level / (levels - 1)
        for corner in range(corners):
            r = size * 0.45 * (1 + (taper - 1) * t) * (inner if corner % 2 else 1.0)
            a = 2 * math.pi * corner / corners + twist * t
            vertices.append((r * math.cos(a), r * math.sin(a), height * t))
    faces = [
        [i * corners + j, i * corners + (j + 1) % corners, (i + 1) * corners + (j + 1) % corners,
         (i + 1) * corners + j]
        for i in range(levels - 1)
        for j in range(corners)
    ]  # fmt: skip
    faces.append(list(range(corners))[::-1])
    faces.append([(levels - 1) * corners + j for j in range(corners)])
    return [polygon_object(np.array(vertices), faces, smooth=False)]
