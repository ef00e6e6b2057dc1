"""The material that shows a mesh's colours: those of its vertices or of its texture.

Each object has one of its own. It is lit, or shows the photographs' colours as they are.
"""

from __future__ import annotations

import bpy

from ...core.mesh import Texture
from ...core.png import png_size
from ..nerf.views import packed_image
from .choices import LIT, PHOTOGRAPHED

COLOR = "Color"
MATERIAL = "SA3D Vertex Color"
MARK, TEXTURE_MARK = "sa3d_material", "sa3d_texture"
"""Custom properties of the materials that are made here, and of those that show a texture."""
ROUGHNESS = 0.8


def own_material(look: str) -> bpy.types.Material:
    """A new material that shows vertex colours."""
    material = bpy.data.materials.new(MATERIAL)
    material[MARK] = True
    if material.node_tree is None:  # always there from Blender 5.0 on
        material.use_nodes = True
    surface = _find(material, "BSDF_PRINCIPLED")
    surface.inputs["Roughness"].default_value = ROUGHNESS
    color = material.node_tree.nodes.new("ShaderNodeVertexColor")
    color.layer_name = COLOR
    _show(material, color, surface)
    set_look(material, look)
    return material


def texture_material(name: str, texture: Texture, look: str = LIT) -> bpy.types.Material:
    """A new material that shows a texture, which is packed into the .blend."""
    material = own_material(look)
    _wear(material, packed_image(f"{name} Texture", texture.png, png_size(texture.png)))
    material.name = f"{name} Texture"
    return material


def set_look(material: bpy.types.Material, look: str) -> None:
    """Have a material of ours lit, or show the colours as they are. Does nothing to others.

    What the artist changed in its nodes stays where that is possible.
    """
    source, end = _source(material), _find(material, "OUTPUT_MATERIAL")
    if source is None or end is None:
        return
    kind = "EMISSION" if look == PHOTOGRAPHED else "BSDF_PRINCIPLED"
    surface = _find(material, kind)
    if surface is None:
        made = "ShaderNodeEmission" if look == PHOTOGRAPHED else "ShaderNodeBsdfPrincipled"
        surface = material.node_tree.nodes.new(made)
        surface.location = (source.location.x + 320, source.location.y - 300)
        _link(material, source, surface)
    material.node_tree.links.new(surface.outputs[0], end.inputs["Surface"])


def is_own(material: bpy.types.Material | None) -> bool:
    """Whether a material was made here, not by the artist."""
    if material is None:
        return False
    marked = material.get(MARK) or material.get(TEXTURE_MARK)
    return bool(marked) or material.name == MATERIAL


def keep_materials(earlier: bpy.types.Mesh, mesh: bpy.types.Mesh, thing: bpy.types.Object) -> None:
    """Give a new mesh the earlier one's materials; ours show the new colours or texture.

    Args:
        mesh: has a fresh material of `texture_material` if it has a texture, which goes.
    """
    fresh = mesh.materials[0] if mesh.materials else None
    image = next(iter(_images(fresh)), None) if fresh is not None else None
    mesh.materials.clear()
    for slot in earlier.materials:
        material = slot
        if is_own(material):
            material = material.copy() if material.users > 1 else material
            _wear(material, image)
            _name_after(material, thing)
        mesh.materials.append(material)
    if fresh is not None:
        bpy.data.materials.remove(fresh)
    remove_unused_image(image)


def remove_unused(material: bpy.types.Material | None) -> None:
    """Remove a material of ours that nothing uses, and its picture."""
    if material is None or material.users or not is_own(material):
        return
    images = _images(material)
    bpy.data.materials.remove(material)
    for image in images:
        remove_unused_image(image)


def remove_unused_image(image: bpy.types.Image | None) -> None:
    """Remove a texture that nothing shows."""
    if image is not None and image.users == 0:
        bpy.data.images.remove(image)


def _wear(material: bpy.types.Material, image: bpy.types.Image | None) -> None:
    """Have a material of ours show a texture, or with None the vertex colours."""
    source = _source(material)
    if source is None:
        return
    nodes = material.node_tree.nodes
    worn = source.image if source.type == "TEX_IMAGE" else None
    wanted = "TEX_IMAGE" if image is not None else "VERTEX_COLOR"
    if source.type != wanted:
        made = nodes.new("ShaderNodeTexImage" if image is not None else "ShaderNodeVertexColor")
        made.location = source.location
        for link in list(source.outputs["Color"].links):
            material.node_tree.links.new(made.outputs["Color"], link.to_socket)
        nodes.remove(source)
        source = made
    if image is not None:
        source.image, nodes.active = image, source
        material[TEXTURE_MARK] = True
    else:
        source.layer_name = COLOR
        material.pop(TEXTURE_MARK, None)
    if worn != image:
        remove_unused_image(worn)


def _name_after(material: bpy.types.Material, thing: bpy.types.Object) -> None:
    """Call a material that shows a texture, and its picture, after their object."""
    if material.get(TEXTURE_MARK):
        material.name = f"{thing.name} Texture"
        for image in _images(material):
            image.name = material.name
    elif material.name.endswith(" Texture"):
        material.name = MATERIAL


def _images(material: bpy.types.Material) -> list[bpy.types.Image]:
    nodes = (node for node in material.node_tree.nodes if node.type == "TEX_IMAGE")
    return [node.image for node in nodes if node.image is not None]


def _find(material: bpy.types.Material, kind: str) -> bpy.types.Node | None:
    if material.node_tree is None:
        return None
    return next((node for node in material.node_tree.nodes if node.type == kind), None)


def _source(material: bpy.types.Material) -> bpy.types.Node | None:
    """The node that a material's colours come from."""
    return _find(material, "TEX_IMAGE") or _find(material, "VERTEX_COLOR")


def _show(material: bpy.types.Material, source: bpy.types.Node, surface: bpy.types.Node) -> None:
    source.location = (surface.location.x - 320, surface.location.y)
    _link(material, source, surface)


def _link(material: bpy.types.Material, source: bpy.types.Node, surface: bpy.types.Node) -> None:
    name = "Color" if surface.type == "EMISSION" else "Base Color"
    material.node_tree.links.new(source.outputs["Color"], surface.inputs[name])
