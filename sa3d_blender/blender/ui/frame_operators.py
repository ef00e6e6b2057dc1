"""Operators on a NeRF's Empty: have it in sight, hide what stands in its box, stand it upright."""

from typing import Any, ClassVar

import bpy

from .. import api
from ..nerf.in_the_box import things_in_box
from ..nerf.nerf import require_nerf, scene_nerf
from ..properties import is_nerf
from ..scene.upright import lies_on_its_side
from . import workflow
from .operators import Caller


def why_nothing_in_box(context: bpy.types.Context) -> workflow.Why:
    """Only what stands in the box can be hidden."""
    nerf = scene_nerf(context.scene)
    return None if nerf and things_in_box(nerf) else "Nothing stands in the NeRF's box"


def why_not_alone(context: bpy.types.Context) -> workflow.Why:
    """Where more is selected, Blender's own Frame Selected is meant."""
    selected = context.selected_objects
    alone = context.mode == "OBJECT" and len(selected) == 1 and is_nerf(None, selected[0])
    return None if alone else "Select a NeRF's Empty and nothing else"


def why_upright(context: bpy.types.Context) -> workflow.Why:
    """Only what lies on its side can be stood up."""
    nerf = scene_nerf(context.scene)
    return None if nerf and lies_on_its_side(nerf) else "The NeRF stands upright already"


class SA3D_OT_hide_in_box(Caller, bpy.types.Operator):
    """Hide what stands in the NeRF's box, in the viewports only. Alt-H shows it again"""

    bl_idname = "sa3d.hide_in_box"
    bl_label = "Hide What Is in the Box"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}
    needs = (workflow.why_no_nerf, why_nothing_in_box)

    def call(self, _context: bpy.types.Context) -> None:
        """Hide it."""
        api.hide_in_box()


class SA3D_OT_frame_nerf(Caller, bpy.types.Operator):
    """Show the NeRF's whole box in the viewports"""

    bl_idname = "sa3d.frame_nerf"
    bl_label = "Frame NeRF"
    needs = (workflow.why_no_nerf,)

    def call(self, context: bpy.types.Context) -> None:
        """Frame it."""
        api.frame_nerf(require_nerf(context.scene))


class SA3D_OT_frame_selected_nerf(Caller, bpy.types.Operator):
    """Show the selected NeRF's whole box, as Frame Selected does of other objects"""

    bl_idname = "sa3d.frame_selected_nerf"
    bl_label = "Frame Selected NeRF"
    bl_options: ClassVar[set[str]] = {"INTERNAL"}

    needs = (why_not_alone,)

    def call(self, context: bpy.types.Context) -> None:
        """Frame it, out of any camera's view."""
        view = getattr(context.space_data, "region_3d", None)
        if view is not None and view.view_perspective == "CAMERA":
            view.view_perspective = "PERSP"
        api.frame_nerf(context.selected_objects[0])


class SA3D_OT_stand_upright(Caller, bpy.types.Operator):
    """Turn the NeRF so that its up is Blender's, and its cameras with it: no picture changes"""

    bl_idname = "sa3d.stand_upright"
    bl_label = "Stand Upright"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}
    needs = (workflow.why_no_nerf, why_upright)

    def call(self, _context: bpy.types.Context) -> None:
        """Turn it."""
        api.stand_upright()


_CLASSES = (
    SA3D_OT_hide_in_box,
    SA3D_OT_frame_nerf,
    SA3D_OT_frame_selected_nerf,
    SA3D_OT_stand_upright,
)
_register, _unregister = bpy.utils.register_classes_factory(_CLASSES)
_keys: list[tuple[Any, Any]] = []


def register() -> None:
    """Register them, with Blender's key for Frame Selected."""
    _register()
    config = bpy.context.window_manager.keyconfigs.addon
    if config is not None and not bpy.app.background:
        keymap = config.keymaps.new("3D View", space_type="VIEW_3D")
        item = keymap.keymap_items.new("sa3d.frame_selected_nerf", "NUMPAD_PERIOD", "PRESS")
        _keys.append((keymap, item))


def unregister() -> None:
    """Take them back."""
    for keymap, item in _keys:
        keymap.keymap_items.remove(item)
    _keys.clear()
    _unregister()
