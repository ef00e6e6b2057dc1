"""Operators for when something is wrong, and for memory and disk."""

from typing import Any, ClassVar

import bpy
from bpy.props import StringProperty

from ...core.background import shown_bytes
from ...core.errors import UserError
from .. import api
from ..engine_link import engine_log, session
from ..folders import log_file
from ..nerf.nerf import require_nerf
from . import workflow
from .operators import WAIT, Caller
from .workflow import Why

LOG_LINES = 25
LOG_WIDTH = 800
LOG_COLUMNS = 110


def why_no_engine(_context: bpy.types.Context) -> Why:
    """Only a running engine holds memory."""
    engine = session.current.engine
    return None if engine is not None and engine.ended is None else "The engine is not running"


def why_no_cache(_context: bpy.types.Context) -> Why:
    """An empty cache cannot be cleared."""
    return None if api.cache_size() else "The cache is empty"


def why_no_log(_context: bpy.types.Context) -> Why:
    """There is a log once an engine has run."""
    log = log_file()
    return None if log is not None and log.is_file() else "No engine has run yet"


class SA3D_OT_copy_report(Caller, bpy.types.Operator):
    """Copy the error, versions and the engine's last lines, to be sent to someone who can help"""

    bl_idname = "sa3d.copy_report"
    bl_label = "Copy Report"

    sentence: StringProperty(
        name="Error", description="What went wrong", options={"SKIP_SAVE", "HIDDEN"}
    )

    def call(self, _context: bpy.types.Context) -> None:
        """Copy it."""
        api.copy_report(self.sentence)
        self.report({"INFO"}, "The report is on the clipboard")


class SA3D_OT_view_log(Caller, bpy.types.Operator):
    """Show the last lines that the engine wrote"""

    bl_idname = "sa3d.view_log"
    bl_label = "View Log"

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Show them in a window of their own."""
        return context.window_manager.invoke_popup(self, width=LOG_WIDTH)

    def draw(self, _context: bpy.types.Context) -> None:
        """The lines, and the way to the whole log."""
        column = self.layout.column(align=True)
        column.label(text="What the engine wrote last", icon="TEXT")
        for line in engine_log.last_lines(LOG_LINES) or ["Nothing yet"]:
            column.label(text=line[:LOG_COLUMNS])
        row = self.layout.row()
        row.operator("sa3d.open_log", icon="FILE_TEXT")
        row.operator("sa3d.copy_report", icon="COPYDOWN")

    def call(self, _context: bpy.types.Context) -> None:
        """Without a window there is nothing to show."""


class SA3D_OT_open_log(Caller, bpy.types.Operator):
    """Open the engine's whole log in the system's text viewer"""

    bl_idname = "sa3d.open_log"
    bl_label = "Open Full Log"
    needs = (why_no_log,)

    def call(self, _context: bpy.types.Context) -> Any:
        """Open it."""
        log = log_file()
        if log is None or not log.is_file():
            raise UserError("There is no log yet.", code="missing_file")
        return bpy.ops.wm.path_open(filepath=str(log))


class SA3D_OT_unload(Caller, bpy.types.Operator):
    """Give back the memory of the NeRF and the segmenter, the graphics card's too"""

    bl_idname = "sa3d.unload"
    bl_label = "Unload"
    needs = (workflow.why_no_job, why_no_engine)

    def call(self, _context: bpy.types.Context) -> None:
        """Unload them; they are loaded again when they are needed."""
        api.unload(wait=WAIT)


class SA3D_OT_clear_cache(Caller, bpy.types.Operator):
    """Remove what the engine keeps on the disk to open some NeRFs faster"""

    bl_idname = "sa3d.clear_cache"
    bl_label = "Clear Cache"
    needs = (workflow.why_no_job, why_no_cache)

    def call(self, _context: bpy.types.Context) -> None:
        """Remove it."""
        freed = api.clear_cache()
        self.report({"INFO"}, f"{shown_bytes(freed)} are free again")


class SA3D_OT_smaller_views(Caller, bpy.types.Operator):
    """Have the next run look at smaller views, which takes less memory"""

    bl_idname = "sa3d.smaller_views"
    bl_label = "Use Smaller Views"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}
    needs = (workflow.why_no_job, workflow.why_no_nerf)

    def call(self, context: bpy.types.Context) -> None:
        """Make them smaller."""
        size = api.use_smaller_views(require_nerf(context.scene))
        self.report({"INFO"}, f"The next run looks at views of {size} pixels")


_CLASSES = (
    SA3D_OT_copy_report,
    SA3D_OT_view_log,
    SA3D_OT_open_log,
    SA3D_OT_unload,
    SA3D_OT_clear_cache,
    SA3D_OT_smaller_views,
)
register, unregister = bpy.utils.register_classes_factory(_CLASSES)
