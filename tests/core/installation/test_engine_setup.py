"""Setting the engine up with the real uv, and what ends or stops that."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from sa3d_blender.core.background import Progress, Watch
from sa3d_blender.core.errors import Cancelled, UserError
from sa3d_blender.core.installation.engine_setup import SetUp, set_up_engine
from sa3d_blender.core.installation.engine_store import (
    EngineState,
    engine_python,
    engine_status,
    read_record,
)
from sa3d_blender.core.installation.uv_process import run_uv
from tests.support.file_server import FileServer
from tests.support.small_engine import SmallEngine, environments, make_wheel, remote, state


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
