"""Builds the extension, installs it into this Python's Blender, and gives each test a fresh file.

The tests run against the installed zip (``bl_ext.user_default.sa3d_blender``). No event loop runs
here, so no timer fires: the tests call `session.pump` themselves.
"""

from __future__ import annotations

import atexit
import importlib
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

os.environ["BLENDER_USER_RESOURCES"] = tempfile.mkdtemp(prefix="sa3d_tests_")

import bpy

ROOT = Path(__file__).resolve().parents[2]
FAKE = ROOT / "tests" / "fake_engine.py"
ADDON = "bl_ext.user_default.sa3d_blender"


def build_extension() -> Path:
    """The extension's zip, freshly built."""
    spec = importlib.util.spec_from_file_location(
        "build_extension", ROOT / "scripts" / "build_extension.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.build(Path(tempfile.mkdtemp(prefix="sa3d_zip_")))


ZIP = build_extension()
bpy.ops.extensions.package_install_files(
    filepath=str(ZIP), repo="user_default", enable_on_install=True
)

# Blender crashes or hangs at exit when classes are still registered.
atexit.register(bpy.ops.preferences.addon_disable, module=ADDON)

api = importlib.import_module(f"{ADDON}.blender.api")
session = importlib.import_module(f"{ADDON}.blender.engine_link.session")


@pytest.fixture(scope="session")
def extension_zip() -> Path:
    """The built zip."""
    return ZIP


@pytest.fixture(autouse=True)
def _fresh_file(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SA3D_ENGINE_PYTHON", sys.executable)
    monkeypatch.setattr(session, "engine_command", lambda _python: [sys.executable, str(FAKE)])
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    bpy.ops.ed.undo_push(message="Start")
    yield
    session.stop_engine()
    session.current.job = None


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Chooses how the stand-in engine misbehaves."""

    def choose(mode: str) -> None:
        session.stop_engine()
        monkeypatch.setenv("SA3D_FAKE", mode)

    return choose


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A file for the stand-in engine, under a name that asks for trouble."""
    path = tmp_path / "Käse 猫 scene" / "mein NeRF 场景.th"
    path.parent.mkdir()
    path.write_bytes(b"x")
    return path


@pytest.fixture
def nerf(checkpoint: Path) -> bpy.types.Object:
    """A loaded NeRF with a small picture and a camera that sees it."""
    empty = api.load_nerf(checkpoint)
    render = bpy.context.scene.render
    render.resolution_x, render.resolution_y = 320, 240
    api.add_camera(empty)
    return empty


@pytest.fixture
def contents() -> Callable[[], dict[str, list[str]]]:
    """What the file holds, by name."""

    def look() -> dict[str, list[str]]:
        families = ("objects", "meshes", "images", "materials", "collections", "cameras")
        return {name: sorted(d.name for d in getattr(bpy.data, name)) for name in families}

    return look


@pytest.fixture
def reload_file(tmp_path: Path) -> Callable[[], None]:
    """Saves the file, opens another one, and opens it again."""

    def save_and_open() -> None:
        path = str(tmp_path / "gespeichert 保存.blend")
        bpy.ops.wm.save_as_mainfile(filepath=path)
        bpy.ops.wm.read_homefile(use_factory_startup=True)
        bpy.ops.wm.open_mainfile(filepath=path)

    return save_and_open


def pytest_report_header() -> str:
    """Which Blender."""
    return f"Blender {bpy.app.version_string}, Python {sys.version.split()[0]}"


class Hold:
    """How long the main thread was held; the time it waited for a core of a busy machine is out."""

    def __enter__(self) -> Hold:
        self._began = time.perf_counter() - starved()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - starved() - self._began


def starved() -> float:
    """Seconds that the main thread was ready but got no core, where the system tells."""
    try:
        text = Path(f"/proc/self/task/{os.getpid()}/schedstat").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return int(text.split()[1]) * 1e-9


@pytest.fixture
def longest_tick() -> Callable[..., float]:
    """Runs a call, then ticks until no job runs; returns the longest hold of the main thread."""

    def tick(call: Callable[[], object] = lambda: None) -> float:
        with Hold() as hold:
            call()
        longest = hold.seconds
        while session.running():
            with Hold() as hold:
                session.pump()
            longest = max(longest, hold.seconds)
            time.sleep(0.002)
        return longest

    return tick


@pytest.fixture
def never_held() -> Callable[[Callable[[], float]], None]:
    """Fails when something holds the main thread over 50 ms each time out of three.

    Once may be the machine: on one that is busy with other work, a thread that has Python's lock
    waits for a core, and the main thread for it.
    """

    def check(longest_hold: Callable[[], float]) -> None:
        holds: list[float] = []
        while not holds or (holds[-1] >= 0.05 and len(holds) < 3):
            holds.append(longest_hold())
        assert holds[-1] < 0.05, holds

    return check
