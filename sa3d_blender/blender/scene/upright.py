"""Forward-facing NeRFs have Y up and Blender has Z: standing one upright, with all that sees it."""

from __future__ import annotations

import math

import bpy
from mathutils import Matrix, Vector

from ...core.errors import UserError
from ..clicking.object_states import still_cut_out
from ..clicking.second_camera import prompted_cameras
from ..nerf.nerf import is_forward_facing, require_nerf, scene_nerf
from ..nerf.views import was_aimed

UP = Vector((0, 0, 1))
"""Blender's."""
TURNED = math.radians(45)
"""From here on, Y no longer counts as up; an Empty that was only tilted was tilted on purpose."""


def lies_on_its_side(nerf: bpy.types.Object) -> bool:
    """Whether a NeRF is forward-facing and its Y axis does not point up in the world."""
    up = nerf.matrix_world.col[1].xyz
    return is_forward_facing(nerf) and up.length > 0 and up.angle(UP) > TURNED


def stand_upright(nerf: bpy.types.Object | None = None) -> list[bpy.types.Object]:
    """Turn a forward-facing NeRF so that its frame's Y axis points up, along the world's Z.

    Its Empty turns about its own origin (by 90 degrees about X, unless it was turned before) and
    keeps place and scale. Under it, points, results and cameras follow. So do free cameras that
    look at the NeRF: those that have prompts, and the active one if its view was rendered. What any
    of them sees of the NeRF stays as it is.

    Returns:
        The cameras that were moved along, but for the training's.

    Raises:
        UserError: the NeRF is not forward-facing or stands already; or it or such a camera is
            animated or constrained, so that it would not stay where it is put.
    """
    nerf = nerf or require_nerf(bpy.context.scene)
    bpy.context.view_layer.update()
    if not lies_on_its_side(nerf):
        raise UserError(f"{nerf.name!r} stands upright already; turn its Empty by hand.")
    cameras = _free_cameras(nerf)
    for thing in (nerf, *cameras):
        _check_free(thing, nerf)
    up = nerf.matrix_world.col[1].xyz
    origin = Matrix.Translation(nerf.matrix_world.translation)
    turn = origin @ up.rotation_difference(UP).to_matrix().to_4x4() @ origin.inverted()
    turned = {thing: turn @ thing.matrix_world for thing in (nerf, *cameras)}
    with still_cut_out(nerf):
        for thing, matrix in turned.items():
            thing.matrix_world = matrix
            bpy.context.view_layer.update()  # a later one may be an earlier one's child
    views = nerf.sa3d.nerf.cameras
    under = [thing for thing in views.objects if nerf in _parents(thing)] if views else []
    return cameras + under


def _free_cameras(nerf: bpy.types.Object) -> list[bpy.types.Object]:
    """The cameras that look at the NeRF and do not follow it; parents before their children."""
    scene = bpy.context.scene
    views = nerf.sa3d.nerf.cameras
    found = {*prompted_cameras(nerf), *(views.objects if views is not None else ())}
    active = scene.camera
    if active is not None and scene_nerf(scene) == nerf and was_aimed(nerf, active):
        found.add(active)
    free = [thing for thing in found if thing.type == "CAMERA" and nerf not in _parents(thing)]
    return sorted(free, key=lambda thing: (len(_parents(thing)), thing.name))


def _parents(thing: bpy.types.Object) -> list[bpy.types.Object]:
    found = []
    while thing.parent is not None:
        thing = thing.parent
        found.append(thing)
    return found


def _check_free(thing: bpy.types.Object, nerf: bpy.types.Object) -> None:
    """Raise UserError when something but its own transform says where a thing is."""
    if not any(map(_is_driven, (thing, *(_parents(thing) if thing != nerf else ())))):
        return
    cure = "turn it by hand"
    if thing != nerf:
        cure = f"make it a child of {nerf.name!r}, without constraints"
    raise UserError(
        f"{thing.name!r} is animated or constrained, so it cannot be turned along; {cure}.",
        code="not_free",
    )


def _is_driven(thing: bpy.types.Object) -> bool:
    animation = thing.animation_data
    animated = animation is not None and (animation.action or len(animation.drivers))
    return bool(animated or thing.constraints)
