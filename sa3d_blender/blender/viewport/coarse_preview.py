"""The objects of a run while it runs: points in each object's colour, later a first, coarse mesh.

Nothing is kept but what the running job says, and nothing is in the scene. So it is gone when the
job is, however it ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import bpy

from ...core.errors import UserError
from ...core.mesh import MeshData
from ...core.point_cloud import PointCloud
from ..engine_link import session
from ..redraw import redraw_scenes
from .mesh_shader import DrawnMesh, draw_mesh
from .point_shader import DrawnPoints, draw_points

TINT = 0.6
"""How much of a point's colour is the object's."""
MESH_TINT = 0.25
"""How much of a mesh's."""
BEFORE = 2.0
"""How far the points are taken to be before what is in the same place, in their spacings."""
OFTEN, IDLE = 0.1, 0.5
"""Seconds between looks."""
Color = tuple[float, float, float, float]


@dataclass
class CoarseObjects:
    """What was read last."""

    files: dict[str, str] = field(default_factory=dict)
    drawn: dict[str, DrawnPoints | DrawnMesh] = field(default_factory=dict)
    """By the object's name."""


coarse = CoarseObjects()


def shown() -> list[tuple[bpy.types.Object, DrawnPoints | DrawnMesh, Color]]:
    """What is to be drawn: the NeRF whose frame it is in, points or mesh, and their tint."""
    job = session.current.job
    if job is None or not session.running() or not coarse.drawn:
        return []
    nerf = job.watched[0].find()
    if nerf is None:
        return []
    entries = {entry.name: tuple(entry.color) for entry in nerf.sa3d.nerf.objects}
    return [
        (nerf, drawn, (*entries.get(name, (0.1, 0.75, 1.0)), tint_of(drawn)))
        for name, drawn in coarse.drawn.items()
    ]


def tint_of(drawn: DrawnPoints | DrawnMesh) -> float:
    """How much of its colour is the object's."""
    return MESH_TINT if isinstance(drawn, DrawnMesh) else TINT


def draw(context: bpy.types.Context) -> None:
    """Draw them into a 3D viewport. Only called from a draw handler."""
    view, height = context.region_data, context.region.height
    for nerf, drawn, tint in shown():
        if isinstance(drawn, DrawnMesh):
            draw_mesh(drawn, nerf.matrix_world, view, tint=tint)
        else:
            draw_points(drawn, nerf.matrix_world, view, height, tint=tint, push=-BEFORE)


def tick() -> float:
    """Follow the running job.

    Returns:
        Seconds until it should be called again.
    """
    job = session.current.job
    files = job.points | job.meshes if job is not None and session.running() else {}
    if files != coarse.files:
        coarse.files = dict(files)
        meshes = job.meshes if job is not None else {}
        try:
            coarse.drawn = {name: _read(Path(p), name in meshes) for name, p in files.items()}
        except UserError:
            coarse.drawn = {}  # it is just being replaced by a later one
        redraw_scenes()
    return OFTEN if session.running() else IDLE


def _read(path: Path, is_mesh: bool) -> DrawnPoints | DrawnMesh:
    return DrawnMesh(MeshData.load(path)) if is_mesh else DrawnPoints(PointCloud.load(path))


def register() -> None:
    """Look after the points where there is a window to draw them in."""
    if not bpy.app.background:
        bpy.app.timers.register(tick, first_interval=1.0, persistent=True)


def unregister() -> None:
    """Forget them and take the timer back."""
    coarse.files, coarse.drawn = {}, {}
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
