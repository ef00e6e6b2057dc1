"""Batches in the sidebar: what was clicked on goes into a jobs file, and results come back."""

from typing import Any, ClassVar

import bpy
from bpy.props import StringProperty

from .. import api
from . import workflow
from .operators import WAIT, Caller
from .panels import Section

FILE = "JOBS.toml"


class SA3D_OT_save_batch_job(Caller, bpy.types.Operator):
    """Add the NeRF with its prompts and settings to a jobs file for sa3d batch"""

    bl_idname = "sa3d.save_batch_job"
    bl_label = "Save as Batch Job"
    bl_options: ClassVar[set[str]] = {"REGISTER"}
    needs = (workflow.why_no_nerf, workflow.why_nothing_to_segment)

    filepath: StringProperty(
        name="File", description="The jobs file; it keeps the jobs that it has", subtype="FILE_PATH"
    )
    filter_glob: StringProperty(default="*.toml", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the file; the last one is offered again."""
        self.filepath = self.filepath or bpy.path.abspath(f"//{FILE}")
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def call(self, _context: bpy.types.Context) -> None:
        """Save it, and say as what."""
        name = api.save_batch_job(self.filepath)
        self.report({"INFO"}, f"Saved as the job {name!r} in {self.filepath}")


class SA3D_OT_import_batch_results(Caller, bpy.types.Operator):
    """Place the meshes that sa3d batch made of this scene's NeRFs; it may still be running"""

    bl_idname = "sa3d.import_batch_results"
    bl_label = "Import Batch Results"
    bl_options: ClassVar[set[str]] = {"REGISTER"}
    needs = (workflow.why_no_job, workflow.why_no_nerf)

    directory: StringProperty(
        name="Folder", description="Where sa3d batch writes to (--out)", subtype="DIR_PATH"
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the folder."""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def call(self, _context: bpy.types.Context) -> None:
        """Import them."""
        api.import_batch_results(self.directory, wait=WAIT)


class SA3D_PT_batch(Section, bpy.types.Panel):
    """After the steps: the same for many NeRFs."""

    bl_label = "Batch"
    bl_options: ClassVar[set[str]] = {"DEFAULT_CLOSED"}

    def draw_step(
        self, _context: bpy.types.Context, layout: bpy.types.UILayout, _nerf: Any
    ) -> None:
        """The two buttons."""
        layout.operator("sa3d.save_batch_job", icon="FILE_TICK")
        layout.operator("sa3d.import_batch_results", icon="IMPORT")


_CLASSES = (SA3D_OT_save_batch_job, SA3D_OT_import_batch_results, SA3D_PT_batch)
register, unregister = bpy.utils.register_classes_factory(_CLASSES)
