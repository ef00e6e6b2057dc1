"""A plugin for mypy: what the stubs of Blender's modules (fake-bpy-module) cannot know.

The add-on hangs properties of its own on objects and scenes, and an object's data are of whatever
class its ``type`` says. mypy is told that these are anything.
"""

from __future__ import annotations

from collections.abc import Callable

from mypy.nodes import MDEF, SymbolTableNode, Var
from mypy.plugin import ClassDefContext, FunctionContext, Plugin
from mypy.types import AnyType, Type, TypeOfAny

ANY = AnyType(TypeOfAny.explicit)
ANYTHING = {
    # of the add-on's own, or whatever the object, the space or the node is of
    "bpy.types.bpy_struct": ("id_data", "__contains__"),
    "bpy.types.Scene": ("sa3d",),
    "bpy.types.Object": ("sa3d", "data", "empty_display_type"),
    "bpy.types.PropertyGroup": ("result",),
    "sa3d_blender.blender.properties.CuttingOut": ("segmenter", "weights"),
    "bpy.types.Space": (
        *("region_3d", "region_quadviews", "camera", "use_local_camera", "overlay", "shading"),
    ),
    "bpy.types.Node": ("image", "layer_name"),
    "bpy.types.NodeSocket": ("default_value",),
    "bpy.types.Attribute": ("data",),
    # one of several words, of which a constant is taken
    "bpy.types.Collection": ("color_tag",),
    "bpy.types.ColorManagedInputColorspaceSettings": ("name",),
    "bpy.types.ColorManagedViewSettings": ("view_transform", "look"),
    "bpy.types.Operator": (
        *("bl_options", "execute", "invoke", "modal", "description", "report", "poll_message_set"),
    ),
    "bpy.types.Panel": ("bl_options", "bl_space_type", "bl_region_type"),
    "bpy.types.UIList": ("draw_item",),
    "bpy.types.UILayout": ("label", "operator"),
    "bpy.types.WindowManager": ("invoke_props_dialog", "invoke_confirm", "invoke_popup"),
    # more than the stubs say
    "mathutils.Vector": ("__init__", "__iter__"),
    "gpu.types.Buffer": ("__init__",),
    "gpu.types.GPUTexture": ("__init__",),
    "gpu.types.GPUStageInterfaceInfo": ("__init__",),
}
"""Attributes by the full name of their class."""
RETURN_SOMETHING = (
    "bpy.utils.register_classes_factory",
    "bpy.props.PointerProperty",
    "bpy.utils.register_cli_command",
    "gpu.state.viewport_get",
)
"""Functions that return nothing, say the stubs."""


class BlenderTypes(Plugin):
    """Adds them to the stubs' classes."""

    def get_customize_class_mro_hook(
        self, fullname: str
    ) -> Callable[[ClassDefContext], None] | None:
        """Called for each class that is read."""
        return _add if fullname in ANYTHING else None

    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        """Called for each function that is called."""
        return (lambda _call: ANY) if fullname in RETURN_SOMETHING else None


def _add(context: ClassDefContext) -> None:
    for name in ANYTHING[context.cls.fullname]:
        variable = Var(name, ANY)
        variable.info, variable.is_classvar = context.cls.info, name.startswith("bl_")
        context.cls.info.names[name] = SymbolTableNode(MDEF, variable)


def plugin(_version: str) -> type[Plugin]:
    """Called by mypy."""
    return BlenderTypes
