"""The objects of a run while it runs: coloured points in each object's colour.

Nothing is kept but what the running job says, and nothing is in the scene. So it is gone when the
job is, however it ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import bpy

from ...core.errors import UserError
from ...core.point_cloud import PointCloud
from ..engine_link import session
from .point_shader import DrawnPoints, draw_points

TINT = 0.6
"""How much of a point's colour is the object's."""
BEFORE = 2.0
"""How far the points are taken to be before what is in the same place, in their spacings."""
OFTEN, IDLE = 0.1, 0.5
"""Seconds between looks."""
Color = tuple[float, float, float, float]


@dataclass
class CoarseObjects:
    """What was read last."""

    files: dict[str, str] = field(default_factory=dict)
    drawn: dict[str, DrawnPoints] = field(default_factory=dict)
    """By the object's name."""


coarse = CoarseObjects()


def shown() -> list[tuple[bpy.types.Object, DrawnPoints, Color]]:
    """What is to be drawn: the NeRF whose frame it is in, the points, and their tint."""
    job = session.current.job
    if job is None or not session.running() or not job.points or not coarse.drawn:
        return []
    nerf = job.watched[0].find()
    if nerf is None:
        return []
    entries = {entry.name: tuple(entry.color) for entry in nerf.sa3d.nerf.objects}
    return [
        (nerf, drawn, (*entries.get(name, (0.1, 0.75, 1.0)), TINT))
        for name, drawn in coarse.drawn.items()
    ]


def draw(context: bpy.types.Context) -> None:
    """Draw them into a 3D viewport. Only called from a draw handler."""
    view, height = context.region_data, context.region.height
    for nerf, points, tint in shown():
        draw_points(points, nerf.matrix_world, view, height, tint=tint, push=-BEFORE)


def tick() -> float:
    """Follow the running job.

    Returns:
        Seconds until it should be called again.
    """
    job = session.current.job
    files = job.points if job is not None and session.running() else {}
    if files != coarse.files:
        coarse.files = dict(files)
        try:
            coarse.drawn = {n: DrawnPoints(PointCloud.load(Path(p))) for n, p in files.items()}
        except UserError:
            coarse.drawn = {}  # it is just being replaced by a later one
        session.redraw_scenes()
    return OFTEN if session.running() else IDLE


def register() -> None:
    """Look after the points where there is a window to draw them in."""
    if not bpy.app.background:
        bpy.app.timers.register(tick, first_interval=1.0, persistent=True)


def unregister() -> None:
    """Forget them and take the timer back."""
    coarse.files, coarse.drawn = {}, {}
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
