"""A NeRF that was loaded is in sight: framed, and what stands in its box is named and hidden."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.nerf import framing, in_the_box
from mathutils import Vector


def free_view() -> tuple[bpy.types.SpaceView3D, bpy.types.RegionView3D]:
    """The viewport of a new file."""
    (window,) = bpy.context.window_manager.windows
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    return area.spaces.active, area.spaces.active.region_3d


def test_loading_frames_the_whole_box(checkpoint: Path) -> None:
    space, view = free_view()
    view.view_distance, view.view_location = 0.01, (50, 50, 50)
    turned = view.view_rotation.copy()
    api.load_nerf(checkpoint)
    assert view.view_rotation == turned
    middle = turned.inverted() @ (view.view_location - Vector((0.5, 0, 0.25)))
    assert abs(middle.y) + abs(middle.z) < 1e-4, "the box's middle, beside toolbar and sidebar"
    corners = [Vector((x, y, z)) for x in (-1, 2) for y in (-1.5, 1.5) for z in (-0.5, 1)]
    local = [turned.inverted() @ (corner - view.view_location) for corner in corners]
    slopes = [max(abs(p.x), abs(p.y)) / (view.view_distance - p.z) for p in local]
    assert 0.1 < max(slopes) < framing.SENSOR / space.lens, "all in sight, and not far away"


def test_a_view_through_a_camera_stays(checkpoint: Path) -> None:
    _, view = free_view()
    view.view_location = (50, 50, 50)
    view.view_perspective = "CAMERA"
    api.load_nerf(checkpoint)
    assert tuple(view.view_location) == (50, 50, 50)


def test_a_moved_and_large_nerf_is_framed_too(nerf: bpy.types.Object) -> None:
    space, view = free_view()
    nerf.location, nerf.scale = (100, 0, 0), (1000, 1000, 1000)
    assert bpy.ops.sa3d.frame_nerf() == {"FINISHED"}
    aside = view.view_rotation.inverted() @ (view.view_location - Vector((600, 0, 250)))
    assert np.allclose(aside.yz, 0, atol=0.1)
    assert abs(aside.x) < 500
    assert space.clip_end > view.view_distance + 2000


def test_the_cube_of_a_new_file_is_named_and_hidden(checkpoint: Path) -> None:
    nerf = api.load_nerf(checkpoint)
    assert in_the_box.in_the_way(nerf).startswith("Cube stands in the NeRF's box")
    bpy.ops.ed.undo_push(message="Load")
    assert bpy.ops.sa3d.hide_in_box("EXEC_DEFAULT", True) == {"FINISHED"}
    assert not bpy.data.objects["Cube"].visible_get()
    assert not bpy.data.objects["Cube"].hide_render, "only the viewports"
    nerf = bpy.context.scene.sa3d.nerf
    assert in_the_box.in_the_way(nerf) == ""
    assert not bpy.ops.sa3d.hide_in_box.poll()
    bpy.ops.ed.undo()
    assert bpy.data.objects["Cube"].visible_get()


def test_what_stands_beside_it_is_not_in_the_way(checkpoint: Path) -> None:
    nerf = api.load_nerf(checkpoint)
    cube = bpy.data.objects["Cube"]
    cube.location.x = 3.1
    bpy.context.view_layer.update()
    assert in_the_box.things_in_box(nerf) == []
    nerf.location.x = 1
    bpy.context.view_layer.update()
    assert in_the_box.things_in_box(nerf) == [cube], "wherever the NeRF was moved"
    other = bpy.data.objects.new("Wall", cube.data)
    bpy.context.scene.collection.objects.link(other)
    other.location = (2, 0, 0)
    bpy.context.view_layer.update()
    assert in_the_box.in_the_way(nerf).startswith("Cube and Wall stand in")


def test_nothing_is_in_the_way_once_something_was_cut_out(nerf: bpy.types.Object) -> None:
    api.add_prompt(nerf, x=160, y=120)
    api.segment(nerf)
    assert in_the_box.things_in_box(nerf) == []


def test_many_objects_are_looked_at_quickly(checkpoint: Path, never_held: object) -> None:
    """The panel asks at each drawing."""
    nerf = api.load_nerf(checkpoint)
    mesh = bpy.data.objects["Cube"].data
    for number in range(400):
        thing = bpy.data.objects.new(f"Thing {number}", mesh)
        bpy.context.scene.collection.objects.link(thing)
    bpy.context.view_layer.update()
    asked = []
    mesh_lookups = in_the_box._reaches_into
    try:
        in_the_box._reaches_into = lambda *args: asked.append(args) or mesh_lookups(*args)
        assert in_the_box.in_the_way(nerf)
    finally:
        in_the_box._reaches_into = mesh_lookups
    assert len(asked) <= in_the_box.MOST


def test_the_operator_selects_what_it_loaded(checkpoint: Path) -> None:
    assert bpy.ops.sa3d.load_nerf(filepath=str(checkpoint)) == {"FINISHED"}
    nerf = bpy.context.scene.sa3d.nerf
    assert bpy.context.selected_objects == [nerf]
    assert bpy.context.view_layer.objects.active == nerf
    assert bpy.ops.sa3d.frame_selected_nerf.poll()
    bpy.data.objects["Cube"].select_set(True)
    assert not bpy.ops.sa3d.frame_selected_nerf.poll(), "Blender's own Frame Selected is meant"


@pytest.mark.parametrize("lens", [20, 50, 120])
def test_the_distance_fits_the_lens(lens: float) -> None:
    distance = framing.viewing_distance(1.0, lens, (400, 200))
    half = np.arcsin(1 / distance)
    assert np.tan(half) == pytest.approx(framing.SENSOR / lens / 2)
