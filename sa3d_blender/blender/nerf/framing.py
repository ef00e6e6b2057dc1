"""Viewports that are turned to a NeRF: its whole box is in them, whatever else the scene holds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import bpy
import numpy as np
from mathutils import Vector

from ..redraw import viewports
from .nerf import box_center, box_size

SENSOR = 36.0
"""Half of it over the viewport's lens is half the view's angle, along its longer side, halved."""
ROOM = 1.05
"""Radius that is framed over the box's own."""


def frame_nerf(nerf: bpy.types.Object) -> None:
    """Move every viewport that looks through no camera so that the NeRF's box fills it.

    They keep the direction that they look in. Selects nothing, and is no undo step.
    """
    bpy.context.view_layer.update()
    center, radius = box_sphere(nerf)
    for space, view, sides, (left, right) in _free_views():
        free = (max(sides[0] - left - right, 1.0), sides[1])
        distance = viewing_distance(radius, space.lens, free, longest=max(sides))
        aside = (right - left) / max(sides) * SENSOR / space.lens * distance
        view.view_location = center + view.view_rotation @ Vector((aside, 0, 0))
        view.view_distance = distance
        space.clip_end = max(space.clip_end, 2 * (distance + radius))


def box_sphere(nerf: bpy.types.Object) -> tuple[Vector, float]:
    """Centre and radius of the sphere around the NeRF's box, in the world."""
    world_from_field = nerf.matrix_world
    center = world_from_field @ Vector(box_center(nerf))
    radius = 0.5 * float(np.linalg.norm(box_size(nerf))) * world_from_field.median_scale
    return center, ROOM * max(radius, 1e-6)


def viewing_distance(
    radius: float, lens: float, sides: tuple[float, float], longest: float | None = None
) -> float:
    """How far from a sphere's centre a viewport is that just shows all of it.

    Args:
        lens: the viewport's, in millimetres.
        sides: width and height of what is free of it, in pixels.
        longest: its own longer side; that of ``sides`` when not given.
    """
    half = math.atan(SENSOR / lens * min(sides) / (longest or max(sides)))
    return radius / math.sin(half)


def _free_views() -> Iterator[tuple[Any, Any, tuple[float, float], tuple[float, float]]]:
    """Each viewport that looks through no camera.

    Its space, its view, its sides, and how far toolbar and sidebar cover it from left and right.
    """
    for area in viewports():
        space = area.spaces.active
        left, right, width, height = free_part(area)
        for view in (space.region_3d, *space.region_quadviews):
            if view.view_perspective != "CAMERA":
                yield space, view, (width, height), (left, width - right)


def free_part(area: bpy.types.Area) -> tuple[float, float, float, float]:
    """Left and right end of what toolbar and sidebar leave free, and the region's width and height.

    They cover the viewport where Blender's Region Overlap is on, as it usually is.
    """
    regions = {region.type: region for region in area.regions}
    main = regions["WINDOW"]
    left, right = 0.0, float(main.width)
    tools, sidebar = regions.get("TOOLS"), regions.get("UI")
    if tools is not None and tools.width > 1 and tools.x < main.x + main.width / 2:
        left = max(left, tools.x + tools.width - main.x)
    if sidebar is not None and sidebar.width > 1 and sidebar.x > main.x + main.width / 2:
        right = min(right, sidebar.x - main.x)
    return left, right, max(float(main.width), 1.0), max(float(main.height), 1.0)
