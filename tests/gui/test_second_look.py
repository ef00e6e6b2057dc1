"""A whole session over another scene, and whatever an artist does to what came back.

``SA3D_WINDOW_CHECKPOINT`` names a checkpoint from elsewhere, and ``SA3D_WINDOW_CLICK`` where its
object is in the first camera's picture (shares of width and height, ``0.5,0.5``); it is used at the
usual settings. ``account.txt`` beside the screenshots has the clicks and the seconds.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.gui import dialogs
from tests.gui.artist import Artist
from tests.gui.conftest import CHECKPOINT
from tests.gui.tree import ROOT
from tests.gui.window import Window, wait_for

CLICK = "SA3D_WINDOW_CLICK"
SPLAT = ROOT / "tests" / "data" / "tabletop_splat" / "point_cloud.ply"
GIVEN = os.environ.get(CHECKPOINT)
SCENE = Path(GIVEN) if GIVEN else SPLAT
PLACE = tuple(map(float, os.environ.get(CLICK, "0.562,0.594").split(",")))
TAB_X, TAB_Y = 1039, {4: 247, 5: 322}
"""Where the sidebar's tab is, by Blender's version."""
HIDE_ROWS = range(340, 460, 17)
CAMERA_ROWS = range(420, 580, 17)
IN_VIEW = (300, 660)
TOOLBAR = (30, 560)
PROMPTS = "sorted(o.name for o in bpy.data.objects if o.sa3d.kind == 'PROMPT')"
IN_PICTURE = """
from bpy_extras.object_utils import world_to_camera_view
s = bpy.context.scene
corners = [result().matrix_world @ v.co for v in result().data.vertices]
seen = min((world_to_camera_view(s, s.camera, corner) for corner in corners), key=lambda v: v.z)
print(seen.x, 1 - seen.y)
"""
"""Where what is nearest of the result is in the active camera's picture."""
FRONT = "view3d()[1].spaces.active.region_3d.view_perspective = 'PERSP'"


def undone_and_redone(window: Window, expression: str, *, times: int = 1) -> None:
    """Undo changes a value, and Redo brings it back."""
    before = window.value(expression)
    window.move(*IN_VIEW)
    window.key(*["ctrl+z"] * times)
    assert wait_for(lambda: window.value(expression) != before, 30)
    window.key(*["ctrl+shift+z"] * times)
    assert wait_for(lambda: window.value(expression) == before, 30)


def test_from_a_new_file_to_the_mesh(artist: Artist, window: Window) -> None:
    window.run("view3d()[2]['UI'].active_panel_category = 'Item'")
    window.run("view3d()[1].spaces.active.show_region_ui = False")
    window.done.clear()
    window.move(*IN_VIEW)
    window.key("n")
    window.click(TAB_X, TAB_Y[window.value("bpy.app.version[0]")])
    assert "Cube" in artist.objects()
    dialogs.drop_file(window, SCENE, answer="l" if SCENE.suffix == ".ply" else "")
    with artist.timed("the NeRF, from its file"):
        assert artist.wait() == "done"
    artist.see("60_loaded")
    assert window.value("box.in_the_way(nerf())").startswith("Cube stands in")
    artist.press("sa3d.hide_in_box", rows=HIDE_ROWS)
    if not GIVEN:
        window.run(
            "bpy.context.scene.render.resolution_percentage = 40\n"
            "n = nerf().sa3d.nerf\nn.views, n.view_size, n.resolution = 8, 256, 96"
        )
    artist.press_next_step("sa3d.add_camera")
    artist.press_next_step("sa3d.render_view")
    with artist.timed("the first picture"):
        window.until("bpy.context.scene.camera.sa3d.view is not None", wait=300)
    with artist.timed("the sharp picture, after that"):
        artist.wait()
    artist.press_next_step("sa3d.pick_prompts")
    window.until("live_masks.live.ready", wait=300)
    artist.see("61_view")
    window.click(*artist.place(*PLACE))
    with artist.timed("the mask, from the click"):
        artist.masks()
    artist.see("62_click")
    window.key("Return")
    with artist.timed("the mesh, from Enter"):
        assert artist.wait() == "done"
    account = f"{SCENE.name}\n{artist.account()}\n"
    (artist.pictures / "account.txt").write_text(account, encoding="utf-8")
    window.key("Escape")
    artist.see("63_mesh_in_the_view")
    assert len(artist.meshes()) == 1


