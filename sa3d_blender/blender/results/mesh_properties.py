"""How meshes are made: settings that are saved in the .blend."""

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty

from ...core.settings import REST_MESH, MeshSettings

_MESH = MeshSettings()
TEXTURES = [
    ("0", "None", "Vertex colours only"),
    ("1024", "1024 px", "A small texture, for things in the background"),
    ("2048", "2048 px", "A middle-sized texture"),
    ("4096", "4096 px", "A large texture; takes minutes"),
]


def _resolution(of: str, default: int, least: int, most: int) -> Any:
    return IntProperty(
        name="Resolution",
        description=f"How fine the mesh is: cells along the longest side of the {of}",
        default=default,
        min=least,
        max=most,
        soft_min=64,
        soft_max=512,
    )


def _max_faces(of: str, default: int, usually: int) -> Any:
    return IntProperty(
        name="Most Faces",
        description=f"The mesh of the {of} is simplified to at most this many triangles",
        default=default,
        min=100,
        soft_max=usually,
    )


class MeshSize:
    """How fine the mesh of one object is."""

    resolution: _resolution("object", _MESH.resolution, 8, 1024)
    max_faces: _max_faces("object", _MESH.max_faces, 500_000)


class Surface:
    """Where a surface lies and what it wears."""

    threshold: FloatProperty(
        name="Strictness",
        description="How sure the views must be that a place belongs to the object; lower adds "
        "what is missing, higher takes away what is too much",
        default=_MESH.threshold,
        min=-0.95,
        max=0.95,
    )
    density: FloatProperty(
        name="Density",
        description="How dense the NeRF is on the surface, 1 being what is measured; lower closes "
        "pits and keeps thin parts, higher takes haze away",
        default=_MESH.density,
        min=0.01,
        max=100.0,
        soft_min=0.1,
        soft_max=4.0,
    )
    texture: EnumProperty(
        name="Texture",
        description="Bake the NeRF's colours into a picture with UVs",
        items=TEXTURES,
    )


class SA3D_Surface(Surface, bpy.types.PropertyGroup):
    """What holds for all objects that have no settings of their own."""


class SA3D_OwnMesh(MeshSize, Surface, bpy.types.PropertyGroup):
    """One object's mesh settings, which go before the NeRF's while they are used."""

    use: BoolProperty(
        name="Own Mesh Settings",
        description="Make this object's mesh with settings of its own",
        options=set(),
    )


class SA3D_Rest(bpy.types.PropertyGroup):
    """Everything but the objects, as a mesh."""

    resolution: _resolution("whole scene", REST_MESH.resolution, 16, 512)
    max_faces: _max_faces("rest", REST_MESH.max_faces, 1_000_000)
    result: PointerProperty(
        type=bpy.types.Object, name="Result", description="The mesh of the rest of the scene"
    )
