"""A 3D Gaussian splat in a window: dropped, clicked, cut out as a mesh and as a splat."""

from __future__ import annotations

from tests.gui import dialogs
from tests.gui.artist import Artist
from tests.gui.tree import ROOT
from tests.gui.window import Window

SPLAT = ROOT / "tests" / "data" / "tabletop_splat" / "point_cloud.ply"
LOAD_NERF = "l"
"""Key of the menu's entry, as Blender imports such files, too."""
DONUT = (0.562, 0.594)
"""Where its left side is in the picture of the first camera."""
HEADER_X = 1003
"""Where the header of a closed part of the panel has its button."""
SPLATS = "[o for o in bpy.data.objects if 'sa3d_splat' in o]"
ONLY = """
for thing in bpy.context.view_layer.objects:
    thing.hide_set(thing.name not in {names})
in_viewport(lambda _c: setattr(view3d()[1].spaces.active.shading, 'color_type', 'VERTEX'))
"""


def test_a_dropped_splat_is_loaded(artist: Artist, window: Window) -> None:
    dialogs.drop_file(window, SPLAT, answer=LOAD_NERF)
    assert artist.wait() == "done"
    assert window.value("bpy.context.scene.sa3d.nerf.name") == "tabletop_splat"
    artist.press("sa3d.hide_in_box", rows=range(380, 430, 17))
    artist.see("50_splat_as_points")


def test_one_click_gives_a_mesh_and_a_splat(artist: Artist, window: Window) -> None:
    window.run(
        "s = bpy.context.scene\ns.render.resolution_percentage = 40\n"
        "n = s.sa3d.nerf.sa3d.nerf\nn.views, n.view_size, n.resolution = 8, 256, 96"
    )
    artist.look()
    artist.point_at(*DONUT)
    artist.see("51_splat_click")
    (share,) = artist.masks().values()
    assert 0.005 < share < 0.03
    window.key("Return")
    assert artist.wait() == "done"
    window.key("Escape")
    assert artist.meshes() == ["Object"]
    assert window.value(f"[o.name for o in {SPLATS}]") == ["Object Splat"]
    assert window.value(f"[o.hide_get() for o in {SPLATS}]") == [True]
    window.run("view3d()[1].spaces.active.region_3d.view_perspective = 'PERSP'")
    window.move(450, 600)
    window.key("KP_Decimal")  # the new mesh is selected
    window.run("view3d()[1].spaces.active.region_3d.view_distance *= 1.6")  # beside the sidebar
    for name, shown in (("mesh", "Object"), ("splat", "Object Splat")):
        window.run(ONLY.format(names=[shown]))
        artist.see(f"52_the_object_as_a_{name}")


def test_the_rest_of_the_scene_is_one_click(artist: Artist, window: Window) -> None:
    before = window.done.copy()
    artist.press("sa3d.rest_of_scene", x=HEADER_X)
    assert (window.done - before)["clicks"] == 1
    assert artist.wait() == "done"
    names = window.value(f"sorted(o.name for o in {SPLATS})")
    assert len(names) == 2
    window.run(ONLY.format(names=["Rest of the Scene"]))
    window.run("in_viewport(lambda _c: bpy.ops.sa3d.frame_nerf())")
    artist.see("53_the_rest_as_a_mesh")
    (rest,) = set(names) - {"Object Splat"}
    window.run(ONLY.format(names=[rest]))
    artist.see("53_the_rest_as_a_splat")
    count = f"{{o.name: len(o.data.vertices) for o in {SPLATS}}}"
    counts = window.value(count)
    assert counts[rest] > 3 * counts["Object Splat"] > 0
    window.run(ONLY.format(names=["Object", "Rest of the Scene"]))
    window.move(450, 600)
    window.key("ctrl+z")
    assert len(window.value(f"[o.name for o in {SPLATS}]")) == 1, "one undo takes the rest back"
