"""How meshes are made: settings that are saved in the .blend."""

import bpy
from bpy.props import BoolProperty, PointerProperty

from ..core.settings import REST_MESH, MeshSettings
from .setting_properties import setting_properties

SIZE = ("resolution", "max_faces")


class MeshSize:
    """How fine the mesh of one object is."""

    __annotations__ = setting_properties(MeshSettings(), *SIZE)


class RestSize:
    """How fine the mesh of the rest of the scene is."""

    __annotations__ = setting_properties(REST_MESH, *SIZE)


class Surface:
    """Where a surface lies and what it wears."""

    __annotations__ = setting_properties(MeshSettings(), "threshold", "density", "texture")


class SA3D_Surface(Surface, bpy.types.PropertyGroup):
    """What holds for all objects that have no settings of their own."""


class SA3D_OwnMesh(MeshSize, Surface, bpy.types.PropertyGroup):
    """One object's mesh settings, which go before the NeRF's while they are used."""

    use: BoolProperty(
        name="Own Mesh Settings",
        description="Make this object's mesh with settings of its own",
        options=set(),
    )


class SA3D_Rest(RestSize, bpy.types.PropertyGroup):
    """Everything but the objects, as a mesh."""

    result: PointerProperty(
        type=bpy.types.Object, name="Result", description="The mesh of the rest of the scene"
    )
