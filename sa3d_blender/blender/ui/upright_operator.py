"""The button that stands a forward-facing NeRF upright."""

from typing import ClassVar

import bpy

from .. import api
from ..nerf.nerf import scene_nerf
from ..scene.upright import lies_on_its_side
from . import workflow
from .operators import Caller


def why_upright(context: bpy.types.Context) -> workflow.Why:
    """Only what lies on its side can be stood up."""
    nerf = scene_nerf(context.scene)
    return None if nerf and lies_on_its_side(nerf) else "The NeRF stands upright already"


class SA3D_OT_stand_upright(Caller, bpy.types.Operator):
    """Turn the NeRF so that its up is Blender's, and its cameras with it: no picture changes"""

    bl_idname = "sa3d.stand_upright"
    bl_label = "Stand Upright"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}
    needs = (workflow.why_no_nerf, why_upright)

    def call(self, _context: bpy.types.Context) -> None:
        """Turn it."""
        api.stand_upright()


register, unregister = bpy.utils.register_classes_factory((SA3D_OT_stand_upright,))
