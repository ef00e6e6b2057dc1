"""A whole session in a real window: from the zip to the mesh, with everything that goes wrong."""

from __future__ import annotations

import time

from tests.gui.artist import CANCEL_ROWS, CANCEL_X, Artist
from tests.gui.window import Window, wait_for

BOX = (0.52, 0.38)
TABLE = (0.45, 0.56)
BACKGROUND = (0.1, 0.9)


def test_from_the_zip_to_the_mesh(artist: Artist, window: Window) -> None:
    artist.see("01_installed")
    window.move(450, 600)
    window.key("Delete")  # the cube of a new file
    assert "Cube" not in artist.objects()
    artist.load()
    window.run(
        "s = bpy.context.scene\ns.render.resolution_percentage = 40\n"
        "n = s.sa3d.nerf.sa3d.nerf\nn.views, n.view_size, n.resolution = 6, 192, 96"
    )
    artist.see("02_loaded")
    artist.look()
    artist.see("03_view")


def test_clicks_are_answered_with_masks(artist: Artist, window: Window) -> None:
    artist.point_at(*BOX)
    artist.see("04_click")
    (whole,) = artist.masks().values()
    assert 0.001 < whole < 0.1
    window.key("Tab")
    artist.see("05_other_mask")
    (other,) = artist.masks().values()
    assert other != whole
    window.key("ctrl+z")
    assert list(artist.masks().values()) == [whole]
    artist.point_at(*TABLE, held="ctrl")
    labels = "[o.sa3d.prompt.label for o in bpy.data.objects if o.sa3d.kind == 'PROMPT']"
    assert sorted(window.value(labels)) == ["NEGATIVE", "POSITIVE"]
    artist.see("06_negative_click")
    window.key("ctrl+z")
    assert artist.prompts() == 1
    assert list(artist.masks().values()) == [whole], "an undo takes the mask back, too"
    window.key("ctrl+shift+z")
    assert artist.prompts() == 2
    window.key("BackSpace")
    assert artist.prompts() == 1
    artist.masks()


def test_a_box_is_dragged_and_moved(artist: Artist, window: Window) -> None:
    (x, y) = BOX
    window.run("bpy.ops.sa3d.add_object(name='Boxed')")
    window.drag(artist.place(x - 0.06, y - 0.14), artist.place(x + 0.06, y + 0.12))
    found = artist.masks()
    artist.see("07_box")
    assert 0.001 < found["Boxed"] < 0.1
    box = "next(o for o in bpy.data.objects if o.sa3d.prompt.label == 'BOX')"
    window.run(f"{box}.location.x += 0.4")
    moved = artist.masks()
    assert moved["Boxed"] != found["Boxed"]
    window.run(f"bpy.data.objects.remove({box})")
    time.sleep(0.5)
    assert "Boxed" not in artist.masks()
    window.run("bpy.ops.sa3d.remove_object()")


def test_the_background_is_no_object(artist: Artist, window: Window) -> None:
    artist.point_at(*BACKGROUND)
    assert "empty background" in window.value("live_masks.live.message")
    artist.see("08_background")
    window.key("BackSpace")
    artist.masks()


def test_run_cancel_run_again(artist: Artist, window: Window) -> None:
    window.key("Return")
    window.until("session.running() and session.current.job.picture", wait=300)
    artist.see("09_running")
    artist.press("sa3d.cancel", x=CANCEL_X, rows=CANCEL_ROWS)
    assert artist.wait(60) == "cancelled"
    assert not artist.meshes()
    artist.see("10_cancelled")
    window.move(*artist.place(*BACKGROUND))
    window.key("Return")
    assert artist.wait() == "done"
    assert len(artist.meshes()) == 1
    window.key("Escape")
    artist.see("11_mesh")
    window.run("view3d()[1].spaces.active.region_3d.view_perspective = 'PERSP'")
    artist.see("11_mesh_alone")
    window.key("ctrl+z")
    assert not artist.meshes()
    artist.see("12_undone")
    window.key("ctrl+shift+z")
    assert len(artist.meshes()) == 1


def test_saved_opened_and_run_again(artist: Artist, window: Window) -> None:
    path = window.folder / "gespeichert 保存.blend"
    window.run(f"bpy.ops.wm.save_as_mainfile(filepath={str(path)!r})")
    window.run("bpy.ops.wm.read_homefile(use_factory_startup=True)")
    assert not artist.meshes()
    window.run(f"bpy.ops.wm.open_mainfile(filepath={str(path)!r})")
    artist.learn()
    assert (len(artist.meshes()), artist.prompts()) == (1, 1)
    artist.press("sa3d.segment")
    assert artist.wait() == "done"
    assert len(artist.meshes()) == 1
    window.run("view3d()[1].spaces.active.region_3d.view_perspective = 'PERSP'")
    artist.see("13_opened_and_run_again")


def test_the_engine_ends_with_blender(artist: Artist, window: Window) -> None:
    pid = artist.engine()
    assert pid is not None
    assert window.knows_process(pid)
    window.kill()
    assert wait_for(lambda: not window.knows_process(pid), 20)
