"""The one timer moves everything on, whatever happens to the file in between."""

from __future__ import annotations

import logging
from collections.abc import Callable

import bpy
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.clicking import live_masks
from bl_ext.user_default.sa3d_blender.blender.engine_link import loop, session
from bl_ext.user_default.sa3d_blender.core.turns import Turns, Urgency

from tests.support.waiting import until

Fake = Callable[[str], None]


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Turns:
    """A queue in which nobody waits yet."""
    fresh = Turns()
    monkeypatch.setattr(loop, "_turns", fresh)
    return fresh


def test_there_is_a_timer_as_long_as_somebody_wants_a_turn(turns: Turns) -> None:
    def look() -> float:
        return 1.0

    loop.wake(look, Urgency.WATCH, after=1.0)
    loop.wake(look, Urgency.WATCH)
    assert bpy.app.timers.is_registered(loop._turn)
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    assert bpy.app.timers.is_registered(loop._turn), "another file does not stop it"
    loop.leave(look)
    assert not bpy.app.timers.is_registered(loop._turn)


def test_turns_move_masks_and_jobs_on(nerf: bpy.types.Object, turns: Turns) -> None:
    session.stop_engine()
    live_masks.forget()
    live_masks.show()
    api.add_prompt(nerf, x=100, y=80, object_name="mug")
    bpy.context.view_layer.update()
    until(lambda: live_masks.live.answers, turns.turn)
    job = api.segment(nerf, wait=False)
    until(lambda: job.state != "running", turns.turn)
    assert job.state == "done"


@pytest.mark.parametrize("what", ["open", "undo", "unregister"])
def test_what_happens_to_the_file_meanwhile_leaves_the_queue_whole(
    nerf: bpy.types.Object,
    fake: Fake,
    turns: Turns,
    caplog: pytest.LogCaptureFixture,
    what: str,
) -> None:
    fake("slow")
    bpy.ops.ed.undo_push(message="Load")
    live_masks.forget()
    live_masks.show()
    job = api.render_view(nerf, wait=False)
    turns.turn()
    if what == "open":
        bpy.ops.wm.read_homefile(use_factory_startup=True)
    elif what == "undo":
        bpy.ops.ed.undo()
    else:
        session.unregister()
        session.register()
    with caplog.at_level(logging.ERROR):
        until(lambda: job.state != "running", turns.turn)
        for _ in range(5):
            turns.turn()
    assert not caplog.records
    assert job.state in {"done", "failed"} if what == "undo" else job.state == "cancelled"
