"""Setting up and downloading from within Blender: states, buttons, and never a blocked window."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
import pytest
from bl_ext.user_default.sa3d_blender.blender import api, folders
from bl_ext.user_default.sa3d_blender.blender.installation import (
    installation,
    installation_panels,
    preferences,
)
from bl_ext.user_default.sa3d_blender.blender.nerf.nerf import chosen_weights
from bl_ext.user_default.sa3d_blender.core.background import Progress, Watch
from bl_ext.user_default.sa3d_blender.core.errors import Cancelled, UserError
from bl_ext.user_default.sa3d_blender.core.installation.downloads import RemoteFile
from bl_ext.user_default.sa3d_blender.core.installation.engine_lock import read_lock
from bl_ext.user_default.sa3d_blender.core.installation.engine_setup import SetUp
from bl_ext.user_default.sa3d_blender.core.installation.engine_store import (
    EngineRecord,
    EngineState,
    environment_python,
    write_record,
)

from tests.support.file_server import FileServer, serving

DATA = bytes(range(256)) * 8000


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.delenv("SA3D_ENGINE_PYTHON")
    chosen = folders.preferences()
    chosen.storage = str(tmp_path / "große Platte 猫")
    bpy.context.preferences.system.use_online_access = True
    yield
    installation.unregister()
    chosen.storage = chosen.engine_python = ""
    bpy.context.preferences.system.use_online_access = False


def make_engine(how: SetUp, watch: Watch) -> EngineRecord:
    """Stands in for the core's set-up: the files that make an engine look whole."""
    watch.report(Progress("download", 50_000_000, 100_000_000))
    python = environment_python(how.root / "environment-new")
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_bytes(b"")
    (how.root / "environment-new" / "pyvenv.cfg").write_text("", encoding="utf-8")
    record = EngineRecord(
        how.lock.target, "environment-new", how.lock.fingerprint, device="cpu", bytes=981_000_000
    )
    write_record(how.root, record)
    return record


class Gate:
    """A set-up that waits until the test lets it go on."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.how: SetUp | None = None

    def __call__(self, how: SetUp, watch: Watch) -> EngineRecord:
        self.how = how
        watch.report(Progress("download", 50_000_000, 100_000_000))
        while not self.open.is_set():
            watch.sleep(0.01)
        return make_engine(how, watch)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate = Gate()
    monkeypatch.setattr(installation, "set_up", gate)
    return gate


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """Gives out small weights in place of ViT-B's."""
    with serving() as running:
        running.files["b.pth"] = DATA
        digest = hashlib.sha256(DATA).hexdigest()
        models = installation.sam_weights.WEIGHTS
        small = replace(models["vit_b"], file=RemoteFile(running.url("b.pth"), digest, len(DATA)))
        monkeypatch.setitem(models, "vit_b", small)
        yield running


