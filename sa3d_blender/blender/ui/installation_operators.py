"""Operators that set the engine up and fetch weights; each first says what it will cost."""

from typing import Any, ClassVar

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from ...core.background import shown_bytes
from ...core.errors import UserError
from ...core.installation.engine_lock import (
    BACKENDS,
    backends,
    best_backend,
    read_lock,
    target_here,
)
from ...core.installation.package_index import asked_hosts
from ...core.installation.segmenter_weights import has_weights, weights_file
from ...core.segmenters import RECOMMENDED, downloadable, segmenter_spec
from .. import api
from ..folders import engine_folder, log_file, set_up_log, weights_folder
from ..help.wrapped_text import wrapped
from ..installation import installation
from .operators import WAIT, Caller
from .workflow import Why, why_no_job

WIDTH = 460
DIALOG = 60
"""Characters a line in a dialog of that width."""
_DEVICES = [
    (name, BACKENDS[name], f"The engine computes on the {BACKENDS[name]}") for name in backends()
] or [("cpu", BACKENDS["cpu"], "There are no packages for this computer")]
_MODELS = [(spec.name, spec.label, spec.costs) for spec in downloadable()]
_SMALL = segmenter_spec(RECOMMENDED)


def why_busy(_context: bpy.types.Context) -> Why:
    """Only one thing is set up or downloaded at a time."""
    return "Something is being set up; wait for it or stop it" if installation.running() else None


