"""Stands in for the engine's set-up and for Blender's layout; only for tests in Blender."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import bpy
from bl_ext.user_default.sa3d_blender.blender.installation import installation
from bl_ext.user_default.sa3d_blender.core.background import Progress, Watch
from bl_ext.user_default.sa3d_blender.core.installation.engine_setup import SetUp
from bl_ext.user_default.sa3d_blender.core.installation.engine_store import (
    EngineRecord,
    environment_python,
    write_record,
)

DATA = bytes(range(256)) * 8000
"""Content of weights that are small enough for a test."""


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


def until(met: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not met():
        assert time.monotonic() < end
        time.sleep(0.005)


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
