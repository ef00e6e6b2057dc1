"""Operators: each calls one function of `api` and reports its sentence when it says no.

In background mode, where no timer fires, they wait for the result; with a window they never do.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import bpy
from bpy.props import FloatProperty, FloatVectorProperty, StringProperty
from mathutils import Quaternion

from ...core.errors import Cancelled, UserError
from ...core.field_kinds import CHECKPOINT_EXTENSIONS
from ...core.settings import FieldOptions
from .. import api
from ..clicking.object_states import state_words
from ..engine_link import session
from ..folders import in_folder, output_folder
from ..help.cures import error_cured_by, forget_error
from ..nerf.nerf import require_nerf, scene_nerf
from ..nerf.recent_files import recent_files
from ..setting_properties import setting_properties
from ..viewport.camera_frame import look_through_camera
from . import workflow
from .workflow import Why

WAIT = bpy.app.background
CHECKPOINT_FILTER = ";".join(f"*{ending}" for ending in CHECKPOINT_EXTENSIONS)
_READING = setting_properties(FieldOptions())
_SCENE_KIND, _BACKGROUND = _READING["scene"], _READING["background"]

Needs = tuple[Callable[[bpy.types.Context], Why], ...]


class Caller:
    """Calls `call`, shows its sentence on failure, and explains why it is greyed out."""

    needs: ClassVar[Needs] = ()
    bl_idname: str
    report: Callable[[set[str], str], None]
    poll_message_set: ClassVar[Callable[[str], None]]

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether all needs are met."""
        why = next(filter(None, (need(context) for need in cls.needs)), None)
        if why:
            cls.poll_message_set(why)
        return why is None

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Do it; an error that this is the cure of is then said no more."""
        cured = error_cured_by(type(self).bl_idname)
        before = session.current.job
        try:
            self.call(context)
        except (UserError, Cancelled) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        job = session.current.job
        if job is not None and job is not before:
            job.started_by = type(self).bl_idname
        if cured is not None:
            forget_error(cured)
        return {"FINISHED"}

    def call(self, context: bpy.types.Context) -> Any:
        """The one call."""
        raise NotImplementedError


class SA3D_OT_start_engine(Caller, bpy.types.Operator):
    """Start the process that renders and segments; other operators start it by themselves"""

    bl_idname = "sa3d.start_engine"
    bl_label = "Start Engine"

    def call(self, _context: bpy.types.Context) -> None:
        """Start it."""
        api.start_engine(wait=WAIT)


class SA3D_OT_stop_engine(Caller, bpy.types.Operator):
    """Stop the engine and whatever it is doing, and give its memory back"""

    bl_idname = "sa3d.stop_engine"
    bl_label = "Stop Engine"

    def call(self, _context: bpy.types.Context) -> None:
        """Stop it."""
        api.stop_engine()


class SA3D_OT_load_nerf(Caller, bpy.types.Operator):
    """Load a NeRF from its checkpoint file."""

    bl_idname = "sa3d.load_nerf"
    bl_label = "Load NeRF"
    bl_description = f"Load a NeRF from its checkpoint file: {', '.join(CHECKPOINT_EXTENSIONS)}"
    bl_options: ClassVar[set[str]] = {"REGISTER"}
    needs = (workflow.why_no_job,)

    filepath: StringProperty(
        name="File", description="The checkpoint", subtype="FILE_PATH", options={"SKIP_SAVE"}
    )
    filter_glob: StringProperty(default=CHECKPOINT_FILTER, options={"HIDDEN"})
    scene_kind: _SCENE_KIND
    background: _BACKGROUND

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the file, unless it was dropped."""
        if self.filepath:
            return self.execute(context)
        last = next(iter(recent_files()), None)
        self.filepath = in_folder(last.parent) if last is not None else ""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def call(self, _context: bpy.types.Context) -> None:
        """Load it."""
        api.load_nerf(
            self.filepath,
            scene_kind=self.scene_kind,
            background=self.background,
            select=True,
            wait=WAIT,
        )


