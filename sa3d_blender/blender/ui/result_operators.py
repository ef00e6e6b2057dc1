"""Operators on what was cut out."""

from typing import ClassVar

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty

from .. import api
from ..clicking import live_masks
from ..clicking.prompts import active_object
from ..nerf.nerf import require_nerf, scene_nerf
from ..properties import SA3D_SegmentObject
from ..results.result_actions import has_mesh
from ..viewport.camera_frame import TOOL, look_through_camera
from . import workflow
from .operators import WAIT, Caller


def why_no_mesh(context: bpy.types.Context) -> workflow.Why:
    """These need an object that was cut out."""
    nerf = scene_nerf(context.scene)
    there = nerf is not None and any(map(has_mesh, nerf.sa3d.nerf.objects))
    return None if there else "Segment an object first"


def entry_named(nerf: bpy.types.Object, name: str) -> SA3D_SegmentObject | None:
    """The entry of that name, else the active one; None where it has no mesh: all are meant."""
    entry = nerf.sa3d.nerf.objects.get(name) if name else active_object(nerf)
    return entry if entry is not None and has_mesh(entry) else None


class SA3D_OT_remesh(Caller, bpy.types.Operator):
    """Make the mesh of the active object anew with these settings, without segmenting again"""

    bl_idname = "sa3d.remesh"
    bl_label = "Remesh"
    bl_options: ClassVar[set[str]] = {"REGISTER"}
    needs = (workflow.why_no_job, workflow.why_no_nerf, why_no_mesh)

    every: BoolProperty(name="All Objects", description="Every object that has a mesh")
    name: StringProperty(
        name="Name", description="The object; the active one when empty", options={"SKIP_SAVE"}
    )

    def call(self, context: bpy.types.Context) -> None:
        """Remesh the active object, or all where it has no mesh."""
        nerf = require_nerf(context.scene)
        entry = None if self.every else entry_named(nerf, self.name)
        api.remesh(nerf, object_name=entry.name if entry else None, wait=WAIT)


class SA3D_OT_rest_of_scene(Caller, bpy.types.Operator):
    """Make a mesh of everything in the NeRF's box but the objects that were cut out"""

    bl_idname = "sa3d.rest_of_scene"
    bl_label = "Rest of the Scene"
    bl_options: ClassVar[set[str]] = {"REGISTER"}
    needs = (workflow.why_no_job, workflow.why_no_nerf, why_no_mesh)

    def call(self, _context: bpy.types.Context) -> None:
        """Make it."""
        api.rest_of_scene(wait=WAIT)


class SA3D_OT_own_mesh(Caller, bpy.types.Operator):
    """Make this object's mesh with settings of its own; at first they are those of all objects"""

    bl_idname = "sa3d.own_mesh"
    bl_label = "Own Mesh Settings"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}
    needs = (workflow.why_no_object,)

    name: StringProperty(
        name="Name",
        description="The object; the active one when empty",
        options={"SKIP_SAVE", "HIDDEN"},
    )

    def call(self, context: bpy.types.Context) -> None:
        """Switch them on, or off."""
        nerf = require_nerf(context.scene)
        name = self.name or active_object(nerf).name
        entry = nerf.sa3d.nerf.objects.get(name)
        api.use_own_mesh(nerf, object_name=name, use=entry is None or not entry.own_mesh.use)


class SA3D_OT_help_in_view(Caller, bpy.types.Operator):
    """Look from there at the mask that was cut, and click where it is wrong; then segment again"""

    bl_idname = "sa3d.help_in_view"
    bl_label = "Help in This View"
    bl_options: ClassVar[set[str]] = {"REGISTER"}
    needs = (workflow.why_no_job, workflow.why_no_nerf, why_no_mesh)

    name: StringProperty(
        name="Name", description="The object; the active one when empty", options={"SKIP_SAVE"}
    )
    view: IntProperty(
        name="View",
        description="Number of the view; the one that disagrees most when negative",
        default=-1,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(
        cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties
    ) -> str:
        """Why this view, and what a click does."""
        nerf = scene_nerf(context.scene)
        entry = nerf.sa3d.nerf.objects.get(properties.name) if nerf else None
        lines = entry.doubt.views if entry else ()
        reason = next((line.reason for line in lines if line.view == properties.view), "")
        why = f"{reason[:1].upper()}{reason[1:]}.\n" if reason else ""
        return f"{why}{cls.__doc__}"

    def call(self, context: bpy.types.Context) -> None:
        """Go there, with the tool in hand."""
        view = self.view if self.view >= 0 else None
        api.help_in_view(object_name=self.name or None, view=view, wait=WAIT)
        if context.area is not None and context.area.type == "VIEW_3D" and not WAIT:
            live_masks.show()
            look_through_camera(context, context.area)
            if context.mode == "OBJECT":
                bpy.ops.wm.tool_set_by_id(name=TOOL, space_type="VIEW_3D")


register, unregister = bpy.utils.register_classes_factory(
    (SA3D_OT_remesh, SA3D_OT_rest_of_scene, SA3D_OT_own_mesh, SA3D_OT_help_in_view)
)