def test_the_redo_panel_leaves_the_result(artist: Artist, window: Window) -> None:
    window.move(*IN_VIEW)
    window.key("F9")
    artist.see("64_no_redo_panel")
    window.key("Escape")
    assert len(artist.meshes()) == 1
    undone_and_redone(window, "len([o for o in bpy.data.objects if o.sa3d.kind == 'RESULT'])")


def test_moved_turned_and_scaled(artist: Artist, window: Window) -> None:
    window.run(
        "bpy.ops.object.select_all(action='DESELECT')\nnerf().select_set(True)\n"
        "bpy.context.view_layer.objects.active = nerf()"
    )
    before = window.value("middle()")
    window.move(*IN_VIEW)
    for keys in (("g", "x", "2", "Return"), ("r", "z", "4", "0", "Return"), ("s", "2", "Return")):
        window.key(*keys)
    where = "[list(row) for row in nerf().matrix_world]"
    assert window.value("round(nerf().matrix_world.median_scale, 3)") == 2.0
    assert window.value("round(nerf().location.x, 3)") == 2.0
    assert window.value("state()") == "good"
    now = window.value("middle()")
    assert max(abs(a - b) for a, b in zip(before, now, strict=True)) < 1e-4
    artist.see("65_moved_turned_scaled")
    undone_and_redone(window, where, times=3)


def test_enter_over_the_toolbar_after_a_click_in_a_second_camera(
    artist: Artist, window: Window
) -> None:
    artist.press("sa3d.add_camera", x=1003, rows=CAMERA_ROWS)
    undone_and_redone(window, "len(nerf().sa3d.nerf.cameras.objects)")
    artist.press("sa3d.render_view", rows=CAMERA_ROWS)
    artist.wait()
    window.run("in_viewport(lambda _c: bpy.ops.sa3d.pick_prompts())")
    window.until("live_masks.live.ready", wait=300)
    artist.see("66_second_camera")
    artist.point_at(*map(float, window.run(IN_PICTURE).split()))
    assert artist.prompts() == 2
    artist.see("67_second_click")
    undone_and_redone(window, PROMPTS)
    artist.masks()
    window.move(*TOOLBAR)
    window.key("Return")
    window.until("session.running()", wait=30)
    assert artist.wait() == "done"
    assert len(artist.meshes()) == 1
    window.move(*IN_VIEW)
    window.key("Escape")


