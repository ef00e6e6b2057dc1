"""Meshes that came back: built in slices, coloured, and put under the NeRF's Empty."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import bpy
import numpy as np

from ...core.mesh import MeshData
from ..engine_link.job_steps import MORE, Steps
from ..engine_link.session import in_thread
from ..mesh_properties import SA3D_Rest
from ..nerf.nerf import group, parent_to
from ..properties import SA3D_SegmentObject
from ..references import Reference, refer
from .texture_material import (
    COLOR,
    color_material,
    is_own,
    name_after,
    remove_unused,
    texture_material,
)


def load_meshes(files: Mapping[str, Path]) -> Steps[list[bpy.types.Mesh]]:
    """Build the meshes of files that the engine wrote; all of them or none. They are in no scene.

    Args:
        files: by the objects' names.

    Raises:
        UserError: a file is not a mesh of the engine.
    """
    built: list[Reference[bpy.types.Mesh]] = []
    complete = False
    try:
        for name, path in files.items():
            built.append((yield from _load_mesh(path, name)))
        meshes = [reference.get() for reference in built]
        complete = True
        return meshes
    finally:
        for leftover in () if complete else filter(None, (ref.find() for ref in built)):
            _discard(leftover)


def _load_mesh(path: Path, name: str) -> Steps[Reference[bpy.types.Mesh]]:
    data: MeshData = yield from in_thread(lambda: MeshData.load(path))
    return (yield from build_mesh(data, name))


def build_mesh(data: MeshData, name: str) -> Steps[Reference[bpy.types.Mesh]]:
    """Build a mesh in slices, again when an undo took it half-built. It is in no scene."""
    while True:
        mesh = yield from _build(data, name)
        if mesh is not None:
            return mesh


def _build(data: MeshData, name: str) -> Steps[Reference[bpy.types.Mesh] | None]:
    reference = refer(bpy.data.meshes.new(name))
    complete = False
    try:
        for fill in _FILLS:
            mesh = reference.find()
            if mesh is None:
                return None
            fill(mesh, data)
            yield MORE
        complete = True
        return reference
    finally:
        leftover = None if complete else reference.find()
        if leftover is not None:
            _discard(leftover)


def _discard(mesh: bpy.types.Mesh) -> None:
    materials = list(mesh.materials)
    bpy.data.meshes.remove(mesh)
    for material in materials:
        remove_unused(material)


def _fill_vertices(mesh: bpy.types.Mesh, data: MeshData) -> None:
    mesh.vertices.add(len(data.vertices))
    mesh.vertices.foreach_set("co", data.vertices.astype(np.float32).ravel())


def _fill_corners(mesh: bpy.types.Mesh, data: MeshData) -> None:
    mesh.loops.add(data.faces.size)
    mesh.loops.foreach_set("vertex_index", data.faces.astype(np.int32).ravel())


def _fill_faces(mesh: bpy.types.Mesh, data: MeshData) -> None:
    count = len(data.faces)
    mesh.polygons.add(count)
    mesh.polygons.foreach_set("loop_start", np.arange(0, 3 * count, 3, dtype=np.int32))
    mesh.polygons.foreach_set("use_smooth", np.full(count, True))


def _fill_colors(mesh: bpy.types.Mesh, data: MeshData) -> None:
    attribute = mesh.color_attributes.new(COLOR, "BYTE_COLOR", "POINT")
    rgba = np.full((len(data.vertices), 4), 1.0, dtype=np.float32)
    rgba[:, :3] = data.colors / np.float32(255)
    attribute.data.foreach_set("color_srgb", rgba.ravel())
    mesh.color_attributes.active_color = attribute
    mesh.color_attributes.render_color_index = mesh.color_attributes.find(COLOR)


def _fill_edges(mesh: bpy.types.Mesh, _data: MeshData) -> None:
    mesh.update(calc_edges=True)


def _fill_uvs(mesh: bpy.types.Mesh, data: MeshData) -> None:
    if data.texture is not None:
        layer = mesh.uv_layers.new(name="UVMap", do_init=False)
        layer.uv.foreach_set("vector", data.texture.uvs.astype(np.float32).ravel())


def _fill_texture(mesh: bpy.types.Mesh, data: MeshData) -> None:
    if data.texture is not None:
        mesh.materials.append(texture_material(mesh.name, data.texture))


_FILLS = (
    _fill_vertices,
    _fill_corners,
    _fill_faces,
    _fill_colors,
    _fill_edges,
    _fill_uvs,
    _fill_texture,
)


def place_mesh(
    nerf: bpy.types.Object,
    mesh: bpy.types.Mesh,
    owner: SA3D_SegmentObject | SA3D_Rest | None,
) -> bpy.types.Object:
    """Put a mesh under the NeRF's Empty; replaces its owner's earlier mesh in its own object.

    The object keeps its place, its modifiers, and the materials that the artist gave it. A first
    mesh hides the NeRF's points, which would poke through it.
    """
    old = owner.result if owner is not None else None
    if old is not None and old.users_collection and old.type == "MESH":
        _replace_mesh(old, mesh)
        return old
    if not mesh.materials:
        mesh.materials.append(color_material())
    result = bpy.data.objects.new(mesh.name, mesh)
    result.sa3d.kind = "RESULT"
    group(nerf, "results").objects.link(result)
    parent_to(nerf, result)
    if owner is not None:
        owner.result = result
        nerf.sa3d.nerf.show_points = False
    return result


def _replace_mesh(thing: bpy.types.Object, mesh: bpy.types.Mesh) -> None:
    earlier = thing.data
    own = mesh.materials[0] if mesh.materials else None
    mesh.materials.clear()
    for material in earlier.materials:
        mesh.materials.append(own or color_material() if is_own(material) else material)
    old_materials = list(earlier.materials)
    thing.data = mesh
    if earlier.users == 0:
        name = earlier.name
        bpy.data.meshes.remove(earlier)
        mesh.name = name
    worn = own in mesh.materials.values()
    for material in {*old_materials, own}:
        remove_unused(material)
    if worn:
        name_after(own, thing)
