"""Materials that show a mesh's colours: those of its vertices, or of its texture."""

from __future__ import annotations

import bpy

from ...core.mesh import Texture
from ...core.png import png_size
from ..nerf.views import packed_image

COLOR = "Color"
VERTEX_MATERIAL = "SA3D Vertex Color"
TEXTURE_MARK = "sa3d_texture"
"""Custom property of the materials that are made here for textures."""
ROUGHNESS = 0.8


def color_material() -> bpy.types.Material:
    """The material that shows vertex colours; made once per file."""
    found = bpy.data.materials.get(VERTEX_MATERIAL)
    if found is not None:
        return found
    material, surface = _new_material(VERTEX_MATERIAL)
    color = material.node_tree.nodes.new("ShaderNodeVertexColor")
    color.layer_name = COLOR
    _connect(material, color, surface)
    return material


def texture_material(name: str, texture: Texture) -> bpy.types.Material:
    """A material that shows a texture, which is packed into the .blend."""
    material, surface = _new_material(f"{name} Texture")
    material[TEXTURE_MARK] = True
    node = material.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = packed_image(f"{name} Texture", texture.png, png_size(texture.png))
    _connect(material, node, surface)
    return material


def name_after(material: bpy.types.Material | None, thing: bpy.types.Object) -> None:
    """Call a texture's material and its picture after their object."""
    if material is not None and material.get(TEXTURE_MARK):
        material.name = f"{thing.name} Texture"
        for image in _images(material):
            image.name = material.name


def _images(material: bpy.types.Material) -> list[bpy.types.Image]:
    nodes = (node for node in material.node_tree.nodes if node.type == "TEX_IMAGE")
    return [node.image for node in nodes if node.image is not None]


def is_own(material: bpy.types.Material | None) -> bool:
    """Whether a material was made here, not by the artist."""
    if material is None:
        return False
    return material.name == VERTEX_MATERIAL or bool(material.get(TEXTURE_MARK))


def remove_unused(material: bpy.types.Material | None) -> None:
    """Remove a texture's material that nothing uses, and its picture."""
    if material is None or material.users or not material.get(TEXTURE_MARK):
        return
    images = _images(material)
    bpy.data.materials.remove(material)
    for image in images:
        if image.users == 0:
            bpy.data.images.remove(image)


def _new_material(name: str) -> tuple[bpy.types.Material, bpy.types.Node]:
    material = bpy.data.materials.new(name)
    if material.node_tree is None:  # always there from Blender 5.0 on
        material.use_nodes = True
    nodes = material.node_tree.nodes
    surface = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    surface.inputs["Roughness"].default_value = ROUGHNESS
    return material, surface


def _connect(material: bpy.types.Material, source: bpy.types.Node, surface: bpy.types.Node) -> None:
    source.location = (surface.location.x - 320, surface.location.y)
    material.node_tree.links.new(source.outputs["Color"], surface.inputs["Base Color"])