def until(met: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not met():
        assert time.monotonic() < end
        time.sleep(0.005)


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
    assert Path(preferences.engine_python()) == environment_python(how.root / "environment-new")


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
    assert preferences.engine_python() == "/mine/python"


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
            installation._tick()
            installation.current.status = None
            installation.engine_status()
            holds.append(time.perf_counter() - begin)
        return max(holds)

    never_held(longest)
    gate.open.set()
    task.wait()
    assert installation._tick() is None
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
    assert not bpy.app.timers.is_registered(installation._tick)


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
    assert preferences.engine_python() == ""


def test_weights_are_downloaded_used_and_removed(
    server: FileServer, nerf: bpy.types.Object
) -> None:
    facts = nerf.sa3d.nerf
    api.add_prompt(nerf, x=160, y=120)
    facts.segmenter = "vit_b"
    with pytest.raises(UserError, match="weights of ViT-B are not here"):
        api.segment(nerf)
    path = api.download_weights("vit_b")
    assert path.read_bytes() == DATA
    assert chosen_weights(facts) == str(path)
    api.segment(nerf)
    assert bpy.ops.sa3d.remove_weights(model="vit_b") == {"FINISHED"}
    assert not path.exists()


def test_the_artists_own_file_goes_first(server: FileServer, nerf: bpy.types.Object) -> None:
    facts = nerf.sa3d.nerf
    assert chosen_weights(facts) is None
    facts.segmenter = "vit_b"
    api.download_weights("vit_b")
    facts.weights = "/mine/sam.pth"
    assert chosen_weights(facts) == "/mine/sam.pth"


def test_a_cut_download_goes_on_at_the_next_click(server: FileServer) -> None:
    server.files.clear()
    with pytest.raises(RuntimeError, match=r"does not give out b\.pth"):
        bpy.ops.sa3d.download_weights(model="vit_b")
    server.files["b.pth"] = DATA
    server.cut_after = [700_000]
    assert bpy.ops.sa3d.download_weights(model="vit_b") == {"FINISHED"}
    assert server.starts == [0, 700_000]


class Layout:
    """Stands in for Blender's layout: keeps the labels and the operators."""

    def __init__(self, texts: list[str], buttons: list[tuple[str, str]]) -> None:
        self.__dict__.update(texts=texts, buttons=buttons)

    def label(self, *, text: str = "", icon: str = "NONE") -> None:
        self.texts.append(text)

    def operator(self, name: str, *, text: str = "", icon: str = "NONE") -> Any:
        family, _, operation = name.partition(".")
        assert hasattr(getattr(bpy.ops, family), operation)
        self.buttons.append((name, text))
        return self

    def progress(self, *, factor: float, text: str, type: str) -> None:
        self.texts.append(text)

    def prop(self, owner: Any, name: str) -> None:
        assert hasattr(owner, name)

    def __getattr__(self, name: str) -> Any:
        if name in ("row", "column", "box", "split"):
            return lambda **_: self
        raise AttributeError(name)

    def __setattr__(self, name: str, value: Any) -> None:
        assert name in ("alert", "scale_y", "use_property_split", "model", "which", "sentence")


def drawn(draw: Callable[[Any], Any]) -> tuple[str, list[str]]:
    """The text and the buttons that a function draws."""
    layout = Layout([], [])
    installation.current.status = None
    draw(layout)
    return "\n".join(layout.texts), [text or name for name, text in layout.buttons]


def test_the_preferences_show_each_state_with_its_button(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draw(layout: Any) -> None:
        installation_panels.draw_running(layout)
        installation_panels.draw_engine(layout, is_used=True)

    text, buttons = drawn(draw)
    assert "not set up yet" in text
    assert buttons[0] == "Set Up"
    task = api.set_up_engine("cpu", wait=False)
    until(lambda: task.progress is not None)
    text, buttons = drawn(draw)
    assert "Downloading 50 MB of 100 MB" in text
    assert buttons[0] == "sa3d.cancel_installation"
    gate.open.set()
    task.wait()
    text, buttons = drawn(draw)
    assert "981 MB in" in text
    assert buttons[:3] == ["Check", "Remove", "sa3d.start_engine"]
    assert buttons[3:5] == ["sa3d.unload", "sa3d.stop_engine"]
    record = replace(task.result, fingerprint="other")
    write_record(folders.engine_folder(), record)
    assert drawn(draw)[1][:2] == ["Update", "Remove"]
    environment_python(folders.engine_folder() / record.environment).unlink()
    text, buttons = drawn(draw)
    assert "damaged" in text
    assert buttons[:2] == ["Repair", "Remove"]


def test_the_sidebar_offers_what_is_missing_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draw = installation_panels.draw_missing_engine
    assert drawn(draw)[1] == ["Set Up"]
    folders.preferences().engine_python = "/mine/python"
    assert drawn(draw) == ("", [])
    folders.preferences().engine_python = ""
    monkeypatch.setattr(installation, "set_up", make_engine)
    api.set_up_engine("cpu")
    assert drawn(draw) == ("", [])


def test_the_weights_menu_says_size_and_memory(server: FileServer) -> None:
    text, buttons = drawn(installation_panels.draw_all_weights)
    assert "ViT-H: 2.6 GB to download" in text
    assert "memory" in text
    assert buttons == ["Download", "Download", "Download"]
    api.download_weights("vit_b")
    assert drawn(installation_panels.draw_all_weights)[1] == ["Remove", "Download", "Download"]


def test_the_dialog_says_what_it_costs_before_anything_happens() -> None:
    kind = bpy.types.SA3D_OT_set_up_engine
    operator = type("Stand", (), {"device": "cpu", "source": "INTERNET"})()
    text = "\n".join(line for line, _icon in kind.costs(operator))
    lock = read_lock(installation.target_here("cpu"))
    assert f"Downloads {lock.download_bytes / 1e6:.0f} MB, about 1 minute" in text
    assert "on the disk" in text
    assert folders.preferences().storage in text


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
