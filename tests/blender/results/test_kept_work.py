"""Results lie at their object, and a new mesh keeps what the artist did to the old one."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import bpy
import numpy as np
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.results import (
    looks,
    material,
    mesh_frame,
    solid_colors,
)
from mathutils import Euler, Matrix


@pytest.fixture
def things(nerf: bpy.types.Object) -> list[bpy.types.Object]:
    """A mug whose middle is the NeRF's origin, and a bowl that lies one to each side."""
    for number, name in enumerate(("mug", "bowl")):
        api.add_prompt(nerf, x=100 + 40 * number, y=120, object_name=name)
    return api.segment(nerf)


@pytest.fixture
def bowl(things: list[bpy.types.Object]) -> bpy.types.Object:
    return things[1]


def in_field(thing: bpy.types.Object) -> np.ndarray:
    """Middle and sides of a result's box, in the frame of the NeRF."""
    bpy.context.view_layer.update()
    nerf = bpy.context.scene.sa3d.nerf
    to_field = np.array(nerf.matrix_world.inverted() @ thing.matrix_world)
    points = mesh_frame.vertices_of(thing.data) @ to_field[:3, :3].T + to_field[:3, 3]
    low, high = points.min(axis=0), points.max(axis=0)
    return np.array([(low + high) / 2, high - low])


def use(operator: str, thing: bpy.types.Object, **options: object) -> None:
    """Use one of Blender's own operators on a thing."""
    for other in bpy.context.view_layer.objects:
        other.select_set(other == thing)
    bpy.context.view_layer.objects.active = thing
    area, name = operator.split(".")
    assert getattr(getattr(bpy.ops, area), name)(**options) == {"FINISHED"}


def test_the_origin_is_the_middle_of_the_object(bowl: bpy.types.Object) -> None:
    assert np.allclose(in_field(bowl), [[1, 1, 1], [0.6, 0.6, 0.6]], atol=2e-2)
    assert np.allclose(bowl.location, 1, atol=1e-2)
    middle, _ = in_field(bowl)
    bowl.rotation_euler, bowl.scale = (0.3, 1, 2), (2, 2, 2)
    assert np.allclose(in_field(bowl)[0], middle, atol=2e-2), "it turns and scales in place"


@pytest.mark.parametrize(("origin", "place"), [("BASE", (1, 1, 0.7)), ("NERF", (0, 0, 0))])
def test_the_origin_can_be_another_one(
    bowl: bpy.types.Object, origin: str, place: tuple[float, float, float]
) -> None:
    before = in_field(bowl)
    child = bpy.data.objects.new("Handle", None)
    bpy.context.scene.collection.objects.link(child)
    child.parent = bowl
    bpy.context.view_layer.update()
    stood = child.matrix_world.copy()
    bpy.ops.ed.undo_push(message="Before")
    assert bpy.ops.sa3d.set_origin("EXEC_DEFAULT", True, origin=origin) == {"FINISHED"}
    bowl = bpy.data.objects["bowl"]
    assert np.allclose(bowl.location, place, atol=1e-2)
    assert np.allclose(in_field(bowl), before, atol=1e-5), "nothing moves"
    assert np.allclose(bpy.data.objects["Handle"].matrix_world, stood, atol=1e-5)
    api.remesh()
    assert np.allclose(bowl.location, place, atol=1e-2)
    assert np.allclose(in_field(bowl), before, atol=2e-2)
    bpy.ops.ed.undo()
    bpy.ops.ed.undo()
    assert np.allclose(bpy.data.objects["bowl"].location, 1, atol=1e-2)


def test_new_results_have_the_chosen_origin(nerf: bpy.types.Object) -> None:
    api.set_origin(nerf, origin="BASE")
    api.add_prompt(nerf, x=100, y=120, object_name="mug")
    (mug,) = api.segment(nerf)
    assert np.allclose(mug.location, (0, 0, -0.3), atol=1e-2)


