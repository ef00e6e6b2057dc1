"""Setting the engine up with the real uv, and what becomes of it when something goes wrong."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sa3d_blender.core.background import Progress, Watch
from sa3d_blender.core.errors import Cancelled, UserError
from sa3d_blender.core.installation import downloads, engine_check, engine_setup
from sa3d_blender.core.installation.engine_setup import SetUp, set_up_engine, verify_in_place
from sa3d_blender.core.installation.engine_store import (
    EngineState,
    engine_python,
    engine_status,
    only_one,
    read_record,
    remove_engine,
)
from sa3d_blender.core.installation.uv_process import run_uv
from tests.support.file_server import FileServer, serving
from tests.support.small_engine import SmallEngine, make_small_engine, make_wheel, remote

FAKE = Path(__file__).resolve().parents[2] / "fake_engine.py"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> SmallEngine:
    return make_small_engine(tmp_path_factory.mktemp("engine") / "Räder 猫")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(engine_check, "engine_command", lambda _: [sys.executable, str(FAKE)])
    monkeypatch.setattr(downloads, "PAUSE", 0.0)
    return tmp_path / "Käse 猫" / "engine"


@pytest.fixture
def server(engine: SmallEngine) -> Iterator[FileServer]:
    with serving() as running:
        running.files = {path.name: path.read_bytes() for path in engine.pack.iterdir()}
        yield running


def environments(root: Path) -> list[str]:
    return sorted(path.name for path in root.glob("environment-*"))


def state(root: Path) -> EngineState:
    return engine_status(root).state


def module_file(root: Path) -> Path:
    return next(root.glob("environment-*/[Ll]ib*/**/tiny_thing.py"))


def test_an_engine_is_made_from_a_folder_of_wheels(engine: SmallEngine, root: Path) -> None:
    assert state(root) == EngineState.missing
    record = set_up_engine(engine.set_up(root), Watch())
    assert state(root) == EngineState.ready
    assert record.packages == {"tiny-thing": "2.0"}
    assert record.hashes["tiny-thing"] == engine.lock.wheels[0].file.sha256
    assert record.bytes > 1e6
    python = engine_python(root)
    assert python is not None
    code = "import tiny_thing, sys; print(tiny_thing.value, sys.prefix)"
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split(maxsplit=1) == ["42", f"{root / record.environment}\n"]
    assert not (root / "downloads").exists()


def test_an_engine_is_downloaded_over_a_bad_connection(
    engine: SmallEngine, root: Path, server: FileServer
) -> None:
    server.cut_after = [10_000_000, 5_000_000]
    lock = engine.served_from(server.url(""))
    seen: list[Progress] = []
    how = SetUp(root, lock, own_python=False, other_pythons=(Path(sys.executable),))
    set_up_engine(how, Watch(seen.append))
    assert state(root) == EngineState.ready
    assert server.starts[:3] == [0, 10_000_000, 15_000_000]
    stages = list(dict.fromkeys(progress.stage for progress in seen))
    assert stages == ["download", "python", "install", "verify"]
    loads = [progress for progress in seen if progress.stage == "download"]
    assert loads[-1].done == loads[-1].total == lock.download_bytes
    assert [p.done for p in loads] == sorted(p.done for p in loads)


def test_a_cancelled_download_goes_on_the_next_time(
    engine: SmallEngine, root: Path, server: FileServer
) -> None:
    lock = engine.served_from(server.url(""))
    how = SetUp(root, lock, own_python=False, other_pythons=(Path(sys.executable),))
    watch = Watch(lambda progress: watch.cancel() if progress.done else None)
    with pytest.raises(Cancelled):
        set_up_engine(how, watch)
    status = engine_status(root)
    assert status.state == EngineState.interrupted
    assert "already downloaded" in status.sentence
    set_up_engine(how, Watch())
    assert server.starts[1] > 0
    assert state(root) == EngineState.ready


@pytest.mark.parametrize("stage", ["python", "install", "verify"])
def test_a_cancel_at_any_stage_leaves_nothing_half_made(
    engine: SmallEngine, root: Path, stage: str
) -> None:
    watch = Watch(lambda progress: watch.cancel() if progress.stage == stage else None)
    with pytest.raises(Cancelled):
        set_up_engine(engine.set_up(root), watch)
    assert environments(root) == []
    assert read_record(root) is None


@pytest.mark.skipif(sys.platform == "win32", reason="sleep is no program there")
def test_a_cancel_ends_the_installer_itself(root: Path) -> None:
    root.mkdir(parents=True)
    watch = Watch()
    timer = threading.Timer(0.3, watch.cancel)
    timer.start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        run_uv(["sleep", "60"], root, watch)
    assert time.monotonic() - began < 30


def test_an_installer_that_is_not_let_run_is_one_sentence(
    engine: SmallEngine, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(
        UserError, match=r"cannot be started \(Permission denied\); allow it"
    ) as caught:
        set_up_engine(engine.set_up(root), Watch())
    assert caught.value.code == "cannot_install"
    assert environments(root) == []


def test_what_the_installer_says_ends_up_in_the_sentence_and_the_log(
    engine: SmallEngine, root: Path, tmp_path: Path
) -> None:
    pack = shutil.copytree(engine.pack, tmp_path / "pack")
    wheel = make_wheel(pack, "not_tiny", "2.0").rename(pack / engine.lock.wheels[0].file.name)
    wheels = (replace(engine.lock.wheels[0], file=remote(wheel)),)
    how = replace(engine.set_up(root), pack=pack, lock=replace(engine.lock, wheels=wheels))
    with pytest.raises(UserError, match="packages cannot be installed") as caught:
        set_up_engine(how, Watch())
    assert str(root / "set_up.log") in str(caught.value)
    assert "not-tiny" in (root / "set_up.log").read_text(encoding="utf-8")
    assert environments(root) == []


def test_too_little_space_is_said_before_anything_is_made(engine: SmallEngine, root: Path) -> None:
    how = engine.set_up(root)
    with pytest.raises(UserError, match="more free") as caught:
        set_up_engine(replace(how, lock=replace(how.lock, unknown_bytes=10**16)), Watch())
    assert caught.value.code == "disk_full"
    assert environments(root) == []


def test_the_old_engine_stays_until_the_new_one_works(
    engine: SmallEngine, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = set_up_engine(engine.set_up(root), Watch())
    monkeypatch.setenv("SA3D_FAKE", "no_start")
    with pytest.raises(UserError, match="lacks the package torch; click Repair") as caught:
        set_up_engine(engine.set_up(root), Watch())
    assert caught.value.code == "broken_engine"
    assert environments(root) == [first.environment]
    assert state(root) == EngineState.ready
    monkeypatch.delenv("SA3D_FAKE")
    second = set_up_engine(engine.set_up(root), Watch())
    assert environments(root) == [second.environment] != [first.environment]


def test_a_half_made_environment_is_noticed_and_replaced(engine: SmallEngine, root: Path) -> None:
    (root / "environment-dead" / "bin").mkdir(parents=True)
    assert state(root) == EngineState.interrupted
    record = set_up_engine(engine.set_up(root), Watch())
    assert environments(root) == [record.environment]


@pytest.mark.parametrize("harm", ["remove", "shorten"])
def test_a_damaged_package_is_found_and_repaired(
    engine: SmallEngine, root: Path, harm: str
) -> None:
    set_up_engine(engine.set_up(root), Watch())
    verify_in_place(root, Watch())
    if harm == "remove":
        module_file(root).unlink()
    else:
        module_file(root).write_bytes(b"")
    with pytest.raises(UserError, match=r"tiny_thing\.py is missing or damaged; click Repair"):
        verify_in_place(root, Watch())
    status = engine_status(root)
    assert status.state == EngineState.broken
    assert "tiny_thing.py" in status.sentence
    set_up_engine(engine.set_up(root), Watch())
    assert state(root) == EngineState.ready


def test_a_check_that_passes_takes_the_blame_back(engine: SmallEngine, root: Path) -> None:
    set_up_engine(engine.set_up(root), Watch())
    module = module_file(root)
    hidden = module.rename(module.with_suffix(".hidden"))
    with pytest.raises(UserError):
        verify_in_place(root, Watch())
    hidden.rename(module)
    verify_in_place(root, Watch())
    assert state(root) == EngineState.ready


def test_an_environment_whose_python_is_gone_is_broken(engine: SmallEngine, root: Path) -> None:
    record = set_up_engine(engine.set_up(root), Watch())
    settings = root / record.environment / "pyvenv.cfg"
    settings.write_text(f"home = {root / 'Blender 4.2' / 'python'}\n", encoding="utf-8")
    status = engine_status(root)
    assert status.state == EngineState.broken
    assert "Python that it was made from is gone" in status.sentence
    shutil.rmtree(root / record.environment)
    assert state(root) == EngineState.broken


def test_another_lock_makes_the_engine_old_but_usable(engine: SmallEngine, root: Path) -> None:
    how = engine.set_up(root)
    set_up_engine(replace(how, lock=replace(how.lock, fingerprint="another")), Watch())
    assert state(root) == EngineState.old
    assert engine_python(root) is not None
    set_up_engine(how, Watch())
    assert state(root) == EngineState.ready


@pytest.mark.parametrize(
    "text", ["", "[]", '{"target": 1}', '{"environment": "../..", "target": "", "fingerprint": ""}']
)
def test_a_record_that_nobody_wrote_is_not_believed(
    engine: SmallEngine, root: Path, text: str
) -> None:
    root.mkdir(parents=True)
    (root / "engine.json").write_text(text, encoding="utf-8")
    assert state(root) == EngineState.broken
    assert engine_python(root) is None
    set_up_engine(engine.set_up(root), Watch())
    assert state(root) == EngineState.ready


def test_removing_leaves_what_is_not_the_engines(engine: SmallEngine, root: Path) -> None:
    set_up_engine(engine.set_up(root), Watch())
    (root / "mine.txt").write_text("mine")
    (root.parent / "weights").mkdir()
    remove_engine(root)
    assert state(root) == EngineState.missing
    assert (root / "mine.txt").exists()
    assert (root.parent / "weights").exists()
    assert environments(root) == []
    assert not (root / "uv").exists()


def test_two_blenders_do_not_set_up_at_once(engine: SmallEngine, root: Path) -> None:
    with only_one(root), pytest.raises(UserError, match="Another Blender"):
        set_up_engine(engine.set_up(root), Watch())
    set_up_engine(engine.set_up(root), Watch())


@pytest.mark.parametrize(("damage", "code"), [("missing", "missing_file"), ("other", "wrong_hash")])
def test_a_pack_that_is_not_whole_is_refused(
    engine: SmallEngine, root: Path, tmp_path: Path, damage: str, code: str
) -> None:
    pack = shutil.copytree(engine.pack, tmp_path / "pack")
    wheel = pack / engine.lock.wheels[0].file.name
    if damage == "missing":
        wheel.unlink()
    else:
        wheel.write_bytes(wheel.read_bytes()[::-1])
    with pytest.raises(UserError, match=wheel.name) as caught:
        set_up_engine(replace(engine.set_up(root), pack=pack), Watch())
    assert caught.value.code == code
    assert environments(root) == []


def test_without_any_python_it_says_so(
    engine: SmallEngine, root: Path, monkeypatch: pytest.MonkeyPatch, server: FileServer
) -> None:
    lock = replace(engine.served_from(server.url("")), python="3.10")
    how = SetUp(root, lock, own_python=False, other_pythons=(Path(sys.executable),))
    with pytest.raises(UserError, match=r"Python 3\.10 can neither") as caught:
        set_up_engine(how, Watch())
    assert caught.value.code == "no_python"
    assert environments(root) == []


def test_uvs_own_python_is_tried_first_and_does_without(
    engine: SmallEngine, root: Path, monkeypatch: pytest.MonkeyPatch, server: FileServer
) -> None:
    commands: list[list[str]] = []

    def offline(command: list[str], where: Path, watch: Watch) -> int:
        commands.append([str(part) for part in command])
        return 1 if "--managed-python" in command else run_uv(command, where, watch)

    monkeypatch.setattr(engine_setup, "run_uv", offline)
    lock = engine.served_from(server.url(""))
    set_up_engine(SetUp(root, lock, other_pythons=(Path(sys.executable),)), Watch())
    assert "--managed-python" in commands[0]
    assert sys.executable in commands[1]
    assert state(root) == EngineState.ready


@pytest.mark.skipif(sys.platform != "linux", reason="the folder's name is Linux's")
def test_uvs_own_python_is_kept_in_the_engines_folder(
    engine: SmallEngine, root: Path, server: FileServer
) -> None:
    version, machine = platform.python_version(), platform.machine()
    own = root / "python" / f"cpython-{version}-linux-{machine}-gnu"
    own.mkdir(parents=True)
    for part in ("bin", "lib"):  # as if it had been downloaded
        (own / part).symlink_to(Path(sys.base_prefix) / part)
    record = set_up_engine(SetUp(root, engine.served_from(server.url(""))), Watch())
    assert record.python
    assert "--managed-python" in (root / "set_up.log").read_text(encoding="utf-8")
    assert state(root) == EngineState.ready
    shutil.rmtree(own)
    assert state(root) == EngineState.broken


def test_settings_of_the_users_own_uv_do_not_matter(
    engine: SmallEngine, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_TARGET", str(root.parent / "elsewhere"))
    monkeypatch.setenv("UV_REQUIRE_HASHES", "0")
    monkeypatch.setenv("VIRTUAL_ENV", "/nowhere")
    set_up_engine(engine.set_up(root), Watch())
    assert state(root) == EngineState.ready


def test_the_record_says_what_was_installed(engine: SmallEngine, root: Path) -> None:
    set_up_engine(engine.set_up(root), Watch())
    data = json.loads((root / "engine.json").read_text(encoding="utf-8"))
    assert data["device"] == "fake"
    assert data["python"].startswith("3.")
    assert data["made"]
