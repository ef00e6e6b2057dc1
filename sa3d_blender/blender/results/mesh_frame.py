"""Where a result's own axes lie in the NeRF's frame, and what the artist did to them.

Meshes come in the NeRF's frame. A result's origin is at the object, so that it turns and scales in
place; and the artist may set another one, or apply a scale. A few of the mesh's points keep their
places in the NeRF's frame, so that it is known afterwards what was done to all.
"""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ..choices import BASE, NERF
from ..nerf.nerf import is_forward_facing

COUNT, POINTS, PLACE = "sa3d_vertices", "sa3d_points", "sa3d_place"
"""Custom properties of a mesh: how many vertices it was made with, where some of them were in the
NeRF's frame, and its own frame from the NeRF's, 4x4."""
SAMPLES = 64
EXACT = 1e-3
"""Parts of its size by which points may differ from where they are expected."""


@dataclass(frozen=True)
class MeshFrame:
    """What is known of a result's mesh."""

    local_from_field: Matrix
    edited: bool
    """Whether its shape is not the one that it was made with."""


def vertices_of(mesh: bpy.types.Mesh) -> np.ndarray:
    """float64 [n 3], in the mesh's own frame."""
    flat = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", flat)
    return flat.reshape(-1, 3).astype(np.float64)


def origin_of(vertices: np.ndarray, origin: str, up: int) -> Vector:
    """Where a result's origin belongs.

    Args:
        vertices: [n 3], in the NeRF's frame.
        origin: ``BASE``, ``CENTER`` or ``NERF``.
        up: the axis that points up.
    """
    if origin == NERF or not len(vertices):
        return Vector()
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    middle = (low + high) / 2
    if origin == BASE:
        middle[up] = low[up]
    middle[np.abs(middle) < 1e-6 * float((high - low).max())] = 0.0
    return Vector(middle)


def up_axis(nerf: bpy.types.Object) -> int:
    """Which axis of the NeRF's frame points up."""
    return 1 if is_forward_facing(nerf) else 2


def bring(mesh: bpy.types.Mesh, local_from_field: Matrix) -> None:
    """Put a mesh that came in the NeRF's frame into its own, and note how that lies."""
    vertices = vertices_of(mesh)
    chosen = _samples(len(vertices))
    mesh[COUNT], mesh[POINTS] = len(vertices), vertices[chosen].ravel().tolist()
    mesh[PLACE] = np.array(local_from_field).ravel().tolist()
    if local_from_field != Matrix.Identity(4):
        mesh.transform(local_from_field)
        if local_from_field.determinant() < 0:
            mesh.flip_normals()


def frame_of(mesh: bpy.types.Mesh) -> MeshFrame:
    """How a result's mesh lies in the NeRF's frame now, wherever its origin was put."""
    if POINTS not in mesh:
        return MeshFrame(Matrix.Identity(4), edited=False)
    made = Matrix(np.array(mesh[PLACE]).reshape(4, 4).tolist())
    there = np.array(mesh[POINTS]).reshape(-1, 3)
    if len(mesh.vertices) != mesh[COUNT]:
        return MeshFrame(made, edited=True)
    now = vertices_of(mesh)[_samples(len(mesh.vertices))]
    # Most points were left alone where only a part was edited: their shift is that of the origin.
    shift = np.median(now - _moved(there, made), axis=0)
    shifted = Matrix.Translation(shift) @ made if np.abs(shift).max() > 0 else made
    fitted = _fit(there, now)
    best = shifted if fitted is None or _misfit(there, now, shifted) <= EXACT else fitted
    exact = _misfit(there, now, best) <= EXACT
    return MeshFrame(best if exact else shifted, edited=not exact)


def _samples(count: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, SAMPLES).astype(int)) if count else np.zeros(0, int)


def _moved(points: np.ndarray, matrix: Matrix) -> np.ndarray:
    moved = np.array(matrix)
    return points @ moved[:3, :3].T + moved[:3, 3]


def _fit(there: np.ndarray, now: np.ndarray) -> Matrix | None:
    """The affine transform that brings points where they are now; None where it is not unique."""
    found, _, rank, _ = np.linalg.lstsq(np.c_[there, np.ones(len(there))], now, rcond=1e-6)
    if rank < 4:
        return None
    whole = np.eye(4)
    whole[:3] = found.T
    return Matrix(whole.tolist())


def _misfit(there: np.ndarray, now: np.ndarray, matrix: Matrix) -> float:
    """The largest distance, in parts of the size."""
    if not len(now):
        return 0.0
    size = max(float(np.ptp(now, axis=0).max()), 1e-9)
    return float(np.abs(_moved(there, matrix) - now).max()) / size


def set_origin(thing: bpy.types.Object, nerf: bpy.types.Object, origin: str) -> None:
    """Put a result's origin elsewhere; nothing of it moves."""
    frame = frame_of(thing.data).local_from_field
    field_from_local = frame.inverted_safe()
    vertices = _moved(vertices_of(thing.data), field_from_local)
    target = frame @ origin_of(vertices, origin, up_axis(nerf))
    if target.length == 0:
        return
    thing.data.transform(Matrix.Translation(-target))
    thing.data.update()
    shift = Matrix.Translation(target)
    for other in [one for one in bpy.data.objects if one.data == thing.data]:
        other.matrix_basis = other.matrix_basis @ shift
        for child in (one for one in bpy.data.objects if one.parent == other):
            child.matrix_parent_inverse = shift.inverted() @ child.matrix_parent_inverse
