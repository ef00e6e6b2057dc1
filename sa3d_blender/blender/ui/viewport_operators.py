"""Operators for what the viewport shows of a NeRF."""

from __future__ import annotations

import bpy

from .. import api
from ..viewport import viewport_preview
from ..viewport.camera_frame import look_through_camera
from . import workflow
from .operators import WAIT, Caller


def _why_not_follow(context: bpy.types.Context) -> workflow.Why:
    """Turning it off is always possible."""
    if viewport_preview.following.on:
        return None
    return workflow.why_no_nerf(context) or workflow.why_no_camera(context)


class SA3D_OT_follow_camera(Caller, bpy.types.Operator):
    """Show the NeRF behind the scene while the camera moves: coarse at once, finer when it rests"""

    bl_idname = "sa3d.follow_camera"
    bl_label = "Follow Camera"
    needs = (_why_not_follow,)

    def call(self, context: bpy.types.Context) -> None:
        """Turn it on, and have the camera's view in sight, or turn it off."""
        api.follow_camera(not viewport_preview.following.on)
        on = viewport_preview.following.on
        if on and context.area is not None and context.area.type == "VIEW_3D":
            look_through_camera(context, context.area)


class SA3D_OT_points_to_object(Caller, bpy.types.Operator):
    """Make a mesh of the NeRF's points, which can be rendered and exported"""

    bl_idname = "sa3d.points_to_object"
    bl_label = "Points to Object"
    needs = (workflow.why_no_job, workflow.why_no_nerf)

    def call(self, _context: bpy.types.Context) -> None:
        """Make it."""
        api.points_to_object(wait=WAIT)


_CLASSES = (SA3D_OT_follow_camera, SA3D_OT_points_to_object)
register, unregister = bpy.utils.register_classes_factory(_CLASSES)
