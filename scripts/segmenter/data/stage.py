"""Things put into a Blender scene with their numbers, without standing in each other."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import bpy
import numpy as np
from asset_library import Model
from mathutils import Matrix, Vector
from render_scenes import FIRST_OBJECT

LAST_OBJECT = 15
"""The red channel holds object times 16 plus part in one byte."""
PARTS = 16
ABOVE = 50.0
"""Metres above the floor from which things are let down."""


@dataclass(frozen=True)
class Item:
    """An object of the scene."""

    number: int
    corners: np.ndarray
    """float [8 3], its bounding box in the world."""

    @property
    def middle(self) -> Vector:
        """The middle of its bounding box."""
        return Vector((self.corners.min(0) + self.corners.max(0)) / 2)


class Stage:
    """The scene that is being built."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self._taken: list[tuple[Vector, float]] = []
        self._next = FIRST_OBJECT

    @property
    def full(self) -> bool:
        """Whether no number is left."""
        return self._next > LAST_OBJECT

    def put(self, model: Model, place: Matrix, more: tuple[bpy.types.Object, ...] = ()) -> Item:
        """A new object: a model, perhaps with ``more`` parts that stand where it stands."""
        parts = []
        for mesh in model.parts:
            part = bpy.data.objects.new(mesh.name, mesh)
            bpy.context.scene.collection.objects.link(part)
            parts.append(part)
        return self.add([*parts, *more], place)

    def add(self, parts: list[bpy.types.Object], place: Matrix) -> Item:
        """A new object of parts that are built around the origin."""
        if self.full:
            raise ValueError("no number is left")
        corners = []
        for i, part in enumerate(parts):
            part.pass_index = self._next * PARTS + min(i, PARTS - 1)
            part.matrix_world = place @ part.matrix_basis
            corners += [part.matrix_world @ Vector(corner) for corner in part.bound_box]
        points = np.array([tuple(corner) for corner in corners])
        low, high = points.min(0), points.max(0)
        grid = np.array(np.meshgrid(*np.stack([low, high], 1), indexing="ij")).reshape(3, 8).T
        self.items.append(Item(self._next, grid))
        self._next += 1
        return self.items[-1]

    def support(self, part: bpy.types.Object, number: int = 0) -> bpy.types.Object:
        """Mark something as what things stand on or before: not an object."""
        part.pass_index = PARTS + number
        return part

    def spot(self, radius: float, reach: tuple[float, float], middle: Vector) -> Vector | None:
        """A free place in a rectangle for something round, which is then taken."""
        for _ in range(30):
            x, y = (random.uniform(-1, 1) * side for side in reach)
            at = Vector((middle.x + x, middle.y + y, 0))
            if self.take(at, radius):
                return at
        return None

    def take(self, at: Vector, radius: float) -> bool:
        """Whether a place was free; then it no longer is."""
        if any((at - other).length < radius + room for other, room in self._taken):
            return False
        self._taken.append((at.copy(), radius))
        return True

    def height(self, at: Vector, radius: float) -> float:
        """The highest surface under a round thing, as far as a few rays find."""
        depsgraph = bpy.context.evaluated_depsgraph_get()
        found = [0.0]
        for angle in range(9):
            reach = radius * 0.7 if angle else 0.0
            shift = Vector((math.cos(angle * 0.8), math.sin(angle * 0.8), 0)) * reach
            start = Vector((at.x, at.y, 0)) + shift + Vector((0, 0, ABOVE))
            hit, where, *_ = bpy.context.scene.ray_cast(depsgraph, start, Vector((0, 0, -1)))
            if hit:
                found.append(where.z)
        return max(found)


def placed(at: Vector, turn: float, scale: float = 1.0) -> Matrix:
    """Scaled, turned about the vertical and moved."""
    return Matrix.Translation(at) @ Matrix.Rotation(turn, 4, "Z") @ Matrix.Scale(scale, 4)


def stretched(strength: float = 0.2) -> Matrix:
    """Mostly nothing, else a little wider, longer and higher, or the contrary."""
    if random.random() < 0.5:
        return Matrix()
    return Matrix.Diagonal((*(1 + random.uniform(-strength, strength) for _ in range(3)), 1))


def footprint(model: Model) -> float:
    """Radius, in metres, that a model needs on the floor."""
    return 0.45 * math.hypot(model.size.x, model.size.y)
