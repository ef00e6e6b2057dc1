"""Whatever is done during a run: Blender lives, nothing stays behind, the state is clear."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.gui.artist import SCENE, Artist
from tests.gui.window import ADDON, Window, wait_for

BOX = (0.47, 0.42)
SEGMENT = "in_viewport(lambda _c: bpy.ops.sa3d.segment())"
BEGUN = "session.running()"
MOMENTS = {
    "a NeRF is loaded": (f"bpy.ops.sa3d.load_nerf(filepath={str(SCENE)!r})", BEGUN),
    "the view is rendered": ("in_viewport(lambda _c: bpy.ops.sa3d.render_view())", BEGUN),
    "a mask is asked for": ("api.add_prompt(x=60, y=40)\nlive_masks.look_now()", "True"),
    "a run begins": (SEGMENT, BEGUN),
    "the surface is made": (SEGMENT, "'surface' in session.current.job.text"),
    "the mesh is there": (SEGMENT, "False"),
}
"""What is begun, and the state of it in which it is undone; a job's end counts, too."""


@pytest.fixture(scope="module")
def start(window: Window, artist: Artist) -> str:
    """A file in which everything is ready for a run."""
    artist.load()
    window.run(
        "s = bpy.context.scene\ns.render.resolution_percentage = 20\n"
        "n = s.sa3d.nerf.sa3d.nerf\nn.views, n.view_size, n.resolution = 6, 128, 48"
    )
    artist.look()
    artist.point_at(*BOX)
    path = str(window.folder / "start.blend")
    window.run(f"bpy.ops.wm.save_as_mainfile(filepath={path!r})")
    return path


@pytest.fixture
def running(window: Window, artist: Artist, start: str) -> None:
    """A run is under way."""
    window.run(f"bpy.ops.wm.open_mainfile(filepath={start!r})")
    artist.learn()
    window.run("in_viewport(lambda _c: bpy.ops.sa3d.pick_prompts())")
    window.run(SEGMENT)
    window.until("session.running() and session.current.job.text.startswith('View')", wait=300)


def ended(artist: Artist) -> tuple[str, str]:
    """How the run ended and what is said about it."""
    state = artist.wait(120)
    return state, str(artist.window.value("str(session.current.job and session.current.job.error)"))


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("bpy.context.scene.sa3d.nerf", "was deleted"),
        ("bpy.context.scene.camera", ""),
        ("next(o for o in bpy.data.objects if o.sa3d.kind == 'PROMPT')", ""),
    ],
)
def test_deleting_while_it_runs(window: Window, artist: Artist, what: str, sentence: str) -> None:
    window.run(f"bpy.data.objects.remove({what})")
    state, said = ended(artist)
    assert sentence in said
    assert state == ("failed" if sentence else "done")
    assert artist.meshes() == ([] if sentence else artist.meshes())
    artist.see(f"deleted_{state}")


@pytest.mark.usefixtures("running")
def test_undo_all_the_way_while_it_runs(window: Window, artist: Artist) -> None:
    for _ in range(4):
        window.key("ctrl+z")
    assert ended(artist)[0] in {"done", "failed"}
    for _ in range(4):
        window.key("ctrl+shift+z")
    assert window.alive
    assert not window.value("session.running()")


@pytest.mark.parametrize("moment", MOMENTS)
def test_undo_at_every_moment(window: Window, artist: Artist, start: str, moment: str) -> None:
    action, reached = MOMENTS[moment]
    window.run(f"bpy.ops.wm.open_mainfile(filepath={start!r})")
    artist.learn()
    window.run(f"api = sys.modules['{ADDON}.blender.api']")
    window.run("in_viewport(lambda _c: bpy.ops.sa3d.pick_prompts())")
    window.until("live_masks.live.ready", wait=300)
    window.run(f"bpy.ops.ed.undo_push(message='before')\n{action}")
    window.until(f"({reached}) or not session.running()", wait=600)
    window.move(*artist.place(0.1, 0.9))
    window.key("ctrl+z", "ctrl+z", "ctrl+z")
    artist.wait()
    artist.masks()
    window.key("ctrl+shift+z", "ctrl+shift+z", "ctrl+shift+z")
    artist.masks()
    assert window.alive
    state = "session.current.job and session.current.job.state"
    assert window.value(state) in {None, "done", "failed", "cancelled"}


@pytest.mark.usefixtures("running")
def test_an_opened_file_while_it_runs(window: Window, artist: Artist, start: str) -> None:
    window.run(f"bpy.ops.wm.open_mainfile(filepath={start!r})")
    artist.learn()
    assert not window.value("session.running()")
    assert window.value("session.current.job") is None
    assert (artist.prompts(), artist.meshes()) == (1, [])


@pytest.mark.usefixtures("running")
def test_another_file_while_it_runs(window: Window, artist: Artist) -> None:
    window.run("bpy.ops.wm.read_homefile(use_factory_startup=True)")
    assert not window.value("session.running()")
    assert window.value("session.current.job") is None
    assert not artist.meshes()
    assert window.value("len(live_masks.live.answers)") == 0


@pytest.mark.usefixtures("running")
def test_the_engine_is_killed_while_it_runs(window: Window, artist: Artist) -> None:
    pid = artist.engine()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    state, said = ended(artist)
    assert state == "failed"
    assert "ended from outside" in said
    assert not artist.meshes()
    artist.see("engine_killed")
    window.run("in_viewport(lambda _c: bpy.ops.sa3d.segment())")
    assert artist.wait() == "done", "the next run starts a new engine"


@pytest.mark.usefixtures("running")
def test_the_addon_is_disabled_while_it_runs(window: Window, artist: Artist) -> None:
    pid = artist.engine()
    assert pid is not None
    window.run(f"bpy.ops.preferences.addon_disable(module='{ADDON}')")
    assert wait_for(lambda: not window.knows_process(pid), 30)
    time.sleep(1)
    artist.see("addon_disabled")
    window.run(f"bpy.ops.preferences.addon_enable(module='{ADDON}')")
    artist.learn()
    assert window.value("session.current.job") is None


@pytest.mark.usefixtures("running")
def test_blender_is_closed_while_it_runs(window: Window, artist: Artist) -> None:
    pid = artist.engine()
    assert pid is not None
    window.quit()
    assert wait_for(lambda: not window.alive, 60)
    assert wait_for(lambda: not window.knows_process(pid), 20)
