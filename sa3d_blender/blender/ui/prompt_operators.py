"""Operators of the list of objects and of their prompts."""

from typing import ClassVar

import bpy
from bpy.props import EnumProperty, FloatProperty, StringProperty

from ...core.errors import UserError
from .. import api
from ..nerf.nerf import require_nerf
from ..properties import LABELS, POSITIVE
from . import workflow
from .operators import Caller


class SA3D_OT_add_prompt(Caller, bpy.types.Operator):
    """Put a prompt on a pixel of the active camera's picture"""

    bl_idname = "sa3d.add_prompt"
    bl_label = "Add Prompt"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO", "INTERNAL"}
    needs = (workflow.why_no_nerf, workflow.why_no_camera)

    x: FloatProperty(
        name="X", description="Pixels from the picture's left edge", min=0, subtype="PIXEL"
    )
    y: FloatProperty(
        name="Y", description="Pixels from the picture's top edge", min=0, subtype="PIXEL"
    )
    label: EnumProperty(
        name="Label", description="What the point lies on", items=LABELS[:2], default=POSITIVE
    )

    def call(self, _context: bpy.types.Context) -> None:
        """Add it."""
        api.add_prompt(x=self.x, y=self.y, label=self.label)


class SA3D_OT_remove_prompt(Caller, bpy.types.Operator):
    """Remove the prompt that is active in the viewport"""

    bl_idname = "sa3d.remove_prompt"
    bl_label = "Remove Prompt"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO", "INTERNAL"}

    name: StringProperty(
        name="Name", description="The prompt's object; the active one when empty", options=set()
    )

    def call(self, context: bpy.types.Context) -> None:
        """Remove it."""
        empty = bpy.data.objects.get(self.name) if self.name else context.active_object
        if empty is None:
            raise UserError("There is no such prompt; select one.")
        api.remove_prompt(empty)


class SA3D_OT_clear_prompts(Caller, bpy.types.Operator):
    """Remove all prompts of the NeRF"""

    bl_idname = "sa3d.clear_prompts"
    bl_label = "Clear Prompts"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}
    needs = (workflow.why_no_nerf,)

    def call(self, _context: bpy.types.Context) -> None:
        """Remove them."""
        api.clear_prompts()


class SA3D_OT_add_object(Caller, bpy.types.Operator):
    """Add another object to cut out; new prompts are for it"""

    bl_idname = "sa3d.add_object"
    bl_label = "Add Object"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}
    needs = (workflow.why_no_nerf,)

    name: StringProperty(name="Name", description="What to call it", default="Object")

    def call(self, _context: bpy.types.Context) -> None:
        """Add it."""
        api.add_object(name=self.name)


class SA3D_OT_remove_object(Caller, bpy.types.Operator):
    """Remove the active object and its prompts from the list; its mesh stays"""

    bl_idname = "sa3d.remove_object"
    bl_label = "Remove Object"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}
    needs = (workflow.why_no_object,)

    def call(self, context: bpy.types.Context) -> None:
        """Remove it."""
        facts = require_nerf(context.scene).sa3d.nerf
        api.remove_object(name=facts.objects[facts.active_object].name)


_CLASSES = (
    SA3D_OT_add_prompt,
    SA3D_OT_remove_prompt,
    SA3D_OT_clear_prompts,
    SA3D_OT_add_object,
    SA3D_OT_remove_object,
)
register, unregister = bpy.utils.register_classes_factory(_CLASSES)
