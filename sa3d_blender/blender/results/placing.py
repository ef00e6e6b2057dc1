"""A mesh that came back becomes an object, or goes into the one that is there already.

What the artist did to that object stays: its place, origin, name, parent, collections,
materials and modifiers. What belongs to the single points of the old mesh cannot, and is named.
"""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Matrix

from ..mesh_properties import SA3D_Rest
from ..nerf.nerf import group, parent_to
from ..properties import SA3D_SegmentObject
from .material import keep_materials, own_material
from .mesh_frame import bring, frame_of, origin_of, up_axis, vertices_of

COLOR, UVS = "Color", "UVMap"
"""Names of the layers that meshes come with."""


def place_mesh(
    nerf: bpy.types.Object,
    mesh: bpy.types.Mesh,
    owner: SA3D_SegmentObject | SA3D_Rest | None,
) -> bpy.types.Object:
    """Put a mesh under the NeRF's Empty; replaces its owner's earlier mesh in its own object.

    A first mesh hides the NeRF's points, which would poke through it.
    """
    old = owner.result if owner is not None else None
    if old is not None and old.users_collection and old.type == "MESH":
        _replace_mesh(old, mesh)
        return old
    if not mesh.materials:
        mesh.materials.append(own_material(nerf.sa3d.nerf.look))
    origin = origin_of(vertices_of(mesh), nerf.sa3d.nerf.origin, up_axis(nerf))
    bring(mesh, Matrix.Translation(-origin))
    result = bpy.data.objects.new(mesh.name, mesh)
    result.sa3d.kind, result.sa3d.given_name = "RESULT", result.name
    group(nerf, "results").objects.link(result)
    parent_to(nerf, result)
    result.matrix_basis = Matrix.Translation(origin)
    if owner is not None:
        owner.result = result
        nerf.sa3d.nerf.show_points = False
    return result


def _replace_mesh(thing: bpy.types.Object, mesh: bpy.types.Mesh) -> None:
    earlier = thing.data
    frame = frame_of(earlier)
    thing.sa3d.lost = _sentence(_lost(thing, edited=frame.edited))
    bring(mesh, frame.local_from_field)
    keep_materials(earlier, mesh, thing)
    for key in set(earlier.keys()) - set(mesh.keys()):
        mesh[key] = earlier[key]
    shared = [one for one in bpy.data.objects if one.data == earlier] if earlier.users > 1 else []
    for one in {thing, *shared}:
        one.data = mesh
    if earlier.users == 0:
        name = earlier.name
        bpy.data.meshes.remove(earlier)
        mesh.name = name


def _lost(thing: bpy.types.Object, *, edited: bool) -> list[str]:
    """What of the artist's work goes with the old mesh."""
    mesh = thing.data
    several = len(mesh.materials) > 1 and _has_several_materials(mesh)
    facts = {
        "its edited shape": edited,
        "its shape keys": mesh.shape_keys is not None,
        "its vertex groups": len(thing.vertex_groups) > 0,
        "its own UV maps": any(layer.name != UVS for layer in mesh.uv_layers),
        "its painted colours": any(layer.name != COLOR for layer in mesh.color_attributes),
        "which faces have which material": several,
    }
    return [what for what, is_there in facts.items() if is_there]


def _has_several_materials(mesh: bpy.types.Mesh) -> bool:
    indices = np.zeros(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("material_index", indices)
    return bool(indices.any())


def _sentence(lost: list[str]) -> str:
    if not lost:
        return ""
    listed = lost[0] if len(lost) == 1 else f"{', '.join(lost[:-1])} and {lost[-1]}"
    return f"The new mesh has other points, so this was not kept: {listed}. Undo brings it back"
