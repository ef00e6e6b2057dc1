"""Origin and look of all results of a NeRF, those that are there and those to come."""

from __future__ import annotations

import bpy

from ..choices import PHOTOGRAPHED
from ..nerf.nerf import require_nerf
from . import material, mesh_frame

STANDARD = "Standard"
"""Blender's view transform that leaves colours as they are."""


def results_of(nerf: bpy.types.Object) -> list[bpy.types.Object]:
    """The meshes that were cut out of a NeRF, and of the rest of it."""
    return [
        thing
        for thing in bpy.context.scene.objects
        if thing.sa3d.kind == "RESULT" and thing.type == "MESH" and _is_from(thing, nerf)
    ]


def _is_from(thing: bpy.types.Object, nerf: bpy.types.Object) -> bool:
    facts = nerf.sa3d.nerf
    owned = thing == facts.rest.result or any(thing == one.result for one in facts.objects)
    return owned or thing.parent == nerf


def set_origin(nerf: bpy.types.Object | None = None, *, origin: str) -> None:
    """Put the origin of a NeRF's results, and of those to come, elsewhere; nothing moves.

    Args:
        origin: ``CENTER``, ``BASE`` or ``NERF``.
    """
    nerf = nerf or require_nerf(bpy.context.scene)
    nerf.sa3d.nerf.origin = origin
    done: set[bpy.types.Mesh] = set()
    for thing in results_of(nerf):
        if thing.data not in done and thing.mode == "OBJECT":
            done.add(thing.data)
            mesh_frame.set_origin(thing, nerf, origin)


def set_look(nerf: bpy.types.Object | None = None, *, look: str) -> None:
    """Have the materials of a NeRF's results lit, or show the photographs' colours as they are.

    Args:
        look: ``LIT`` or ``PHOTOGRAPHED``.
    """
    nerf = nerf or require_nerf(bpy.context.scene)
    nerf.sa3d.nerf.look = look
    for thing in results_of(nerf):
        for worn in filter(material.is_own, thing.data.materials):
            material.set_look(worn, look)


def colors_are_changed(scene: bpy.types.Scene, nerf: bpy.types.Object) -> bool:
    """Whether raw colours are wanted and the scene's view transform changes them in renders."""
    raw = nerf.sa3d.nerf.look == PHOTOGRAPHED
    return raw and scene.view_settings.view_transform not in (STANDARD, "Raw")


def use_standard_colors(scene: bpy.types.Scene) -> None:
    """Have renders of a scene show colours as they are."""
    scene.view_settings.view_transform = STANDARD
    scene.view_settings.look = "None"
