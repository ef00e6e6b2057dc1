"""What else stands in a NeRF's box and so hides it, such as the cube of a new file."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Vector

from .nerf import require_nerf

KINDS = {"MESH", "CURVE", "CURVES", "SURFACE", "META", "FONT", "VOLUME", "POINTCLOUD", "GPENCIL"}
"""Types of objects that hide what is in them."""
MOST = 300
"""Objects of the scene that are looked at: the panel asks at each drawing."""


def things_in_box(nerf: bpy.types.Object) -> list[bpy.types.Object]:
    """The visible objects of the scene that reach into the NeRF's box; none of its own.

    Nothing is said any more once something was cut out: by then the artist has put things there.
    """
    facts = nerf.sa3d.nerf
    if any(entry.result is not None for entry in facts.objects):
        return []
    low, high = np.array(facts.box_min), np.array(facts.box_max)
    field_from_world = nerf.matrix_world.inverted_safe()
    return [
        thing
        for thing in bpy.context.scene.objects[:MOST]
        if thing.type in KINDS
        and thing.sa3d.kind == "NONE"
        and thing.visible_get()
        and _reaches_into(field_from_world @ thing.matrix_world, thing, low, high)
    ]


def _reaches_into(
    field_from_thing: object, thing: bpy.types.Object, low: np.ndarray, high: np.ndarray
) -> bool:
    corners = np.array([field_from_thing @ Vector(corner) for corner in thing.bound_box])
    return bool((corners.min(axis=0) < high).all() and (corners.max(axis=0) > low).all())


def in_the_way(nerf: bpy.types.Object) -> str:
    """A sentence that names what stands in the NeRF's box; empty where nothing does."""
    names = sorted(thing.name for thing in things_in_box(nerf))
    if not names:
        return ""
    shown = " and ".join(names) if len(names) < 3 else f"{names[0]} and {len(names) - 1} others"
    stand = "stands" if len(names) == 1 else "stand"
    return f"{shown} {stand} in the NeRF's box and may hide it"


def hide_in_box(nerf: bpy.types.Object | None = None) -> list[bpy.types.Object]:
    """Hide what stands in the NeRF's box, in the viewports only; Alt-H shows it again.

    Returns:
        What was hidden.
    """
    things = things_in_box(nerf or require_nerf(bpy.context.scene))
    for thing in things:
        thing.hide_set(True)
    return things
