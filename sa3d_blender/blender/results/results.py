"""Meshes that came back: built in slices, and coloured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import bpy
import numpy as np

from ...core.mesh import MeshData
from ..engine_link.job_steps import MORE, Steps
from ..engine_link.session import in_thread
from ..references import Reference, refer
from .material import COLOR, remove_unused, texture_material


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
