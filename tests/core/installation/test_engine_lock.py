"""The locks: whole, pinned, and about the packages that the engine is tested with."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sa3d_blender.core.errors import UserError
from sa3d_blender.core.installation import engine_lock
from sa3d_blender.core.installation.engine_lock import read_lock, target_here, targets
from sa3d_blender.core.installation.package_index import PYTHON_SERVER

ROOT = Path(__file__).resolve().parents[3]
TAGS = {"linux": "manylinux", "windows": "win_amd64", "macos": "macosx"}


def packages_under_test() -> dict[str, str]:
    text = (ROOT / "scripts" / "requirements" / "engine.txt").read_text(encoding="utf-8")
    pins = (line.partition("==") for line in text.splitlines() if line and line[0] != "#")
    return {name.lower(): version for name, _, version in pins}


def test_the_platforms_that_can_be_set_up() -> None:
    assert set(targets()) == {
        "linux-x86_64-cpu",
        "linux-x86_64-cuda",
        "macos-arm64-mps",
        "windows-x86_64-cpu",
        "windows-x86_64-cuda",
    }


@pytest.mark.parametrize("target", targets())
def test_a_lock_has_the_packages_that_are_tested(target: str) -> None:
    """When this fails, run scripts/lock_engine.py."""
    locked = {wheel.package: wheel.version for wheel in read_lock(target).wheels}
    for name, version in packages_under_test().items():
        assert locked[name].partition("+")[0] == version


@pytest.mark.parametrize("target", targets())
def test_a_lock_pins_wheels_for_its_platform_and_python(target: str) -> None:
    lock = read_lock(target)
    for file in lock.files:
        assert file.url.startswith("https://")
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert re.search(rf"-({TAGS[target.split('-')[0]]}|any)", file.name), file.name
    for wheel in lock.wheels:
        tag = wheel.file.name.split("-")[2]
        assert "py3" in tag or tag == "cp311" or "abi3" in wheel.file.name, wheel.file.name


@pytest.mark.parametrize("target", targets())
def test_a_lock_has_the_python_that_its_uv_downloads(target: str) -> None:
    lock = read_lock(target)
    file = lock.interpreter
    assert file is not None
    assert urlsplit(file.url).hostname == PYTHON_SERVER
    assert re.fullmatch("[0-9a-f]{64}", file.sha256)
    system = {"linux": "unknown-linux-gnu", "windows": "pc-windows", "macos": "apple-darwin"}
    assert file.name.startswith(f"cpython-{lock.python}.")
    assert system[target.split("-")[0]] in file.name


@pytest.mark.parametrize("target", targets())
def test_the_sizes_are_known_well_enough_to_be_stated(target: str) -> None:
    lock = read_lock(target)
    unknown = [file for file in lock.files if file.size is None]
    assert bool(unknown) == bool(lock.unknown_bytes)
    assert 1e8 < lock.download_bytes < 4e9
    assert lock.disk_bytes > lock.download_bytes


def test_a_backend_without_a_lock_is_refused_in_a_sentence() -> None:
    with pytest.raises(UserError, match="rocm") as caught:
        target_here("rocm")
    assert caught.value.code == "no_lock"


def test_a_platform_without_a_lock_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "freebsd14")
    with pytest.raises(UserError, match="freebsd14") as caught:
        target_here()
    assert caught.value.code == "no_lock"


@pytest.mark.skipif(sys.platform != "linux", reason="the lock is named after Linux")
def test_the_gpu_is_chosen_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_lock.platform, "machine", lambda: "x86_64")
    for there, target in ((True, "linux-x86_64-cuda"), (False, "linux-x86_64-cpu")):
        monkeypatch.setattr(engine_lock, "_has_nvidia_gpu", lambda there=there: there)
        assert target_here() == target


def test_a_damaged_lock_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "linux-x86_64-cpu.toml").write_text('[tool.sa3d]\nuv = "?"', encoding="utf-8")
    monkeypatch.setattr(engine_lock, "FOLDER", tmp_path)
    with pytest.raises(UserError, match="install the add-on again"):
        read_lock("linux-x86_64-cpu")
