"""The tool in the viewport's toolbar: clicks and boxes on the camera's picture."""

from __future__ import annotations

from typing import Any, ClassVar

import bpy
from bpy.props import EnumProperty, IntProperty

from ...core.errors import Cancelled, UserError
from .. import api, workflow
from ..nerf.nerf import scene_nerf
from ..operators import Caller
from ..properties import LABELS, POSITIVE
from ..viewport import overlay
from ..viewport.camera_frame import (
    TOOL,
    frame_in_region,
    is_tool_active,
    look_through_camera,
    pixel_from_region,
)
from ..viewport.views import require_camera, world_camera
from . import live_masks
from .prompts import active_object
from .second_camera import candidate

KEYS = (
    "Click: object    Ctrl-click or right-click: not the object    Drag: box    "
    "Tab: other mask    Backspace: remove last    Enter: segment    Esc: done"
)
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


class OnPicture(Caller):
    """An operator on the camera's picture in the viewport under the mouse."""

    needs = NEEDS

    def start(self, context: bpy.types.Context) -> bool:
        """Have masks shown; turns to the camera first and then is False."""
        live_masks.show()
        if frame_in_region(context, require_camera(context.scene)) is not None:
            return True
        look_through_camera(context, context.area)
        return False

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Do it at the mouse, once the viewport looks through the camera."""
        try:
            if self.start(context):
                return self.at_mouse(context, (event.mouse_region_x, event.mouse_region_y))
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
    bl_options: ClassVar[set[str]] = {"UNDO"}

    label: EnumProperty(
        name="Label", description="What the point lies on", items=LABELS[:2], default=POSITIVE
    )

    def at_mouse(self, context: bpy.types.Context, mouse: tuple[float, float]) -> set[str]:
        """Add it."""
        pixel = pixel_under(context, mouse)
        if pixel is None:
            return {"CANCELLED"}
        api.add_prompt(x=pixel[0], y=pixel[1], label=self.label)
        live_masks.look_now()
        return {"FINISHED"}


class SA3D_OT_draw_box(OnPicture, bpy.types.Operator):
    """Drag a box around the object"""

    bl_idname = "sa3d.draw_box"
    bl_label = "Draw Box"
    bl_options: ClassVar[set[str]] = {"UNDO"}

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
            api.add_box(box=(*first, *second))
        except UserError as error:
            self.report({"WARNING"}, str(error))
            return {"CANCELLED"}
        live_masks.look_now()
        return {"FINISHED"}

    def _end(self, context: bpy.types.Context, result: set[str]) -> set[str]:
        overlay.dragged.clear()
        if context.region:
            context.region.tag_redraw()
        return result


class SA3D_OT_remove_last_prompt(Caller, bpy.types.Operator):
    """Remove the prompt that was set last in this camera's picture"""

    bl_idname = "sa3d.remove_last_prompt"
    bl_label = "Remove Last Prompt"
    bl_options: ClassVar[set[str]] = {"UNDO"}
    needs = (*NEEDS, workflow.why_no_prompt)

    def call(self, _context: bpy.types.Context) -> None:
        """Remove it."""
        api.remove_last_prompt()


class SA3D_OT_next_mask(Caller, bpy.types.Operator):
    """Take another of the masks that the segmenter offers: the whole, or a part of it"""

    bl_idname = "sa3d.next_mask"
    bl_label = "Other Mask"
    bl_options: ClassVar[set[str]] = {"UNDO"}
    needs = (*NEEDS, workflow.why_no_prompt)

    step: IntProperty(name="Step", description="1 for the next, -1 for the one before", default=1)

    def call(self, context: bpy.types.Context) -> None:
        """Take it."""
        api.next_mask(step=self.step)
        if context.area:
            context.area.tag_redraw()


class SA3D_OT_pick_prompts(Caller, bpy.types.Operator):
    """Look through the camera and click on the object; Ctrl-click on what does not belong to it"""

    bl_idname = "sa3d.pick_prompts"
    bl_label = "Add Prompts"
    needs = (*NEEDS, workflow.why_no_viewport)

    def call(self, context: bpy.types.Context) -> None:
        """Take the tool."""
        live_masks.show()
        look_through_camera(context, context.area)
        bpy.ops.wm.tool_set_by_id(name=TOOL, space_type="VIEW_3D")


