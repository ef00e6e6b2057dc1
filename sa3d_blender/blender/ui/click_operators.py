"""Operators that the tool starts at the mouse: a click, and a dragged box."""

from __future__ import annotations

from typing import ClassVar

import bpy
from bpy.props import EnumProperty, FloatVectorProperty

from ...core.errors import Cancelled, UserError
from .. import api
from ..clicking import clicked_picture, live_masks
from ..nerf.views import require_camera, world_camera
from ..properties import LABELS, POSITIVE
from ..viewport import overlay
from ..viewport.camera_frame import frame_in_region, look_through_camera, pixel_from_region
from . import workflow
from .operators import Caller

NEEDS = (workflow.why_no_nerf, workflow.why_no_camera)


def pixel_under(
    context: bpy.types.Context, mouse: tuple[float, float]
) -> tuple[float, float] | None:
    """The pixel of the camera's picture at a place in the region; None when there is no frame."""
    camera = require_camera(context.scene)
    corners = frame_in_region(context, camera)
    if corners is None:
        return None
    view = world_camera(context.scene, camera)
    return pixel_from_region(corners, mouse, (view.width, view.height))


def seen_after(
    operator: bpy.types.Operator, context: bpy.types.Context, done: set[str]
) -> set[str]:
    """After a prompt was set where there is no picture: have it rendered, and say so."""
    word = clicked_picture.render_missing(context.scene) if done == {"FINISHED"} else ""
    if word:
        operator.report({"INFO"}, word)
    return done


class OnPicture(Caller):
    """An operator on the camera's picture in the viewport under the mouse."""

    needs = NEEDS

    @staticmethod
    def start(context: bpy.types.Context) -> str:
        """Have masks shown.

        Returns:
            Why nothing can be clicked on yet, as a sentence; then the viewport was turned to the
            camera. Empty where it looks through it.
        """
        camera = require_camera(context.scene)
        live_masks.show()
        if frame_in_region(context, camera) is not None:
            return clicked_picture.why_old(context.scene, camera)
        look_through_camera(context, context.area)
        return f"This view looks through {camera.name!r} now: click on the object in it"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Do it at the mouse, once the viewport looks through the camera."""
        try:
            why_not = self.start(context)
            if not why_not:
                return self.at_mouse(context, (event.mouse_region_x, event.mouse_region_y))
            self.report({"INFO"}, why_not)
        except (UserError, Cancelled) as error:
            self.report({"WARNING"}, str(error))
        return {"CANCELLED"}

    def at_mouse(self, context: bpy.types.Context, mouse: tuple[float, float]) -> set[str]:
        """Do it at a place in the region."""
        raise NotImplementedError


class SA3D_OT_click(OnPicture, bpy.types.Operator):
    """Put a prompt under the mouse"""

    bl_idname = "sa3d.click"
    bl_label = "Add Prompt"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO", "INTERNAL"}

    label: EnumProperty(
        name="Label", description="What the point lies on", items=LABELS[:2], default=POSITIVE
    )
    place: FloatVectorProperty(
        name="Place",
        description="Pixels from the picture's left and top edge",
        size=2,
        options={"SKIP_SAVE"},
    )

    def at_mouse(self, context: bpy.types.Context, mouse: tuple[float, float]) -> set[str]:
        """Add it."""
        pixel = pixel_under(context, mouse)
        if pixel is None:
            return {"CANCELLED"}
        self.place = pixel
        return seen_after(self, context, self.execute(context))

    def call(self, _context: bpy.types.Context) -> None:
        """Put it there; done again with another place or label."""
        api.add_prompt(x=self.place[0], y=self.place[1], label=self.label)
        live_masks.look_now()


class SA3D_OT_draw_box(OnPicture, bpy.types.Operator):
    """Drag a box around the object"""

    bl_idname = "sa3d.draw_box"
    bl_label = "Draw Box"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO", "INTERNAL"}

    box: FloatVectorProperty(
        name="Box",
        description="Two corners, in pixels from the picture's left and top edge",
        size=4,
        options={"SKIP_SAVE"},
    )

    def at_mouse(self, context: bpy.types.Context, mouse: tuple[float, float]) -> set[str]:
        """Begin where the button went down; by now the mouse is farther."""
        overlay.dragged[:] = [self._pressed_at, mouse]
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Remember where the button went down."""
        region = context.region
        self._pressed_at = (
            event.mouse_prev_press_x - region.x,
            event.mouse_prev_press_y - region.y,
        )
        return super().invoke(context, event)

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Follow the mouse until the button is released."""
        if event.type in {"ESC", "RIGHTMOUSE"}:
            return self._end(context, {"CANCELLED"})
        if event.type == "MOUSEMOVE":
            overlay.dragged[1] = (event.mouse_region_x, event.mouse_region_y)
            context.region.tag_redraw()
        elif event.type == "LEFTMOUSE" and event.value == "RELEASE":
            return self._end(context, self._add(context))
        return {"RUNNING_MODAL"}

    def _add(self, context: bpy.types.Context) -> set[str]:
        try:
            first, second = (pixel_under(context, corner) for corner in overlay.dragged)
            if first is None or second is None:
                return {"CANCELLED"}
        except UserError as error:
            self.report({"WARNING"}, str(error))
            return {"CANCELLED"}
        self.box = (*first, *second)
        return seen_after(self, context, self.execute(context))

    def call(self, _context: bpy.types.Context) -> None:
        """Draw it there; done again with other corners."""
        api.add_box(box=tuple(self.box))
        live_masks.look_now()

    def _end(self, context: bpy.types.Context, result: set[str]) -> set[str]:
        overlay.dragged.clear()
        if context.region:
            context.region.tag_redraw()
        return result


register, unregister = bpy.utils.register_classes_factory((SA3D_OT_click, SA3D_OT_draw_box))