class SA3D_OT_set_up_engine(Caller, bpy.types.Operator):
    """Make the engine's own Python environment; says how much is downloaded before it begins"""

    bl_idname = "sa3d.set_up_engine"
    bl_label = "Set Up Engine"
    needs = (why_no_job, why_busy)

    device: EnumProperty(
        name="Device",
        description="What the engine computes on",
        items=_DEVICES,
        default=best_backend() or "cpu",
    )
    source: EnumProperty(
        name="Packages From",
        description="Where the engine's packages come from",
        items=[
            ("INTERNET", "Internet", "Download them from their official servers"),
            ("PACK", "Engine Pack", "A folder that someone with internet made: nothing is sent"),
        ],
    )
    directory: StringProperty(
        name="Folder", description="The folder of the engine pack", subtype="DIR_PATH"
    )
    small_segmenter: BoolProperty(
        name=f"Segment Anything, small: {shown_bytes(_SMALL.download_bytes)}, recommended",
        description=f"Also get {_SMALL.label}, which learned from Segment Anything's largest "
        "model. An engine pack may have it",
        default=True,
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Say what it costs and ask."""
        return context.window_manager.invoke_props_dialog(self, width=WIDTH, confirm_text="Set Up")

    def draw(self, _context: bpy.types.Context) -> None:
        """What is downloaded, how long it takes, where it goes."""
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "device")
        layout.prop(self, "source", expand=True)
        if self.source == "PACK":
            layout.prop(self, "directory")
        for text, icon in self.costs():
            layout.label(text=text, icon=icon)
        if not has_weights(weights_folder(), RECOMMENDED):
            row = layout.row()
            row.use_property_split = False
            row.prop(self, "small_segmenter")
        if self.source == "INTERNET":
            draw_online_access(layout)

    def costs(self) -> list[tuple[str, str]]:
        """The lines of the dialog, with their icons."""
        try:
            lock = read_lock(target_here(self.device))
        except UserError as error:
            return [(str(error), "ERROR")]
        lines = []
        if self.source == "INTERNET":
            size, minutes = shown_bytes(lock.download_bytes), lock.minutes
            plural = "s" if minutes > 1 else ""
            text = f"Downloads {size}, about {minutes} minute{plural} at 50 Mbit/s"
            lines.append((text, "IMPORT"))
            lines.append((f"Asks {', '.join(asked_hosts(lock.files))}", "URL"))
        lines.append((f"Takes {shown_bytes(lock.disk_bytes)} on the disk", "DISK_DRIVE"))
        lines.append((f"In {engine_folder()}", "FILE_FOLDER"))
        return lines

    def call(self, _context: bpy.types.Context) -> None:
        """Set it up."""
        pack = self.directory if self.source == "PACK" else None
        if pack == "":
            raise UserError("Choose the folder of the engine pack.", code="missing_file")
        segmenter = RECOMMENDED if self.small_segmenter else None
        api.set_up_engine(self.device, pack=pack, segmenter=segmenter, wait=WAIT)


class SA3D_OT_check_engine(Caller, bpy.types.Operator):
    """Compare every file of the engine with what was installed, and start it once"""

    bl_idname = "sa3d.check_engine"
    bl_label = "Check Engine"
    needs = (why_busy,)

    def call(self, _context: bpy.types.Context) -> None:
        """Check it."""
        api.check_engine(wait=WAIT)


class SA3D_OT_remove_engine(Caller, bpy.types.Operator):
    """Remove the engine and its packages from the disk; downloaded weights stay"""

    bl_idname = "sa3d.remove_engine"
    bl_label = "Remove Engine"
    needs = (why_no_job, why_busy)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask first."""
        return context.window_manager.invoke_confirm(self, event)

    def call(self, _context: bpy.types.Context) -> None:
        """Remove it."""
        api.remove_engine(wait=WAIT)


class SA3D_OT_download_weights(Caller, bpy.types.Operator):
    """Download a segmenter's official weights; says how much it is first"""

    bl_idname = "sa3d.download_weights"
    bl_label = "Download Weights"
    needs = (why_busy,)

    model: EnumProperty(name="Model", description="Which of the models", items=_MODELS)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Say what it costs and ask."""
        return context.window_manager.invoke_props_dialog(
            self, width=WIDTH, confirm_text="Download"
        )

    def draw(self, _context: bpy.types.Context) -> None:
        """Size, memory, and where it goes."""
        spec = segmenter_spec(self.model)
        self.layout.label(text=f"{spec.label}: {spec.costs}", icon="IMPORT")
        self.layout.label(text=f"From {weights_file(self.model).url}", icon="URL")
        self.layout.label(text=f"To {weights_folder()}", icon="FILE_FOLDER")
        draw_online_access(self.layout)

    def call(self, _context: bpy.types.Context) -> None:
        """Download them."""
        api.download_weights(self.model, wait=WAIT)


class SA3D_OT_remove_weights(Caller, bpy.types.Operator):
    """Remove a segmenter's downloaded weights from the disk"""

    bl_idname = "sa3d.remove_weights"
    bl_label = "Remove Weights"
    needs = (why_busy,)

    model: EnumProperty(name="Model", description="Which of the models", items=_MODELS)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask first."""
        return context.window_manager.invoke_confirm(self, event)

    def call(self, _context: bpy.types.Context) -> None:
        """Remove them."""
        freed = api.remove_weights(self.model)
        self.report({"INFO"}, f"{shown_bytes(freed)} are free again")


class SA3D_OT_cancel_installation(Caller, bpy.types.Operator):
    """Stop; what was downloaded stays, and the next time goes on from there"""

    bl_idname = "sa3d.cancel_installation"
    bl_label = "Stop"
    bl_options: ClassVar[set[str]] = {"INTERNAL"}

    def call(self, _context: bpy.types.Context) -> None:
        """Stop it."""
        api.cancel_installation()


class SA3D_OT_show_online_access(Caller, bpy.types.Operator):
    """Show Blender's setting that allows add-ons to use the internet"""

    bl_idname = "sa3d.show_online_access"
    bl_label = "Show the Setting"
    bl_options: ClassVar[set[str]] = {"INTERNAL"}

    def call(self, _context: bpy.types.Context) -> None:
        """Show it."""
        bpy.ops.screen.userpref_show(section="SYSTEM")


class SA3D_OT_show_logs(Caller, bpy.types.Operator):
    """Show the folder with the log of the engine, or of its set-up"""

    bl_idname = "sa3d.show_logs"
    bl_label = "Show Log"
    bl_options: ClassVar[set[str]] = {"INTERNAL"}

    which: EnumProperty(
        name="Log",
        description="Which log",
        items=[
            ("ENGINE", "Engine", "What the engine said"),
            ("SET_UP", "Set-Up", "What was said while it was set up"),
        ],
    )

    def call(self, _context: bpy.types.Context) -> Any:
        """Show it."""
        log = log_file() if self.which == "ENGINE" else set_up_log()
        if log is None or not log.is_file():
            raise UserError("There is no log yet.", code="missing_file")
        return bpy.ops.wm.path_open(filepath=str(log.parent))


def draw_online_access(layout: bpy.types.UILayout) -> None:
    """Say that Blender may not go online and offer the setting; nothing when it may."""
    try:
        installation.require_online()
    except UserError as error:
        box = layout.box()
        box.alert = True
        wrapped(box, str(error), "INTERNET_OFFLINE", DIALOG)
        if not bpy.app.online_access_override:
            box.operator("sa3d.show_online_access", icon="PREFERENCES")


_CLASSES = (
    SA3D_OT_set_up_engine,
    SA3D_OT_check_engine,
    SA3D_OT_remove_engine,
    SA3D_OT_download_weights,
    SA3D_OT_remove_weights,
    SA3D_OT_cancel_installation,
    SA3D_OT_show_online_access,
    SA3D_OT_show_logs,
)
register, unregister = bpy.utils.register_classes_factory(_CLASSES)
