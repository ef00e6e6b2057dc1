"""Operators on how results are seen: origin, look, texture."""

from __future__ import annotations

from typing import ClassVar

import bpy
from bpy.props import EnumProperty, StringProperty

from .. import api
from ..nerf.nerf import require_nerf, scene_nerf
from ..results.choices import CENTER, LIT, LOOKS, ORIGINS
from ..results.looks import colors_are_changed, use_standard_colors
from . import workflow
from .operators import WAIT, Caller
from .result_operators import entry_named, why_no_mesh

USUAL_TEXTURE = "1024"
"""Pixels of a texture's side where none was chosen."""


def why_standard(context: bpy.types.Context) -> workflow.Why:
    """Only colours that are changed can be left as they are."""
    nerf = scene_nerf(context.scene)
    changed = nerf is not None and colors_are_changed(context.scene, nerf)
    return None if changed else "Colours are shown as they are already"


class SA3D_OT_set_origin(Caller, bpy.types.Operator):
    """Put the origin of this NeRF's results, and of those to come, elsewhere; nothing moves"""

    bl_idname = "sa3d.set_origin"
    bl_label = "Origin of Results"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}
    needs = (workflow.why_no_job, workflow.why_no_nerf)

    origin: EnumProperty(name="Origin", description="Where it lies", items=ORIGINS, default=CENTER)

    def call(self, _context: bpy.types.Context) -> None:
        """Put it there."""
        api.set_origin(origin=self.origin)


class SA3D_OT_set_look(Caller, bpy.types.Operator):
    """Have the materials of this NeRF's results lit, or show the photographs' colours"""

    bl_idname = "sa3d.set_look"
    bl_label = "Look of Results"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}
    needs = (workflow.why_no_nerf,)

    look: EnumProperty(name="Look", description="Which", items=LOOKS, default=LIT)

    def call(self, _context: bpy.types.Context) -> None:
        """Change them."""
        api.set_look(look=self.look)


class SA3D_OT_standard_colors(Caller, bpy.types.Operator):
    """Set the scene's View Transform to Standard, so that renders show colours as they are"""

    bl_idname = "sa3d.standard_colors"
    bl_label = "Use Standard Colors"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}
    needs = (workflow.why_no_nerf, why_standard)

    def call(self, context: bpy.types.Context) -> None:
        """Set it."""
        use_standard_colors(context.scene)


class SA3D_OT_bake_texture(Caller, bpy.types.Operator):
    """Make the mesh anew with the NeRF's colours in a texture"""

    bl_idname = "sa3d.bake_texture"
    bl_label = "Bake Texture"
    bl_options: ClassVar[set[str]] = {"REGISTER"}
    needs = (workflow.why_no_job, workflow.why_no_nerf, why_no_mesh)

    name: StringProperty(
        name="Name", description="The object; the active one when empty", options={"SKIP_SAVE"}
    )

    def call(self, context: bpy.types.Context) -> None:
        """Bake that of one object, or of all where the active one has no mesh."""
        nerf = require_nerf(context.scene)
        entry = entry_named(nerf, self.name)
        settings = nerf.sa3d.nerf.surface
        if entry is not None and entry.own_mesh.use:
            settings = entry.own_mesh
        if settings.texture == "0":
            settings.texture = USUAL_TEXTURE
        api.remesh(nerf, object_name=entry.name if entry is not None else None, wait=WAIT)


_ON_ENTRY = (
    ("sa3d.remesh", "Remesh", "MOD_REMESH"),
    ("sa3d.bake_texture", "Bake Texture", "TEXTURE"),
    ("sa3d.help_in_view", "Show in Views", "VIEW_CAMERA"),
)


class SA3D_MT_result(bpy.types.Menu):
    """What can be done with a result, in the menu of a right click on it."""

    bl_idname = "SA3D_MT_result"
    bl_label = "SA3D"

    def draw(self, context: bpy.types.Context) -> None:
        """What changes the clicked object."""
        layout, clicked = self.layout, context.active_object
        nerf = scene_nerf(context.scene)
        entries = nerf.sa3d.nerf.objects if nerf is not None and clicked is not None else ()
        entry = next((one for one in entries if one.result == clicked), None)
        for operator, text, icon in _ON_ENTRY if entry is not None else ():
            layout.operator(operator, text=text, icon=icon).name = entry.name
        layout.separator()
        layout.operator_menu_enum("sa3d.set_origin", "origin", text="Origin")
        layout.operator_menu_enum("sa3d.set_look", "look", text="Look")


def draw_in_context_menu(self: bpy.types.Menu, context: bpy.types.Context) -> None:
    """A submenu on results, in Blender's own menu."""
    clicked = context.active_object
    if clicked is not None and clicked.sa3d.kind == "RESULT":
        self.layout.separator()
        self.layout.menu("SA3D_MT_result")


_CLASSES = (
    SA3D_OT_set_origin,
    SA3D_OT_set_look,
    SA3D_OT_standard_colors,
    SA3D_OT_bake_texture,
    SA3D_MT_result,
)
_register, _unregister = bpy.utils.register_classes_factory(_CLASSES)
_MENUS = ("VIEW3D_MT_object_context_menu", "OUTLINER_MT_object")


def register() -> None:
    """Register them and add the menus' entries."""
    _register()
    for name in _MENUS:
        getattr(bpy.types, name).append(draw_in_context_menu)


def unregister() -> None:
    """Take them back."""
    for name in _MENUS:
        getattr(bpy.types, name).remove(draw_in_context_menu)
    _unregister()
