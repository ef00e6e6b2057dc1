"""A second session in a real window: with the cube of a new file, as an artist goes about it."""

from __future__ import annotations

from tests.gui.artist import Artist
from tests.gui.window import Window

BOX = (0.47, 0.42)
"""Where the box on the table is in the picture of the first camera."""


def test_the_nerf_is_in_sight_in_a_new_file(artist: Artist, window: Window) -> None:
    assert "Cube" in artist.objects()
    artist.load()
    artist.see("30_loaded_with_cube")
    assert window.value("box.in_the_way(nerf())").startswith("Cube stands in")
    artist.press("sa3d.hide_in_box")
    assert not window.value("bpy.data.objects['Cube'].visible_get()")
    window.until("bpy.context.scene.sa3d.nerf.sa3d.nerf.show_points")
    artist.see("31_cube_hidden")
    window.move(450, 400)
    window.key("ctrl+z")
    assert window.value("bpy.data.objects['Cube'].visible_get()")
    window.key("ctrl+shift+z")


def test_a_camera_a_click_and_the_mesh(artist: Artist, window: Window) -> None:
    window.run(
        "s = bpy.context.scene\ns.render.resolution_percentage = 30\n"
        "n = nerf().sa3d.nerf\nn.views, n.view_size, n.resolution = 6, 192, 64"
    )
    artist.look()
    assert window.value("bpy.context.scene.camera.parent == nerf()")
    artist.see("32_whole_box_in_the_camera")
    artist.point_at(*BOX)
    artist.see("33_click")
    assert artist.prompts() == 1
    window.key("Return")
    artist.wait()
    assert len(artist.meshes()) == 1
    window.key("Escape")
    artist.see("34_mesh")


def test_quad_view_shows_the_mask_in_one_part_only(artist: Artist, window: Window) -> None:
    window.move(450, 400)
    window.key("ctrl+alt+q")
    artist.see("35_quad_view")
    window.key("ctrl+alt+q")


def test_the_nerf_is_moved_and_nothing_comes_apart(artist: Artist, window: Window) -> None:
    window.run(
        "nerf().location, nerf().rotation_euler = (2, 1, 0.5), (0, 0, 0.7)\n"
        "bpy.context.view_layer.update()"
    )
    artist.see("36_moved")
    assert window.value("state()") == "good"
    window.run("bpy.ops.sa3d.segment()")
    artist.wait()
    assert len(artist.meshes()) == 1


def test_a_second_camera_stands_elsewhere(artist: Artist, window: Window) -> None:
    artist.press("sa3d.add_camera", x=1008)
    artist.press("sa3d.render_view")
    artist.wait()
    artist.see("37_second_camera")
    turned = window.value(
        "(lambda c: (c[0].matrix_world.to_quaternion().rotation_difference("
        "c[1].matrix_world.to_quaternion())).angle)"
        "(list(nerf().sa3d.nerf.cameras.objects))"
    )
    assert turned > 0.5
    window.move(450, 400)
    window.key("ctrl+z")
    window.key("ctrl+z")
    artist.see("38_undone")


def test_a_new_mesh_keeps_what_the_artist_did(artist: Artist, window: Window) -> None:
    window.run(
        "o = result()\n"
        "o.scale = (1.5, 1.5, 1.5)\no.rotation_euler = (0, 0, 0.5)\n"
        "o.data.materials[0] = bpy.data.materials.new('Glaze')\n"
        "bpy.context.view_layer.update()\nbefore = middle()"
    )
    window.run("bpy.ops.sa3d.remesh(every=True)")
    artist.wait()
    assert window.value("distance(middle(), before)") < 0.05
    assert window.value("result().data.materials[0].name") == "Glaze"
    window.run("view3d()[1].spaces.active.region_3d.view_perspective = 'PERSP'")
    artist.see("39_remeshed")


def test_another_lens_marks_the_picture(artist: Artist, window: Window) -> None:
    window.run(
        "bpy.context.scene.camera = nerf().sa3d.nerf.cameras.objects[0]\n"
        "in_viewport(lambda c: camera_frame.look_through_camera(c, c.area))\n"
        "bpy.context.scene.render.resolution_y = 1500"
    )
    assert window.value("state()") == "old"
    artist.see("40_old_picture")