class SA3D_OT_find_checkpoint(Caller, bpy.types.Operator):
    """Choose where the checkpoint of this NeRF is now; everything made from it stays"""

    bl_idname = "sa3d.find_checkpoint"
    bl_label = "Find Checkpoint"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}
    needs = (workflow.why_no_job, workflow.why_no_nerf)

    filepath: StringProperty(
        name="File", description="The checkpoint", subtype="FILE_PATH", options={"SKIP_SAVE"}
    )
    filter_glob: StringProperty(default=CHECKPOINT_FILTER, options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the file, where it was before."""
        self.filepath = bpy.path.abspath(require_nerf(context.scene).sa3d.nerf.checkpoint)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def call(self, _context: bpy.types.Context) -> None:
        """Use it from now on."""
        api.find_checkpoint(self.filepath)


class SA3D_OT_add_camera(Caller, bpy.types.Operator):
    """Add a camera where the viewport looks from."""

    bl_idname = "sa3d.add_camera"
    bl_label = "Add Camera"
    bl_description = (
        "Add a camera where the viewport looks from, with the whole NeRF in sight and the "
        "training's lens. Where one looks from that side already, it stands a quarter turn away"
    )
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}
    needs = (workflow.why_no_nerf,)

    turn: FloatProperty(
        name="Turn",
        description="Turn it around the NeRF",
        subtype="ANGLE",
        options={"SKIP_SAVE"},
    )
    look: FloatVectorProperty(size=4, options={"SKIP_SAVE", "HIDDEN"})

    def call(self, context: bpy.types.Context) -> None:
        """Add it and look through it; done again with another turn, from the same side."""
        view = getattr(context.space_data, "region_3d", None)
        if view is not None and view.view_perspective != "CAMERA" and not WAIT:
            self.look = view.view_rotation
        api.add_camera(look=Quaternion(self.look) if any(self.look) else None, turn=self.turn)
        if context.area is not None and context.area.type == "VIEW_3D":
            look_through_camera(context, context.area)


class SA3D_OT_render_view(Caller, bpy.types.Operator):
    """Show what the NeRF looks like through the active camera, as the camera's background"""

    bl_idname = "sa3d.render_view"
    bl_label = "Render View"
    bl_options: ClassVar[set[str]] = {"REGISTER"}
    needs = (workflow.why_no_job, workflow.why_no_nerf, workflow.why_no_camera)

    def call(self, context: bpy.types.Context) -> None:
        """Render it, and have it in sight."""
        api.render_view(wait=WAIT)
        if context.area is not None and context.area.type == "VIEW_3D":
            look_through_camera(context, context.area)


class SA3D_OT_segment(Caller, bpy.types.Operator):
    """Cut the objects with prompts out of the NeRF and import them as meshes"""

    bl_idname = "sa3d.segment"
    bl_label = "Segment"
    bl_options: ClassVar[set[str]] = {"REGISTER"}
    needs = (
        workflow.why_no_job,
        workflow.why_no_nerf,
        workflow.why_nothing_to_segment,
    )

    def call(self, _context: bpy.types.Context) -> None:
        """Segment."""
        api.segment(select=True, wait=WAIT)


class SA3D_OT_segment_object(Caller, bpy.types.Operator):
    """Cut this object alone out of the NeRF; the others stay as they are"""

    bl_idname = "sa3d.segment_object"
    bl_label = "Segment This Object"
    bl_options: ClassVar[set[str]] = {"REGISTER"}
    needs = (
        workflow.why_no_job,
        workflow.why_no_nerf,
        workflow.why_nothing_to_segment,
    )

    name: StringProperty(
        name="Name", description="The object; the active one when empty", options={"SKIP_SAVE"}
    )

    @classmethod
    def description(
        cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties
    ) -> str:
        """Its state, and what a click does."""
        nerf = scene_nerf(context.scene)
        entry = nerf.sa3d.nerf.objects.get(properties.name) if nerf else None
        return f"{state_words(entry)[0]}.\n{cls.__doc__}" if entry else str(cls.__doc__)

    def call(self, context: bpy.types.Context) -> None:
        """Segment it."""
        facts = require_nerf(context.scene).sa3d.nerf
        name = self.name or facts.objects[facts.active_object].name
        api.segment(object_name=name, select=True, wait=WAIT)


class SA3D_OT_cancel(Caller, bpy.types.Operator):
    """Stop the running job; the scene stays as it is"""

    bl_idname = "sa3d.cancel"
    bl_label = "Cancel"

    def call(self, _context: bpy.types.Context) -> None:
        """Cancel."""
        api.cancel()


class SA3D_OT_import_mesh(Caller, bpy.types.Operator):
    """Load a mesh that an earlier run left beside the .blend (NAME_mesh.npz), under the NeRF"""

    bl_idname = "sa3d.import_mesh"
    bl_label = "Load Mesh of an Earlier Run"
    bl_options: ClassVar[set[str]] = {"REGISTER"}
    needs = (workflow.why_no_job, workflow.why_no_nerf)

    filepath: StringProperty(
        name="File", description="NAME_mesh.npz", subtype="FILE_PATH", options={"SKIP_SAVE"}
    )
    filter_glob: StringProperty(default="*_mesh.npz", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the file, where runs leave theirs."""
        self.filepath = in_folder(output_folder(require_nerf(context.scene)))
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def call(self, _context: bpy.types.Context) -> None:
        """Import it."""
        api.import_mesh(self.filepath, wait=WAIT)


_CLASSES = (
    SA3D_OT_start_engine,
    SA3D_OT_stop_engine,
    SA3D_OT_load_nerf,
    SA3D_OT_find_checkpoint,
    SA3D_OT_add_camera,
    SA3D_OT_render_view,
    SA3D_OT_segment,
    SA3D_OT_segment_object,
    SA3D_OT_cancel,
    SA3D_OT_import_mesh,
)
register, unregister = bpy.utils.register_classes_factory(_CLASSES)