@pytest.mark.parametrize("again", ["remesh", "segment"])
def test_a_new_mesh_keeps_what_the_artist_did(bowl: bpy.types.Object, again: str) -> None:
    scene, nerf = bpy.context.scene, bowl.parent
    scene.cursor.location = (4, 5, 6)
    use("object.origin_set", bowl, type="ORIGIN_CURSOR")
    bowl.scale = (1, 2, 3)
    use("object.transform_apply", bowl, location=False, rotation=False, scale=True)
    bowl.location.x += 2
    bowl.rotation_euler = (0.1, 0.2, 0.3)
    bowl.modifiers.new("Smooth", "SMOOTH")
    bowl.name, bowl.data.name = "Heirloom", "Heirloom mesh"
    glaze = bpy.data.materials.new("Glaze")
    bowl.data.materials[0] = glaze
    bowl.data["price"] = 12
    own = bpy.data.collections.new("Kitchen")
    scene.collection.children.link(own)
    own.objects.link(bowl)
    stand = bpy.data.objects.new("Stand", None)
    own.objects.link(stand)
    bowl.parent = stand
    before, matrix = in_field(bowl), bowl.matrix_world.copy()
    getattr(api, again)(nerf)
    assert nerf.sa3d.nerf.objects["bowl"].result == bowl
    assert np.allclose(in_field(bowl), before, atol=3e-2)
    assert np.allclose(bowl.matrix_world, matrix, atol=1e-5)
    assert (bowl.name, bowl.data.name, bowl.parent) == ("Heirloom", "Heirloom mesh", stand)
    assert own in list(bowl.users_collection)
    assert [slot.material for slot in bowl.material_slots] == [glaze]
    assert [modifier.name for modifier in bowl.modifiers] == ["Smooth"]
    assert bowl.data["price"] == 12
    assert bowl.sa3d.lost == ""


def test_a_mirrored_mesh_stays_closed_outward(bowl: bpy.types.Object) -> None:
    bowl.scale = (-1, 1, 1)
    use("object.transform_apply", bowl, location=False, rotation=False, scale=True)
    api.remesh(bowl.parent)
    points = mesh_frame.vertices_of(bowl.data)
    corners = points[[list(polygon.vertices) for polygon in bowl.data.polygons]]
    assert np.linalg.det(corners).sum() > 0


