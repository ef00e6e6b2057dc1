"""Operators for what comes with a NeRF's data set."""

from pathlib import Path
from typing import ClassVar

import bpy
from bpy.props import BoolProperty, StringProperty

from ...core.field_kinds import WITH_CAMERAS
from .. import api
from ..folders import in_folder
from ..nerf.nerf import require_nerf, scene_nerf
from . import workflow
from .operators import WAIT, Caller


class SA3D_OT_load_training_cameras(Caller, bpy.types.Operator):
    """Show where the NeRF's photographs were taken from."""

    bl_idname = "sa3d.load_training_cameras"
    bl_label = "Load Training Cameras"
    bl_description = (
        "Show where the NeRF's photographs were taken from, and choose views among these cameras: "
        "transforms.json, poses_bounds.npy, COLMAP (.bin, .txt), or the NeRF's own file"
    )
    bl_options: ClassVar[set[str]] = {"REGISTER"}
    needs = (workflow.why_no_job, workflow.why_no_nerf)

    filepath: StringProperty(
        name="File",
        description="The camera file: transforms.json, poses_bounds.npy, a COLMAP model's cameras "
        "or images, or the NeRF's own file if it holds its cameras (Instant-NGP, nerfstudio)",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"},
    )
    filter_glob: StringProperty(
        default="*.json;*.npy;*.bin;*.txt;*.msgpack;*.ingp;*.yml", options={"HIDDEN"}
    )
    use_resolution: BoolProperty(
        name="Use Resolution",
        description="Give the scene the photographs' resolution, so that pictures fit exactly",
        default=True,
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the file, beside the last one or the checkpoint."""
        facts = require_nerf(context.scene).sa3d.nerf
        beside = bpy.path.abspath(facts.training_file or facts.checkpoint)
        self.filepath = in_folder(Path(beside).parent)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def call(self, _context: bpy.types.Context) -> None:
        """Load them."""
        api.load_training_cameras(self.filepath, use_resolution=self.use_resolution, wait=WAIT)


def why_no_own_cameras(context: bpy.types.Context) -> str | None:
    """Only some kinds of checkpoints tell where their photographs were taken from."""
    nerf = scene_nerf(context.scene)
    own = nerf is not None and nerf.sa3d.nerf.checkpoint.lower().endswith(WITH_CAMERAS)
    return None if own else "This kind of NeRF does not bring its cameras; choose their file"


class SA3D_OT_add_own_cameras(Caller, bpy.types.Operator):
    """Show the training cameras that come with the NeRF's own file, and choose views among them"""

    bl_idname = "sa3d.add_own_cameras"
    bl_label = "Add Its Cameras"
    bl_options: ClassVar[set[str]] = {"REGISTER"}
    needs = (workflow.why_no_job, workflow.why_no_nerf, why_no_own_cameras)

    def call(self, _context: bpy.types.Context) -> None:
        """Load them."""
        api.load_training_cameras(wait=WAIT)


register, unregister = bpy.utils.register_classes_factory(
    (SA3D_OT_load_training_cameras, SA3D_OT_add_own_cameras)
)
