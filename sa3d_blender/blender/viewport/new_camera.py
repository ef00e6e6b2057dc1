"""A camera on a NeRF: from where the viewport looks, with the training's lens, all in its frame."""

from __future__ import annotations

import math

import bpy
import numpy as np
from mathutils import Matrix, Quaternion, Vector

from ...core.cameras import TYPICAL_NDC_FOCAL, Camera
from ..nerf.lens import SENSOR
from ..nerf.nerf import box_center, box_size, group, is_forward_facing, parent_to
from ..nerf.views import active_camera, world_camera

MARGIN = 0.04
"""Part of the picture that stays free around the box."""
USUAL = Vector((0.7, -1.0, 0.6)).normalized()
"""From where a NeRF is looked at where nothing says otherwise, in the NeRF's frame."""
APART = math.radians(12)
"""Closer directions count as the same."""
TURNS = tuple(math.radians(turn) for turn in (0, 90, 180, 270, 45, 135, 225, 315))
"""Where another camera goes when the place is taken: a quarter turn away, first of all."""
ASIDE = tuple(math.radians(turn) for turn in (0, 10, -10, 20, -20))
"""The same where only one side was photographed."""


def add_camera(
    scene: bpy.types.Scene,
    nerf: bpy.types.Object,
    look: Quaternion | None = None,
    turn: float = 0.0,
) -> bpy.types.Object:
    """Add a camera that sees the NeRF's whole box, and make it the scene's active one.

    It is the NeRF's child, so that the two stay together. Where another camera looks from the same
    side already, it stands a quarter turn away.

    Args:
        look: a viewport's rotation; the NeRF is looked at from there.
        turn: it stands turned around the NeRF by that further angle; not where only one side was
            photographed.
    """
    camera = bpy.data.objects.new(_free_name(nerf), bpy.data.cameras.new("Camera"))
    _set_training_lens(nerf, camera.data)
    bpy.context.view_layer.update()
    taken = _taken(scene, nerf)
    group(nerf, "cameras").objects.link(camera)
    parent_to(nerf, camera)
    bpy.context.view_layer.update()
    view = world_camera(scene, camera)
    field_from_camera = (
        _aside(nerf, taken)
        if is_forward_facing(nerf)
        else _around(nerf, view, Quaternion((0, 0, 1), turn) @ _rotation(nerf, look, taken))
    )
    camera.matrix_basis = field_from_camera
    reach = (field_from_camera.translation - Vector(box_center(nerf))).length
    reach = (reach + float(np.linalg.norm(box_size(nerf)))) * nerf.matrix_world.median_scale
    camera.data.clip_end = max(camera.data.clip_end, 10 * reach)
    camera.data.display_size = 0.1 * float(box_size(nerf).max())
    scene.camera = camera
    return camera


def _free_name(nerf: bpy.types.Object) -> str:
    numbers = (f"Cam {number} {nerf.name}" for number in range(1, 10_000))
    return next(name for name in numbers if name not in bpy.data.objects)


def _set_training_lens(nerf: bpy.types.Object, lens: bpy.types.Camera) -> None:
    """Give it the lens of the NeRF's photographs, as far as that is known."""
    facts = nerf.sa3d.nerf
    shown = facts.training.objects if facts.training is not None else ()
    trained = next((thing.data for thing in shown if thing.type == "CAMERA"), None)
    if trained is not None:
        lens.sensor_fit, lens.sensor_width = trained.sensor_fit, trained.sensor_width
        lens.sensor_height, lens.lens = trained.sensor_height, trained.lens
    elif is_forward_facing(nerf):
        lens.sensor_fit, lens.sensor_width = "HORIZONTAL", SENSOR
        lens.lens = (facts.ndc_focal or TYPICAL_NDC_FOCAL) * SENSOR / 2


def _taken(scene: bpy.types.Scene, nerf: bpy.types.Object) -> list[Vector]:
    """Directions, in the NeRF's frame, from which its own cameras and the active one look."""
    own = nerf.sa3d.nerf.cameras
    cameras = set(own.objects) if own is not None else set()
    active = active_camera(scene)
    if active is not None and active.sa3d.view is not None:
        cameras.add(active)
    from_world, center = nerf.matrix_world.inverted_safe(), Vector(box_center(nerf))
    return [(from_world @ one.matrix_world.translation - center).normalized() for one in cameras]


def _rotation(nerf: bpy.types.Object, look: Quaternion | None, taken: list[Vector]) -> Quaternion:
    """How the camera is turned in the NeRF's frame: as wanted, or beside those that are there."""
    usual = USUAL.to_track_quat("Z", "Y")
    wanted = usual if look is None else nerf.matrix_world.to_quaternion().inverted() @ look
    tries = [Quaternion((0, 0, 1), turn) @ start for start in (wanted, usual) for turn in TURNS]
    free = (one for one in tries if not _is_taken(one @ Vector((0, 0, 1)), taken))
    return next(free, wanted)


def _is_taken(direction: Vector, taken: list[Vector]) -> bool:
    return any(direction.angle(other, 0.0) < APART for other in taken)


def _around(nerf: bpy.types.Object, view: Camera, rotation: Quaternion) -> Matrix:
    """Turned like that and as close as shows every corner of the box."""
    half = box_size(nerf) / 2
    corners = [
        rotation.inverted() @ Vector(half * (x, y, z))
        for x in (-1, 1)
        for y in (-1, 1)
        for z in (-1, 1)
    ]
    wide = (1 - MARGIN) * view.width / view.fl_x / 2
    high = (1 - MARGIN) * view.height / view.fl_y / 2
    away = max(one.z + max(abs(one.x) / wide, abs(one.y) / high) for one in corners)
    place = Vector(box_center(nerf)) + rotation @ Vector((0, 0, away))
    return Matrix.LocRotScale(place, rotation, None)


def _aside(nerf: bpy.types.Object, taken: list[Vector]) -> Matrix:
    """Where the photographs were taken from, or a little to the side of that."""
    center = Vector(box_center(nerf))
    tries = []
    for turn in ASIDE:
        rotation = Quaternion((0, 1, 0), turn)
        place = Matrix.LocRotScale(center + rotation @ -center, rotation, None)
        tries.append(place)
        direction = (place.translation - center).normalized()
        if all(direction.angle(other, 0.0) > ASIDE[1] / 2 for other in taken):
            return place
    return tries[-1]
