"""Which Python an engine is made with, and what of the user's own uv does not matter."""

from __future__ import annotations

import io
import platform
import shutil
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from sa3d_blender.core.background import Watch
from sa3d_blender.core.errors import UserError
from sa3d_blender.core.installation import engine_setup
from sa3d_blender.core.installation.engine_setup import SetUp, set_up_engine
from sa3d_blender.core.installation.engine_store import EngineState, remove_engine
from sa3d_blender.core.installation.uv_process import run_uv
from sa3d_blender.core.remote_file import RemoteFile
from tests.support.file_server import FileServer
from tests.support.small_engine import SmallEngine, environments, remote, state


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


def packed(folder: Path, content: dict[str, str]) -> RemoteFile:
    """An archive as python-build-standalone has them, with the files of a folder ``python``."""
    path = folder / "cpython-3.11.0+20200101-some-machine-install_only_stripped.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in content.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text), 0o755
            archive.addfile(entry, io.BytesIO(text.encode()))
    return remote(path)


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell's")
def test_a_pack_brings_its_python(
    engine: SmallEngine, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is asked of the network, and nothing of this computer."""
    monkeypatch.setenv("UV_PYTHON_INSTALL_MIRROR", "http://127.0.0.1:1")
    pack = shutil.copytree(engine.pack, tmp_path / "pack")
    launcher = f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'
    file = packed(pack, {"python/bin/python3": launcher, "python/lib/readme": "all else"})
    lock = replace(engine.lock, interpreter=file)
    set_up_engine(SetUp(root, lock, pack), Watch())
    assert state(root) == EngineState.ready
    own = root / "python" / "cpython-3.11.0+20200101-some-machine"
    assert (own / "lib" / "readme").read_text() == "all else"
    said = (root / "set_up.log").read_text(encoding="utf-8")
    assert f"--python {own / 'bin' / 'python3'}" in said
    assert "--offline --no-python-downloads" in said
    assert [path.name for path in (root / "python").iterdir()] == [own.name]
    remove_engine(root)
    assert not own.exists()


@pytest.mark.parametrize("damage", ["other bytes", "a way out"])
def test_a_packed_python_that_is_not_right_is_refused(
    engine: SmallEngine, root: Path, tmp_path: Path, damage: str
) -> None:
    pack = shutil.copytree(engine.pack, tmp_path / "pack")
    file = packed(pack, {"../../elsewhere": "x", "python/bin/python3": "y"})
    if damage == "other bytes":
        (pack / file.name).write_bytes(b"x")
    with pytest.raises(UserError, match=r"cpython-3\.11\.0") as caught:
        set_up_engine(SetUp(root, replace(engine.lock, interpreter=file), pack), Watch())
    wanted = "wrong_hash" if damage == "other bytes" else "cannot_write"
    assert caught.value.code == wanted
    assert not (tmp_path / "Käse 猫" / "elsewhere").exists()
    assert not (root / "python").exists() or not list((root / "python").iterdir())
    assert environments(root) == []


def test_settings_of_the_users_own_uv_do_not_matter(
    engine: SmallEngine, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_TARGET", str(root.parent / "elsewhere"))
    monkeypatch.setenv("UV_REQUIRE_HASHES", "0")
    monkeypatch.setenv("VIRTUAL_ENV", "/nowhere")
    set_up_engine(engine.set_up(root), Watch())
    assert state(root) == EngineState.ready
