"""Ways to a NeRF that artists know: File > Import, recent files, a file dropped on the viewport."""

import os
from typing import ClassVar

import bpy

from ...core.field_kinds import CHECKPOINT_EXTENSIONS, DROPPED_EXTENSIONS
from ...core.scene_name import scene_name
from ..nerf import recent_files
from . import workflow
from .operators import Caller


def why_no_recent(_context: bpy.types.Context) -> workflow.Why:
    """An empty list cannot be emptied."""
    return None if recent_files.recent_files() else "No NeRF was loaded yet"


class SA3D_OT_clear_recent(Caller, bpy.types.Operator):
    """Forget which NeRFs were loaded; their files stay"""

    bl_idname = "sa3d.clear_recent"
    bl_label = "Clear Recent NeRFs"
    bl_options: ClassVar[set[str]] = {"REGISTER"}
    needs = (why_no_recent,)

    def call(self, _context: bpy.types.Context) -> None:
        """Forget them."""
        recent_files.forget_files()


class SA3D_MT_recent(bpy.types.Menu):
    """The NeRFs that were loaded last."""

    bl_idname = "SA3D_MT_recent"
    bl_label = "Recent NeRFs"
    bl_description = "Load one of the NeRFs that were loaded last"

    def draw(self, _context: bpy.types.Context) -> None:
        """One entry each; what is gone is greyed out."""
        layout = self.layout
        layout.operator_context = "INVOKE_DEFAULT"
        paths = recent_files.recent_files()
        for path in paths:
            row = layout.row()
            row.enabled = os.path.isfile(path)
            text = f"{scene_name(path)}   ({path.name})"
            row.operator("sa3d.load_nerf", text=text, icon="FILE").filepath = str(path)
        if not paths:
            layout.label(text="No NeRF was loaded yet")
            return
        layout.separator()
        layout.operator("sa3d.clear_recent", icon="TRASH")


class Dropped:
    """A file that is dropped on a viewport is loaded."""

    bl_import_operator = "sa3d.load_nerf"

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        """Only on a viewport."""
        return context.area is not None and context.area.type == "VIEW_3D"


class SA3D_FH_checkpoint(Dropped, bpy.types.FileHandler):
    """Checkpoints: nobody else takes such files."""

    bl_idname = "SA3D_FH_checkpoint"
    bl_label = "NeRF Checkpoint"
    bl_file_extensions = ";".join(DROPPED_EXTENSIONS)


class SA3D_FH_splat(Dropped, bpy.types.FileHandler):
    """Files that may also be meshes, which Blender imports: it asks which is meant."""

    bl_idname = "SA3D_FH_splat"
    bl_label = "3D Gaussian Splat (SA3D)"
    bl_file_extensions = ";".join(e for e in CHECKPOINT_EXTENSIONS if e not in DROPPED_EXTENSIONS)


def _draw_import(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.operator("sa3d.load_nerf", text="NeRF Checkpoint (.th, .tar, .msgpack, ...)")
    self.layout.menu(SA3D_MT_recent.bl_idname)


_CLASSES = (SA3D_OT_clear_recent, SA3D_MT_recent, SA3D_FH_checkpoint, SA3D_FH_splat)
_register, _unregister = bpy.utils.register_classes_factory(_CLASSES)


def register() -> None:
    """Register them and add the menu's entries."""
    _register()
    bpy.types.TOPBAR_MT_file_import.append(_draw_import)


def unregister() -> None:
    """Take them back."""
    bpy.types.TOPBAR_MT_file_import.remove(_draw_import)
    _unregister()
