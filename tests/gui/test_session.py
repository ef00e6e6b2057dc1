"""A whole session in a real window: from the zip to the mesh, with everything that goes wrong."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.gui import dialogs
from tests.gui.artist import CANCEL_ROWS, CANCEL_X, SCENE, Artist
from tests.gui.conftest import engine_python, pictures_folder
from tests.gui.tree import python_folders
from tests.gui.window import Window, wait_for

DONUT, DONUT_CORNERS = (0.548, 0.409), ((0.51, 0.33), (0.645, 0.49))
TABLE = (0.38, 0.5)
BACKGROUND = (0.1, 0.9)
BELOW_TABLE = (0.2, 0.7), (0.9, 0.95)
PACK = os.environ.get("SA3D_TEST_PACK", "")


@pytest.fixture(scope="module")
def window(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    """A Blender as it comes. Where there is an engine pack, it knows of no engine either."""
    folder, engine = tmp_path_factory.mktemp("session"), engine_python()
    base = python_folders(engine)[1]
    nothing = {"SA3D_ENGINE_PYTHON": "", "PATH": f"{base}/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    with Window(
        tree,
        folder,
        engine,
        folders=[Path(PACK)] if PACK else [],
        **(nothing if PACK else {}),
    ) as blender:
        blender.open()
        yield blender


def test_installed_from_disk(window: Window, extension_zip: Path) -> None:
    downloads = window.folder / "downloads"
    downloads.mkdir()
    dialogs.install_from_disk(window, Path(shutil.copy(extension_zip, downloads)))
    shutil.copy(window.shot("00_preferences"), pictures_folder(window))
    dialogs.close_preferences(window)


def test_the_engine_is_set_up_from_a_pack(artist: Artist, window: Window) -> None:
    if not PACK:
        pytest.skip("SA3D_TEST_PACK names no engine pack")
    artist.see("00_installed")
    with artist.filmed("Set up the engine, once"):
        dialogs.open_set_up(artist)
        dialogs.set_up_from_pack(artist, Path(PACK))
        artist.see("00_setting_up")
        dialogs.wait_for_set_up(window)
        time.sleep(2)


def test_from_the_file_to_the_view(artist: Artist, window: Window) -> None:
    artist.see("01_ready")
    window.move(450, 600)
    window.key("Delete")  # the cube of a new file
    assert "Cube" not in artist.objects()
    with artist.filmed("Load the NeRF"):
        artist.press_next_step("sa3d.load_nerf")
        dialogs.choose_file(window, SCENE)
        artist.wait()
    window.run(
        "s = bpy.context.scene\ns.render.resolution_percentage = 40\n"
        "n = s.sa3d.nerf.sa3d.nerf\nn.views, n.view_size, n.resolution = 8, 256, 96"
    )
    artist.see("02_loaded")
    with artist.filmed("Look at it through a camera"):
        artist.look()
    artist.see("03_view")


def test_clicks_are_answered_with_masks(artist: Artist, window: Window) -> None:
    with artist.filmed("Click on the object"):
        artist.point_at(*DONUT)
    artist.see("04_click")
    (whole,) = artist.masks().values()
    assert 0.001 < whole < 0.1
    window.key("Tab")
    artist.see("05_other_mask")
    (other,) = artist.masks().values()
    assert other != whole
    window.key("ctrl+z")
    assert list(artist.masks().values()) == [whole]
    with artist.filmed("Ctrl-click on what is not the object"):
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
    window.run("bpy.ops.sa3d.add_object(name='Boxed')")
    window.drag(*(artist.place(*corner) for corner in DONUT_CORNERS))
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


def is_white(
    artist: Artist, screenshot: Path, start: tuple[float, float], end: tuple[float, float]
) -> bool:
    """Whether a part of the camera's picture shows nothing but the NeRF's white background."""
    corners = (*artist.place(*start), *artist.place(*end))
    with Image.open(screenshot) as screen:
        part = screen.convert("L").crop(tuple(round(length) for length in corners))
        return min(part.size) > 50 and part.getextrema()[0] > 240


def test_run_cancel_run_again(artist: Artist, window: Window) -> None:
    window.key("Return")
    window.until("session.running() and session.current.job.points", wait=300)
    assert is_white(artist, artist.see("09_running"), *BELOW_TABLE)
    artist.press("sa3d.cancel", x=CANCEL_X, rows=CANCEL_ROWS)
    assert artist.wait(180) == "cancelled"
    assert not artist.meshes()
    artist.see("10_cancelled")
    window.move(*artist.place(*BACKGROUND))
    with artist.filmed("Press Enter"):
        window.key("Return")
        assert artist.wait() == "done"
    assert len(artist.meshes()) == 1
    window.key("Escape")
    artist.see("11_mesh")
    with artist.filmed("The object is a mesh"):
        window.drag((250, 600), (420, 570), button=2)  # the middle one turns the view
        artist.show_mesh_alone()
        window.key("KP_Decimal")
        window.drag((250, 600), (500, 600), button=2)
    artist.see("11_mesh_alone")
    window.key("ctrl+z")
    assert not artist.meshes()
    artist.see("12_undone")
    window.key("ctrl+shift+z")
    assert len(artist.meshes()) == 1


def test_saved_opened_and_run_again(artist: Artist, window: Window) -> None:
    path = window.folder / "my object.blend"
    window.move(450, 600)  # in the viewport, which no longer looks through the camera
    window.key("ctrl+s")
    dialogs.choose_file(window, path)
    assert wait_for(path.is_file, 30)
    window.run("bpy.ops.wm.read_homefile(use_factory_startup=True)")
    assert not artist.meshes()
    window.move(450, 600)
    window.key("ctrl+o")
    dialogs.choose_file(window, path)
    assert window.until(f"bpy.data.filepath == {str(path)!r}")
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