def test_what_cannot_be_kept_is_said(bowl: bpy.types.Object) -> None:
    nerf = bowl.parent
    for vertex in itertools.islice(bowl.data.vertices, len(bowl.data.vertices) // 4):
        vertex.co *= 1.5
    bowl.vertex_groups.new(name="Rim")
    bowl.shape_key_add(name="Basis")
    use("object.origin_set", bowl, type="ORIGIN_CURSOR")
    api.remesh(nerf)
    for word in ("edited shape", "vertex groups", "shape keys"):
        assert word in bowl.sa3d.lost
    assert np.allclose(in_field(bowl)[0], 1, atol=3e-2), "it does not jump all the same"
    assert nerf.sa3d.nerf.objects["mug"].result.sa3d.lost == ""
    api.remesh(nerf)
    assert bowl.sa3d.lost == "", "that was the mesh before"


def test_linked_duplicates_get_the_new_mesh_too(bowl: bpy.types.Object) -> None:
    twin = bowl.copy()
    bpy.context.scene.collection.objects.link(twin)
    meshes = len(bpy.data.meshes)
    bowl.parent.sa3d.nerf.max_faces = 1000
    api.remesh(bowl.parent)
    assert twin.data == bowl.data
    assert len(bpy.data.meshes) == meshes


def test_a_mesh_of_an_earlier_version_stays_where_it_was(bowl: bpy.types.Object) -> None:
    for key in (mesh_frame.COUNT, mesh_frame.POINTS, mesh_frame.PLACE):
        del bowl.data[key]
    bowl.data.transform(Matrix.Translation(bowl.location))
    bowl.location = (0, 0, 0)
    api.remesh(bowl.parent)
    assert np.allclose(in_field(bowl)[0], 1, atol=1e-2)


def test_each_object_has_a_material_of_its_own(things: list[bpy.types.Object]) -> None:
    first, second = (thing.data.materials[0] for thing in things)
    assert first != second
    first.node_tree.nodes["Principled BSDF"].inputs["Roughness"].default_value = 0.1
    nerf = things[0].parent
    nerf.sa3d.nerf.surface.texture = "1024"
    api.remesh(nerf)
    assert things[0].data.materials[0] == first
    roughness = first.node_tree.nodes["Principled BSDF"].inputs["Roughness"].default_value
    assert roughness == pytest.approx(0.1), "what the artist changed of it stays"
    assert first.node_tree.nodes.active.type == "TEX_IMAGE", "Solid mode shows it"


def test_it_can_look_as_photographed(things: list[bpy.types.Object]) -> None:
    nerf, scene = things[0].parent, bpy.context.scene
    bpy.ops.ed.undo_push(message="Before")

    def shown(thing: bpy.types.Object) -> str:
        nodes = thing.data.materials[0].node_tree.nodes
        end = next(node for node in nodes if node.type == "OUTPUT_MATERIAL")
        surface = end.inputs["Surface"].links[0].from_node
        name = "Color" if surface.type == "EMISSION" else "Base Color"
        assert surface.inputs[name].links, "it shows the colours"
        return surface.type

    assert [shown(thing) for thing in things] == ["BSDF_PRINCIPLED"] * 2
    assert bpy.ops.sa3d.set_look("EXEC_DEFAULT", True, look="PHOTOGRAPHED") == {"FINISHED"}
    assert [shown(thing) for thing in things] == ["EMISSION"] * 2
    assert looks.colors_are_changed(scene, nerf), "a new file's AgX turns yellow pale"
    assert bpy.ops.sa3d.standard_colors() == {"FINISHED"}
    assert scene.view_settings.view_transform == "Standard"
    assert not bpy.ops.sa3d.standard_colors.poll()
    api.set_look(nerf, look="LIT")
    assert [shown(thing) for thing in things] == ["BSDF_PRINCIPLED"] * 2
    assert material.is_own(things[0].data.materials[0])


def test_a_baked_texture_is_seen_in_solid_mode(things: list[bpy.types.Object]) -> None:
    nerf = things[0].parent
    (window,) = bpy.context.window_manager.windows
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    shading = area.spaces.active.shading
    assert shading.color_type == "VERTEX"
    nerf.sa3d.nerf.surface.texture = "1024"
    api.remesh(nerf, object_name="mug")
    assert shading.color_type == "VERTEX", "the other one would be white"
    assert "Solid" not in solid_colors.where_seen(things)
    api.remesh(nerf)
    assert shading.color_type == "TEXTURE"
    assert "Solid mode" in solid_colors.where_seen(things)
    shading.color_type = "RANDOM"
    api.remesh(nerf)
    assert shading.color_type == "RANDOM", "the artist's choice stays"


def test_a_texture_can_be_baked_by_its_button(things: list[bpy.types.Object]) -> None:
    assert bpy.ops.sa3d.bake_texture(name="bowl") == {"FINISHED"}
    assert [bool(thing.data.uv_layers) for thing in things] == [False, True]


def test_new_meshes_are_selected_by_the_button(nerf: bpy.types.Object) -> None:
    for name in ("a", "b"):
        api.add_prompt(nerf, x=100, y=120, object_name=name)
    assert bpy.ops.sa3d.segment() == {"FINISHED"}
    assert sorted(thing.name for thing in bpy.context.selected_objects) == ["a", "b"]
    cube = bpy.data.objects["Cube"]
    use("object.shade_flat", cube)
    assert bpy.ops.sa3d.segment() == {"FINISHED"}
    assert bpy.context.selected_objects == [cube], "they are not new any more"


def test_placing_does_not_hold_the_main_thread(
    nerf: bpy.types.Object,
    fake: Callable[[str], None],
    longest_tick: Callable[..., float],
    never_held: Callable[[Callable[[], float]], None],
) -> None:
    fake("faces=60000")
    api.add_prompt(nerf, x=100, y=120, object_name="mug")
    (mug,) = api.segment(nerf)
    mug.matrix_basis = Matrix.LocRotScale((1, 2, 3), Euler((1, 2, 3)), None)
    use("object.transform_apply", mug)
    never_held(lambda: longest_tick(lambda: api.segment(nerf, wait=False)))
    assert len(mug.data.polygons) > 50_000
