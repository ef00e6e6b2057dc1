"""Clicking prompts on the camera's picture in the viewport."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import bpy
import numpy as np
from bpy_extras.view3d_utils import location_3d_to_region_2d

from . import api, workflow
from .properties import NEGATIVE, POSITIVE
from .views import require_camera, world_camera

Corners = Sequence[Sequence[float]]
"""Top right, bottom right, bottom left, top left of the camera's frame, as `Camera.view_frame`."""


def pixel_from_region(
    corners: Corners, mouse: tuple[float, float], size: tuple[int, int]
) -> tuple[float, float]:
    """The pixel of the camera's picture, origin top left, under the mouse.

    Args:
        corners: the frame's corners in the region, y upwards.
        mouse: position in the region, y upwards.
        size: the picture's width and height.
    """
    right, top = corners[0]
    left, bottom = corners[2]
    x = (mouse[0] - left) / (right - left) * size[0]
    y = (top - mouse[1]) / (top - bottom) * size[1]
    return x, y


def frame_in_region(context: bpy.types.Context, camera: bpy.types.Object) -> Corners | None:
    """The camera's frame as drawn in the viewport, or None when it does not show it."""
    view = context.space_data.region_3d if context.space_data else None
    if view is None or view.view_perspective != "CAMERA":
        return None
    evaluated = camera.evaluated_get(context.evaluated_depsgraph_get())
    to_world = evaluated.matrix_world.normalized()
    to_region: Callable[..., Any] = location_3d_to_region_2d
    frame = evaluated.data.view_frame(scene=context.scene)
    corners = [to_region(context.region, view, to_world @ corner) for corner in frame]
    return None if any(corner is None for corner in corners) else corners


class SA3D_OT_pick_prompts(bpy.types.Operator):
    """Click on the object in the camera view; Ctrl-click on what does not belong to it"""

    bl_idname = "sa3d.pick_prompts"
    bl_label = "Add Prompts"
    bl_options: ClassVar[set[str]] = {"REGISTER"}
    HINT: ClassVar[str] = "Click: object    Ctrl-click: not the object    Enter or Esc: done"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Needs a viewport, a NeRF and a camera."""
        needs = (workflow.why_no_nerf, workflow.why_no_camera)
        why = next(filter(None, (need(context) for need in needs)), None)
        if why is None and (context.area is None or context.area.type != "VIEW_3D"):
            why = "Use it in a 3D viewport"
        if why:
            cls.poll_message_set(why)
        return why is None

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Look through the camera and wait for clicks."""
        context.space_data.region_3d.view_perspective = "CAMERA"
        context.workspace.status_text_set(self.HINT)
        context.window.cursor_modal_set("CROSSHAIR")
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """A click adds a prompt; everything that is not about clicking passes through."""
        if event.type in {"RET", "NUMPAD_ENTER", "ESC", "RIGHTMOUSE"} and event.value == "PRESS":
            context.workspace.status_text_set(None)
            context.window.cursor_modal_restore()
            return {"FINISHED"}
        if event.type != "LEFTMOUSE" or event.value != "PRESS":
            return {"PASS_THROUGH"}
        pixel = self._pixel(context, event)
        if pixel is None:
            return {"PASS_THROUGH"}
        try:
            api.add_prompt(x=pixel[0], y=pixel[1], label=NEGATIVE if event.ctrl else POSITIVE)
            bpy.ops.ed.undo_push(message="Add Prompt")
        except api.UserError as error:
            self.report({"WARNING"}, str(error))
        return {"RUNNING_MODAL"}

    def _pixel(
        self, context: bpy.types.Context, event: bpy.types.Event
    ) -> tuple[float, float] | None:
        region = next((r for r in context.area.regions if r.type == "WINDOW"), None)
        if region is None:
            return None
        mouse = (event.mouse_x - region.x, event.mouse_y - region.y)
        if not (0 <= mouse[0] < region.width and 0 <= mouse[1] < region.height):
            return None
        camera = require_camera(context.scene)
        with context.temp_override(region=region):
            corners = frame_in_region(context, camera)
        if corners is None:
            return None
        view = world_camera(context.scene, camera)
        pixel = np.array(pixel_from_region(corners, mouse, (view.width, view.height)))
        inside = (pixel >= 0).all() and (pixel <= (view.width, view.height)).all()
        return (float(pixel[0]), float(pixel[1])) if inside else None


register, unregister = bpy.utils.register_classes_factory((SA3D_OT_pick_prompts,))
