"""Setting up from within Blender: states, errors, and never a blocked window."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import bpy
import pytest
from bl_ext.user_default.sa3d_blender.blender import api, folders
from bl_ext.user_default.sa3d_blender.blender.engine_link import loop
from bl_ext.user_default.sa3d_blender.blender.engine_link.chosen_python import engine_python
from bl_ext.user_default.sa3d_blender.blender.installation import installation
from bl_ext.user_default.sa3d_blender.blender.ui import installation_panels
from bl_ext.user_default.sa3d_blender.core.background import Watch
from bl_ext.user_default.sa3d_blender.core.errors import Cancelled, UserError
from bl_ext.user_default.sa3d_blender.core.installation.engine_lock import read_lock
from bl_ext.user_default.sa3d_blender.core.installation.engine_setup import SetUp
from bl_ext.user_default.sa3d_blender.core.installation.engine_store import (
    EngineRecord,
    EngineState,
    environment_python,
)

from tests.support.file_server import FileServer
from tests.support.set_up_stand_ins import DATA, Gate, drawn, make_engine, until

pytestmark = pytest.mark.usefixtures("clean_installation")


def test_it_sets_up_what_this_machine_needs_where_the_artist_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[SetUp] = []
    monkeypatch.setattr(
        installation, "set_up", lambda how, watch: (seen.append(how), make_engine(how, watch))[1]
    )
    assert api.engine_status(fresh=True).state == EngineState.missing
    record = api.set_up_engine("cpu")
    assert record.device == "cpu"
    how = seen[0]
    assert how.root == Path(folders.preferences().storage) / "engine"
    assert how.lock == read_lock(how.lock.target)
    assert how.lock.target.endswith("-cpu")
    assert how.other_pythons == (Path(sys.executable),)
    assert api.engine_status().state == EngineState.ready
    assert Path(engine_python()) == environment_python(how.root / "environment-new")


def test_the_engine_goes_to_blenders_folder_for_the_add_on_by_default() -> None:
    folders.preferences().storage = ""
    assert folders.engine_folder() == Path(
        bpy.utils.extension_path_user(folders.ADDON, path="engine")
    )
    assert Path(folders.__file__).parents[1] not in folders.engine_folder().parents


def test_a_python_of_the_artists_own_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "set_up", make_engine)
    api.set_up_engine("cpu")
    folders.preferences().engine_python = "/mine/python"
    assert engine_python() == "/mine/python"


def test_blender_goes_on_while_it_is_set_up(
    gate: Gate, never_held: Callable[[Callable[[], float]], None]
) -> None:
    task = api.set_up_engine("cpu", wait=False)
    until(lambda: task.progress is not None)
    assert task.text == "Downloading 50 MB of 100 MB"
    assert task.progress.factor == 0.5

    def longest() -> float:
        holds = []
        for _ in range(20):
            begin = time.perf_counter()
            installation._look()
            installation.current.status = None
            installation.engine_status()
            holds.append(time.perf_counter() - begin)
        return max(holds)

    never_held(longest)
    gate.open.set()
    task.wait()
    assert installation._look() is None
    assert api.engine_status().state == EngineState.ready


def test_only_one_thing_is_set_up_at_a_time(gate: Gate) -> None:
    api.set_up_engine("cpu", wait=False)
    for call in (
        lambda: api.set_up_engine("cpu"),
        lambda: api.download_weights("vit_b"),
        lambda: api.remove_weights("vit_b"),
    ):
        with pytest.raises(UserError) as caught:
            call()
        assert caught.value.code == "busy"
    assert not bpy.ops.sa3d.set_up_engine.poll()
    assert not bpy.ops.sa3d.download_weights.poll()


def test_a_cancel_stops_it_soon(gate: Gate) -> None:
    task = api.set_up_engine("cpu", wait=False)
    bpy.ops.sa3d.cancel_installation()
    with pytest.raises(Cancelled):
        task.wait()
    assert task.state == "cancelled"
    assert api.engine_status().state == EngineState.missing
    assert drawn(installation_panels.draw_end)[0].endswith("stopped; the next click goes on")


def test_opening_another_file_does_not_stop_it(gate: Gate) -> None:
    task = api.set_up_engine("cpu", wait=False)
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    assert task.state == "running"
    gate.open.set()
    task.wait()


def test_taking_the_add_on_away_stops_it(gate: Gate) -> None:
    task = api.set_up_engine("cpu", wait=False)
    installation.unregister()
    assert task.state == "cancelled"
    assert not loop.knows(installation._look)


def test_nothing_is_downloaded_while_blender_is_offline(gate: Gate, server: FileServer) -> None:
    bpy.context.preferences.system.use_online_access = False
    for call in (lambda: api.set_up_engine("cpu"), lambda: api.download_weights("vit_b")):
        with pytest.raises(UserError, match="Allow Online Access") as caught:
            call()
        assert caught.value.code == "offline"
    assert server.starts == []
    assert gate.how is None


def test_an_engine_pack_needs_no_internet(gate: Gate, tmp_path: Path) -> None:
    bpy.context.preferences.system.use_online_access = False
    gate.open.set()
    api.set_up_engine("cpu", pack=tmp_path)
    assert gate.how is not None
    assert gate.how.pack == tmp_path


def test_the_small_segmenter_comes_with_the_engine_unless_it_is_unticked(
    monkeypatch: pytest.MonkeyPatch, server: FileServer
) -> None:
    monkeypatch.setattr(installation, "set_up", make_engine)
    box = bpy.ops.sa3d.set_up_engine.get_rna_type().properties["small_segmenter"]
    assert box.name == "Segment Anything, small: 41 MB, recommended"
    assert box.default
    bpy.ops.sa3d.set_up_engine(small_segmenter=False)
    assert installation.downloaded_weights() == {}
    bpy.ops.sa3d.set_up_engine()
    assert list(installation.downloaded_weights()) == ["mobile_sam"]
    assert len(server.starts) == 1
    api.set_up_engine("cpu")
    assert len(server.starts) == 1


def test_the_engine_is_set_up_even_if_the_small_segmenter_is_not(
    monkeypatch: pytest.MonkeyPatch, server: FileServer
) -> None:
    monkeypatch.setattr(installation, "set_up", make_engine)
    del server.files["m.pt"]
    task = api.set_up_engine("cpu", wait=False)
    assert task.wait().device == "cpu"
    assert task.state == "done"
    assert api.engine_status(fresh=True).state == EngineState.ready
    text, _ = drawn(installation_panels.draw_running)
    text = text.replace("\n", " ")
    assert "The engine is set up, MobileSAM is not here" in text
    assert "the bundled segmenter works" in text


def test_a_stop_while_the_small_segmenter_arrives_leaves_the_engine(
    monkeypatch: pytest.MonkeyPatch, server: FileServer
) -> None:
    monkeypatch.setattr(installation, "set_up", make_engine)
    server.slow = True
    task = api.set_up_engine("cpu", wait=False)
    until(lambda: bool(server.starts))
    bpy.ops.sa3d.cancel_installation()
    with pytest.raises(Cancelled):
        task.wait()
    assert api.engine_status(fresh=True).state == EngineState.ready
    server.slow = False
    api.set_up_engine("cpu")
    assert list(installation.downloaded_weights()) == ["mobile_sam"]


def test_a_pack_brings_the_small_segmenter_where_it_has_it(
    monkeypatch: pytest.MonkeyPatch, server: FileServer, tmp_path: Path
) -> None:
    bpy.context.preferences.system.use_online_access = False
    monkeypatch.setattr(installation, "set_up", make_engine)
    task = api.set_up_engine("cpu", pack=tmp_path, wait=False)
    task.wait()
    assert "m.pt is not in the engine pack" in task.note
    (tmp_path / "m.pt").write_bytes(DATA)
    api.set_up_engine("cpu", pack=tmp_path)
    assert list(installation.downloaded_weights()) == ["mobile_sam"]
    assert server.starts == []


def test_a_failure_is_one_sentence_in_the_operator_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_how: SetUp, _watch: Watch) -> EngineRecord:
        raise UserError("The disk is full; make room.", code="disk_full")

    monkeypatch.setattr(installation, "set_up", fail)
    with pytest.raises(RuntimeError, match="The disk is full; make room"):
        bpy.ops.sa3d.set_up_engine()
    assert "The disk is full" in drawn(installation_panels.draw_running)[0]


def test_a_job_is_not_disturbed(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation.session, "running", lambda: True)
    with pytest.raises(UserError, match="Another job is running"):
        api.set_up_engine("cpu")


def test_it_can_be_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "set_up", make_engine)
    api.set_up_engine("cpu")
    bpy.ops.sa3d.remove_engine()
    assert api.engine_status().state == EngineState.missing
    assert engine_python() == ""


UPDATE = """
import bpy, sys
from pathlib import Path
install = lambda: bpy.ops.extensions.package_install_files(
    filepath=sys.argv[1], repo="user_default", enable_on_install=True)
install()
from bl_ext.user_default.sa3d_blender.blender import folders
root = folders.engine_folder()
root.mkdir(parents=True)
(root / "kept").write_text("x")
install()
assert (root / "kept").exists()
bpy.ops.preferences.addon_disable(module="bl_ext.user_default.sa3d_blender")
print("UPDATE OK")
"""


def test_an_update_of_the_add_on_keeps_the_engine(extension_zip: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", UPDATE, str(extension_zip)],
        env=os.environ | {"BLENDER_USER_RESOURCES": str(tmp_path / "user")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "UPDATE OK" in done.stdout, done.stdout + done.stderr
