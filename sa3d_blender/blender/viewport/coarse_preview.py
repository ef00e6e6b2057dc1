"""The objects of a run while it runs: points in each object's colour, later a first, coarse mesh.

Nothing is kept but what the running job says, and nothing is in the scene. So it is gone when the
job is, however it ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import bpy

from ...core.errors import UserError
from ...core.mesh import MeshData
from ...core.point_cloud import PointCloud
from ...core.turns import Urgency
from ..engine_link import session
from ..engine_link.askers import Asker, Wish
from ..engine_link.job_steps import Steps
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
    found = []
    for name, drawn in coarse.drawn.items():
        tint = MESH_TINT if isinstance(drawn, DrawnMesh) else TINT
        found.append((nerf, drawn, (*entries.get(name, (0.1, 0.75, 1.0)), tint)))
    return found


def draw(context: bpy.types.Context) -> None:
    """Draw them into a 3D viewport. Only called from a draw handler."""
    view, height = context.region_data, context.region.height
    for nerf, drawn, tint in shown():
        if isinstance(drawn, DrawnMesh):
            draw_mesh(drawn, nerf.matrix_world, view, tint=tint)
        else:
            draw_points(drawn, nerf.matrix_world, view, height, tint=tint, push=-BEFORE)


def _wish() -> Wish | float:
    job = session.current.job if session.running() else None
    files = job.points | job.meshes if job is not None else {}
    if files != coarse.files:
        return Wish(Urgency.WATCH, _take(files, set(job.meshes if job is not None else ())))
    return OFTEN if job is not None else IDLE


def _read(path: Path, is_mesh: bool) -> DrawnPoints | DrawnMesh:
    return DrawnMesh(MeshData.load(path)) if is_mesh else DrawnPoints(PointCloud.load(path))


def _take(files: dict[str, str], meshes: set[str]) -> Steps[None]:
    """Read what the running job says of its objects, or let go of what an ended one said."""
    drawn: dict[str, DrawnPoints | DrawnMesh] = {}
    coarse.files = files
    try:
        for name, path in files.items():
            drawn[name] = yield from session.in_thread(partial(_read, Path(path), name in meshes))
    except UserError:
        drawn = {}  # it is just being replaced by a later one
    coarse.drawn = drawn
    redraw_scenes()


asker = Asker(Urgency.WATCH, _wish)
register = asker.register


def unregister() -> None:
    """Forget them and look no more."""
    asker.unregister()
    coarse.files, coarse.drawn = {}, {}
