"""Errors with their cure and a report, the engine's facts, memory and disk."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import bpy
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.clicking.object_states import objects_to_run
from bl_ext.user_default.sa3d_blender.blender.engine_link import engine_facts, engine_log, session
from bl_ext.user_default.sa3d_blender.blender.folders import output_folder
from bl_ext.user_default.sa3d_blender.blender.help import cures
from bl_ext.user_default.sa3d_blender.core.errors import UserError

Fake = Callable[[str], None]


def settle(done: Callable[[], bool]) -> None:
    """Pump until something is so."""
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end
        session.pump()
        time.sleep(0.005)


@pytest.mark.parametrize("code", sorted(cures.CURES))
def test_every_cure_is_an_operator(code: str) -> None:
    cure = cures.cure_of(UserError("No.", code=code))
    assert cure is not None
    area, name = cure.operator.split(".")
    assert getattr(getattr(bpy.ops, area), name).get_rna_type().name


def test_missing_weights_are_those_of_the_chosen_model(nerf: bpy.types.Object) -> None:
    nerf.sa3d.nerf.segmenter = "vit_l"
    api.add_prompt(nerf, x=9, y=9)
    with pytest.raises(UserError) as caught:
        api.segment(nerf)
    cure = cures.cure_of(caught.value)
    assert cure is not None
    assert (cure.operator, cure.options) == ("sa3d.download_weights", {"model": "vit_l"})
    assert cures.cure_of(UserError("Something else.")) is None


def test_a_missing_file_of_a_set_up_is_no_nerf() -> None:
    missing = UserError("The folder lacks a wheel.", code="missing_file")
    assert cures.cure_of(missing, cures.SET_UP_CURES) is None
    offline = UserError("Blender is offline.", code="offline")
    assert cures.cure_of(offline, cures.SET_UP_CURES).operator == "sa3d.show_online_access"


def test_a_moved_checkpoint_is_found_again(nerf: bpy.types.Object, tmp_path: Path) -> None:
    missing = UserError("There is no checkpoint.", code="missing_file")
    assert cures.cure_of(missing).operator == "sa3d.load_nerf", "another file is missing"
    api.add_prompt(nerf, x=160, y=120)
    api.segment(nerf)
    moved = tmp_path / "umgezogen 箱.th"
    shutil.move(nerf.sa3d.nerf.checkpoint, moved)
    assert cures.cure_of(missing).operator == "sa3d.find_checkpoint"
    with pytest.raises(RuntimeError, match="no file at"):
        bpy.ops.sa3d.find_checkpoint(filepath=str(tmp_path / "nothing.th"))
    assert bpy.ops.sa3d.find_checkpoint(filepath=str(moved)) == {"FINISHED"}
    assert cures.cure_of(missing).operator == "sa3d.load_nerf"
    assert objects_to_run(nerf) == [], "what was cut out stays cut out"
    for again in (api.remesh, api.rest_of_scene):
        again(nerf)
        request = output_folder(nerf) / "mesh_request.json"
        assert json.loads(request.read_text(encoding="utf-8"))["checkpoint"] == str(moved)
        request.unlink()


def test_an_error_that_was_cured_is_said_no_more(nerf: bpy.types.Object, fake: Fake) -> None:
    fake("crash")
    api.add_prompt(nerf, x=160, y=120)
    with pytest.raises(UserError):
        api.segment(nerf)
    bpy.ops.sa3d.add_object()
    assert session.current.job.state == "failed", "that is no cure"
    assert bpy.ops.sa3d.start_engine() == {"FINISHED"}
    assert session.current.job is None


def test_the_report_says_what_helpers_ask_for(nerf: bpy.types.Object, fake: Fake) -> None:
    fake("crash")
    api.add_prompt(nerf, x=160, y=120)
    with pytest.raises(UserError) as caught:
        api.segment(nerf)
    assert cures.cure_of(caught.value).operator == "sa3d.start_engine"
    text = api.report_text(f"{caught.value} In {Path.home() / 'secret'}.")
    assert "exit code 3" in text
    assert bpy.app.version_string in text
    assert "fake engine ready" in text
    assert str(Path.home()) not in text
    assert bpy.ops.sa3d.copy_report(sentence="x") == {"FINISHED"}


def test_the_log_of_an_earlier_session_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    api.start_engine()
    settle(lambda: "ready" in session.current.engine.log_tail())
    session.stop_engine()
    assert "fake engine ready" in engine_log.last_lines(5)
    monkeypatch.setattr(engine_log, "log_file", lambda: Path("nowhere"))
    assert engine_log.last_lines(5) == []


def test_the_engine_tells_its_device_and_memory_and_gives_it_back() -> None:
    assert engine_facts.state() == "Engine is not running"
    assert not bpy.ops.sa3d.unload.poll()
    api.start_engine()
    settle(lambda: engine_facts.asker.turn() and engine_facts.known())
    assert engine_facts.state() == "Engine is running, on fake, 500 MB of memory"
    bpy.ops.sa3d.unload()
    settle(lambda: engine_facts.asker.turn() and "1 MB" in engine_facts.state())
    session.stop_engine()
    assert engine_facts.known() == {}


def test_nothing_is_unloaded_under_a_job(nerf: bpy.types.Object, fake: Fake) -> None:
    fake("slow")
    api.add_prompt(nerf, x=160, y=120)
    job = api.segment(nerf, wait=False)
    with pytest.raises(UserError, match="job is running"):
        api.unload()
    engine_facts.asker.turn()
    assert not engine_facts.known(), "a busy engine is left alone"
    session.wait(job)


def test_the_cache_can_be_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SA3D_CACHE", str(tmp_path))
    engine_facts._facts.cache_until = 0.0
    assert not bpy.ops.sa3d.clear_cache.poll()
    (tmp_path / "nerf").mkdir()
    (tmp_path / "nerf" / "baked.npz").write_bytes(b"x" * 10)
    engine_facts._facts.cache_until = 0.0
    assert api.cache_size() == 10
    assert bpy.ops.sa3d.clear_cache() == {"FINISHED"}
    assert api.cache_size() == 0


def test_smaller_views_end_somewhere(nerf: bpy.types.Object) -> None:
    nerf.sa3d.nerf.view_size = 256
    assert api.use_smaller_views(nerf) == 192
    nerf.sa3d.nerf.view_size = 100
    with pytest.raises(UserError, match="small already"):
        api.use_smaller_views(nerf)
