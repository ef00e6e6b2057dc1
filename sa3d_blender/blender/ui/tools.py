"""The tool in the viewport's toolbar: clicks and boxes on the camera's picture."""

from __future__ import annotations

from typing import Any, ClassVar

import bpy
from bpy.props import IntProperty

from ...core.errors import UserError
from ...core.turns import Urgency
from .. import api
from ..clicking import live_masks
from ..clicking.prompts import active_object
from ..clicking.second_camera import candidate
from ..engine_link import loop
from ..nerf.nerf import scene_nerf
from ..redraw import redraw_panels
from ..viewport.camera_frame import TOOL, is_tool_active, look_through_camera
from . import workflow
from .click_operators import NEEDS
from .operators import Caller

KEYS = (
    "Click: object    Ctrl-click or right-click: not the object    Drag: box    "
    "Tab: other mask    Backspace: remove last    Enter: segment    Esc: done"
)


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


def why_no_tool(context: bpy.types.Context) -> workflow.Why:
    """Enter segments while the tool is in hand."""
    return None if is_tool_active(context) else "Take the tool with Add Prompts first"


class SA3D_OT_segment_in_hand(Caller, bpy.types.Operator):
    """Segment, by the key, wherever in the viewport the mouse is"""

    bl_idname = "sa3d.segment_in_hand"
    bl_label = "Segment"
    bl_options: ClassVar[set[str]] = {"INTERNAL"}
    needs = (workflow.why_no_job, workflow.why_nothing_to_segment, why_no_tool)

    def call(self, _context: bpy.types.Context) -> None:
        """What the button does."""
        bpy.ops.sa3d.segment()  # type: ignore[attr-defined]


class SA3D_OT_leave_tool(bpy.types.Operator):
    """Go back to selecting"""

    bl_idname = "sa3d.leave_tool"
    bl_label = "Done"
    bl_options: ClassVar[set[str]] = {"INTERNAL"}

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

    def draw_settings(  # type: ignore[misc]
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
            if answer is not None and len(answer.masks) > 1:
                count = len(answer.masks)
                text = f"Mask {candidate(entry, context.scene.camera, count) + 1} of {count}"
                layout.operator("sa3d.next_mask", text=text, icon="FILE_REFRESH")
        else:
            layout.label(text="Click on the object", icon="EYEDROPPER")
        if live_masks.live.message:
            layout.label(text=live_masks.live.message, icon="ERROR")
        elif live_masks.live.wanted and not live_masks.live.ready:
            layout.label(text="Preparing the picture", icon="TIME")


class _Status:
    """Whether the status bar shows the tool's keys."""

    shown = False


def follow_tool() -> float:
    """Show the keys while the tool is in hand; the masks come with it. The loop calls it."""
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
            redraw_panels()  # the panel says what the tool in hand is for
            if active and all(need(bpy.context) is None for need in NEEDS):
                try:
                    live_masks.show()
                except UserError as error:
                    live_masks.live.error = error
    return 0.3


_CLASSES = (
    SA3D_OT_remove_last_prompt,
    SA3D_OT_next_mask,
    SA3D_OT_pick_prompts,
    SA3D_OT_segment_in_hand,
    SA3D_OT_leave_tool,
)
_keys: list[tuple[Any, Any]] = []
"""The tool's own keys are heard over the picture only, not over toolbar and sidebar."""
_register, _unregister = bpy.utils.register_classes_factory(_CLASSES)


def register() -> None:
    """Register operators and, where there is a window, the tool."""
    _register()
    if not bpy.app.background:
        bpy.utils.register_tool(SA3D_WT_prompt_tool, after={"builtin.transform"}, separator=True)
        loop.wake(follow_tool, Urgency.WATCH, after=0.5)
        keymap = bpy.context.window_manager.keyconfigs.addon.keymaps.new(
            "3D View Generic", space_type="VIEW_3D"
        )
        for key in ("RET", "NUMPAD_ENTER"):
            item = keymap.keymap_items.new("sa3d.segment_in_hand", key, "PRESS")
            _keys.append((keymap, item))


def unregister() -> None:
    """Take them back."""
    for keymap, item in _keys:
        keymap.keymap_items.remove(item)
    _keys.clear()
    if not bpy.app.background:
        loop.leave(follow_tool)
        if _Status.shown:
            _Status.shown = False
            for workspace in bpy.data.workspaces:
                workspace.status_text_set(None)
        bpy.utils.unregister_tool(SA3D_WT_prompt_tool)
    _unregister()