class SA3D_OT_leave_tool(bpy.types.Operator):
    """Go back to selecting"""

    bl_idname = "sa3d.leave_tool"
    bl_label = "Done"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Take the select tool."""
        bpy.ops.wm.tool_set_by_id(name="builtin.select_box", space_type="VIEW_3D")
        return {"FINISHED"}


class SA3D_WT_prompt_tool(bpy.types.WorkSpaceTool):
    """The tool."""

    bl_space_type = "VIEW_3D"
    bl_context_mode = "OBJECT"
    bl_idname = TOOL
    bl_label = "Segment NeRF"
    bl_description = (
        "Click on the object in the camera's picture of the NeRF.\n"
        "Ctrl-click or right-click on what does not belong to it; drag a box around it"
    )
    bl_icon = "ops.paint.eyedropper_add"
    bl_cursor = "CROSSHAIR"
    bl_keymap = (
        ("sa3d.click", {"type": "LEFTMOUSE", "value": "CLICK"}, None),
        (
            "sa3d.click",
            {"type": "LEFTMOUSE", "value": "CLICK", "ctrl": True},
            {"properties": [("label", "NEGATIVE")]},
        ),
        (
            "sa3d.click",
            {"type": "RIGHTMOUSE", "value": "PRESS"},
            {"properties": [("label", "NEGATIVE")]},
        ),
        ("sa3d.draw_box", {"type": "LEFTMOUSE", "value": "CLICK_DRAG"}, None),
        ("sa3d.next_mask", {"type": "TAB", "value": "PRESS"}, None),
        (
            "sa3d.next_mask",
            {"type": "TAB", "value": "PRESS", "shift": True},
            {"properties": [("step", -1)]},
        ),
        ("sa3d.remove_last_prompt", {"type": "BACK_SPACE", "value": "PRESS"}, None),
        ("sa3d.segment", {"type": "RET", "value": "PRESS"}, None),
        ("sa3d.segment", {"type": "NUMPAD_ENTER", "value": "PRESS"}, None),
        ("sa3d.leave_tool", {"type": "ESC", "value": "PRESS"}, None),
    )

    def draw_settings(
        context: bpy.types.Context,  # noqa: N805 (Blender calls it without an instance)
        layout: bpy.types.UILayout,
        _tool: Any,
    ) -> None:
        """The tool's header: which object, which mask, or what is in the way."""
        nerf = scene_nerf(context.scene)
        if nerf is None:
            layout.label(text="Load a NeRF first", icon="INFO")
            return
        entry = active_object(nerf)
        if entry is not None:
            row = layout.row(align=True)
            row.prop(entry, "color", text="")
            row.prop(entry, "name", text="")
            answer = live_masks.live.answers.get(entry.key)
            if answer is not None:
                count = len(answer.masks)
                text = f"Mask {candidate(entry, context.scene.camera, count) + 1} of {count}"
                layout.operator("sa3d.next_mask", text=text, icon="FILE_REFRESH")
        if live_masks.live.message:
            layout.label(text=live_masks.live.message, icon="ERROR")
        elif live_masks.live.wanted and not live_masks.live.ready:
            layout.label(text="Preparing the picture", icon="TIME")


class _Status:
    """Whether the status bar shows the tool's keys."""

    shown = False


def follow_tool() -> float:
    """Show the keys while the tool is in hand; the masks come with it. A timer calls it."""
    context = bpy.context
    if context.window_manager is None or not context.window_manager.windows:
        return 1.0
    window = context.window_manager.windows[0]
    with context.temp_override(window=window):
        active = is_tool_active(bpy.context)
        if active != _Status.shown:
            _Status.shown = active
            for workspace in bpy.data.workspaces:
                workspace.status_text_set(KEYS if active else None)
            if active and all(need(bpy.context) is None for need in NEEDS):
                try:
                    live_masks.show()
                except UserError as error:
                    live_masks.live.error = error
    return 0.3


_CLASSES = (
    SA3D_OT_click,
    SA3D_OT_draw_box,
    SA3D_OT_remove_last_prompt,
    SA3D_OT_next_mask,
    SA3D_OT_pick_prompts,
    SA3D_OT_leave_tool,
)
_register, _unregister = bpy.utils.register_classes_factory(_CLASSES)


def register() -> None:
    """Register operators and, where there is a window, the tool."""
    _register()
    if not bpy.app.background:
        bpy.utils.register_tool(SA3D_WT_prompt_tool, after={"builtin.transform"}, separator=True)
        bpy.app.timers.register(follow_tool, first_interval=0.5, persistent=True)


def unregister() -> None:
    """Take them back."""
    if not bpy.app.background:
        if bpy.app.timers.is_registered(follow_tool):
            bpy.app.timers.unregister(follow_tool)
        if _Status.shown:
            _Status.shown = False
            for workspace in bpy.data.workspaces:
                workspace.status_text_set(None)
        bpy.utils.unregister_tool(SA3D_WT_prompt_tool)
    _unregister()