def test_what_the_artist_did_survives_a_new_mesh(artist: Artist, window: Window) -> None:
    window.run(
        f"{FRONT}\n"
        "bpy.ops.object.select_all(action='DESELECT')\nresult().select_set(True)\n"
        "bpy.context.view_layer.objects.active = result()\n"
        "bpy.context.scene.cursor.location = result().matrix_world @ result().data.vertices[0].co\n"
        "in_viewport(lambda _c: bpy.ops.object.origin_set(type='ORIGIN_CURSOR'))\n"
        "result().data.materials[0] = bpy.data.materials.new('Glaze')\n"
        "result().modifiers.new('Shell', 'SOLIDIFY').thickness = 0.001\n"
        "stand = bpy.data.objects.new('Stand', None)\n"
        "bpy.context.scene.collection.objects.link(stand)\n"
        "bpy.context.view_layer.update()\n"
        "kept = result().matrix_world.copy()\n"
        "result().parent, result().matrix_world = stand, kept\n"
        "bpy.context.view_layer.update()\nbefore = middle()"
    )
    window.run("nerf().sa3d.nerf.objects[0].name = 'Digger'")
    assert window.value("result().name") == "Digger"
    assert all("Digger" in name for name in window.value(PROMPTS))
    window.move(*IN_VIEW)
    window.key("F2")
    time.sleep(1)  # its field takes a moment, and letters mean something else until then
    window.xdo("key", "ctrl+a")
    window.xdo("type", "--delay", 30, "My Digger")
    window.key("Return")
    assert wait_for(lambda: bool(window.value("result().name == 'My Digger'")), 20)
    place = "[list(row) for row in result().matrix_world]"
    stood = window.value(place)
    window.run("in_viewport(lambda _c: bpy.ops.view3d.view_selected())")
    window.settle()
    artist.see("68_changed_by_the_artist")
    window.run("nerf().sa3d.nerf.resolution = 80")  # or undo would change nothing
    open_menu(artist, window)
    window.key("Return")
    window.until("session.running()", wait=30)
    with artist.timed("another mesh, from Remesh"):
        assert artist.wait() == "done"
    artist.see("70_remeshed")
    assert window.value(place) == stood
    assert window.value("distance(middle(), before)") < 0.05
    assert window.value("[m.name for m in result().data.materials]") == ["Glaze"]
    assert window.value("[m.name for m in result().modifiers]") == ["Shell"]
    assert window.value("(result().parent.name, result().name)") == ["Stand", "My Digger"]
    undone_and_redone(window, "len(result().data.vertices)")


def open_menu(artist: Artist, window: Window) -> None:
    """A right click on the result, and its entry SA3D, which is the last one."""
    window.run(
        "from bpy_extras.view3d_utils import location_3d_to_region_2d as there\n"
        "def at(c):\n"
        "    p = there(c.region, c.region_data, result().matrix_world @ "
        "result().data.vertices[0].co)\n"
        "    return [c.region.x + p.x, c.window.height - 1 - (c.region.y + p.y)]\n"
    )
    window.click(*window.value("in_viewport(at)"), button=3)
    window.settle()
    window.key("Up", "Right")
    artist.see("69_menu_of_a_right_click")


def test_quad_view(artist: Artist, window: Window) -> None:
    window.run("in_viewport(lambda c: camera_frame.look_through_camera(c, c.area))")
    window.move(*IN_VIEW)
    window.key("ctrl+alt+q")
    artist.see("71_quad_view")
    window.key("ctrl+alt+q")


def test_the_search_finds_everything(artist: Artist, window: Window) -> None:
    window.run(FRONT)
    window.run("view3d()[1].spaces.active.region_3d.view_distance = 1000")
    window.move(*IN_VIEW)
    window.key("F3")
    time.sleep(1)  # its field takes a moment, and letters mean something else until then
    window.xdo("type", "--delay", 30, "SA3D")
    window.settle()
    artist.see("72_search")
    window.key("Escape", "Escape")
    window.key("F3")
    time.sleep(1)  # its field takes a moment, and letters mean something else until then
    window.xdo("type", "--delay", 30, "Frame NeRF")
    window.settle()
    window.key("Return")
    time.sleep(1)
    assert window.value("view3d()[1].spaces.active.region_3d.view_distance") < 500


def test_a_deleted_camera_leaves_nothing_behind(artist: Artist, window: Window) -> None:
    window.run(
        "in_viewport(lambda _c: bpy.ops.sa3d.pick_prompts())\n"
        "bpy.ops.object.select_all(action='DESELECT')\n"
        "camera = bpy.context.scene.camera\ncamera.select_set(True)\n"
        "bpy.context.view_layer.objects.active = camera"
    )
    window.run(FRONT)
    window.move(*IN_VIEW)
    window.key("Delete")
    assert window.value("len(nerf().sa3d.nerf.cameras.objects)") == 1
    window.until("not live_masks.live.answers", wait=20)
    artist.see("73_camera_deleted")
    undone_and_redone(window, "len(nerf().sa3d.nerf.cameras.objects)")
    assert len(artist.meshes()) == 1
