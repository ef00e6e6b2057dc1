"""Sets the engine up and downloads weights, on a thread; Blender goes on meanwhile.

One such task runs at a time. It is no job of `session`: it has nothing to do with the scene, so it
goes on when another file is opened, and NeRFs can be worked on while weights arrive.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import bpy

from ...core.background import BackgroundTask, Progress, Watch
from ...core.errors import UserError
from ...core.installation import segmenter_weights
from ...core.installation.engine_lock import read_lock, target_here
from ...core.installation.engine_setup import SetUp, verify_in_place
from ...core.installation.engine_setup import set_up_engine as set_up
from ...core.installation.engine_store import EngineRecord, EngineStatus
from ...core.installation.engine_store import engine_status as read_status
from ...core.installation.engine_store import remove_engine as remove
from ...core.segmenters import RECOMMENDED, segmenter_spec
from ..engine_link import session
from ..folders import engine_folder, weights_folder
from ..redraw import redraw_panels

T = TypeVar("T")
FRESH = 2.0
"""Seconds for which panels believe what they saw of the engine's folder."""


class Installation:
    """What is running now, and what was last seen."""

    task: BackgroundTask[Any] | None = None
    status: EngineStatus | None = None
    status_until = 0.0
    shown: tuple[Any, ...] | None = None
    """What the panels show of the task."""


current = Installation()


def set_up_engine(
    backend: str = "auto",
    *,
    pack: str | Path | None = None,
    own_python: bool = True,
    segmenter: str | None = RECOMMENDED,
    wait: bool = True,
) -> EngineRecord | BackgroundTask[EngineRecord]:
    """Set the engine up, or anew: this is also how it is repaired and updated.

    An engine that is there stays in use until the new one has been checked. What was downloaded
    before an end, a cancel or a failure is not downloaded again.

    Args:
        backend: ``cpu``, ``cuda`` or ``mps``; ``auto`` takes the fastest that this machine has.
        pack: folder with the engine's wheels; nothing is downloaded then.
        own_python: download a Python for the engine; with False, or where it cannot be had,
            Blender's own is used.
        segmenter: have its weights, too, unless they are here; from the pack where there is one.
            Without them the set-up is no failure: the task's ``note`` says what was wrong.

    Returns:
        What was set up, or without ``wait`` the running task.

    Raises:
        UserError: Blender may not go online (``offline``), there are no packages for this machine
            (``no_lock``), something else runs (``busy``), or it failed.
    """
    lock = read_lock(target_here(backend))
    if pack is None:
        require_online()
    if session.running():
        raise UserError("Another job is running; wait for it or cancel it.", code="busy")
    folder = None if pack is None else Path(bpy.path.abspath(str(pack)))
    how = SetUp(engine_folder(), lock, folder, own_python, (Path(sys.executable),))
    weights = weights_folder()

    def work(watch: Watch) -> EngineRecord:
        record = set_up(how, watch)
        if segmenter is not None:
            segmenter_weights.get_beside_engine(weights, segmenter, folder, watch)
        return record

    task = _start("Setting the engine up", work)
    session.stop_engine()  # else it would hold files of the old one
    return _finish(task, wait)


def check_engine(*, wait: bool = True) -> EngineRecord | BackgroundTask[EngineRecord]:
    """Compare every file of the engine with its record, and start it once.

    Raises:
        UserError: it is broken (``broken_engine``) or not set up (``no_engine``).
    """
    root = engine_folder()
    return _finish(_start("Checking the engine", lambda watch: verify_in_place(root, watch)), wait)


def remove_engine(*, wait: bool = True) -> BackgroundTask[None] | None:
    """Remove the engine with its Python environment; weights stay. Raises UserError."""
    session.stop_engine()
    root = engine_folder()

    def work(watch: Watch) -> None:
        watch.report(Progress("remove"))
        remove(root)

    return _finish(_start("Removing the engine", work), wait)


def engine_status(*, fresh: bool = False) -> EngineStatus:
    """The state of the engine that the add-on set up; cheap enough for panels.

    Args:
        fresh: look now, whatever was seen a moment ago.
    """
    now = time.monotonic()
    if fresh or current.status is None or now > current.status_until:
        current.status = read_status(engine_folder())
        current.status_until = now + FRESH
    return current.status


def download_weights(name: str, *, wait: bool = True) -> Path | BackgroundTask[Path]:
    """Download a segmenter's official weights; its names are those of `core.segmenters`.

    Returns:
        The file, or without ``wait`` the running task.

    Raises:
        UserError: Blender may not go online (``offline``), something else runs (``busy``), or the
            download failed.
    """
    folder = weights_folder()
    if not segmenter_weights.has_weights(folder, name):
        require_online()
    title = f"Downloading {segmenter_spec(name).label}"
    return _finish(
        _start(title, lambda watch: segmenter_weights.download_weights(folder, name, watch)), wait
    )


def remove_weights(name: str) -> int:
    """Remove downloaded weights; returns the bytes that are free now. Raises UserError."""
    if running():
        raise UserError("Wait for the download or stop it first.", code="busy")
    return segmenter_weights.remove_weights(weights_folder(), name)


def downloaded_weights() -> dict[str, str]:
    """The files of downloaded weights by segmenter; cheap enough for panels."""
    try:
        return segmenter_weights.downloaded_weights(weights_folder())
    except UserError:  # there is no folder for them
        return {}


def require_online() -> None:
    """Raises UserError (``offline``) when Blender is set to stay offline."""
    if bpy.app.online_access:
        return
    if bpy.app.online_access_override:
        raise UserError(
            "Blender was started offline; start it without --offline-mode, or use an engine pack.",
            code="offline",
        )
    raise UserError(
        "Blender may not go online; tick Allow Online Access in Preferences > System, "
        "or use an engine pack.",
        code="offline",
    )


def running() -> bool:
    """Whether something is being set up or downloaded."""
    return current.task is not None and current.task.state == "running"


def cancel() -> None:
    """Stop it; what was downloaded stays for the next time."""
    if current.task is not None:
        current.task.cancel()


def _start(title: str, work: Callable[[Watch], T]) -> BackgroundTask[T]:
    if running():
        raise UserError("Something is being set up already; wait for it or stop it.", code="busy")
    task = BackgroundTask(title, work)
    current.task = task
    if not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, persistent=True)
    return task


def _finish(task: BackgroundTask[T], wait: bool) -> Any:
    if not wait:
        return task
    try:
        return task.wait()
    finally:
        current.status = None


def _tick() -> float | None:
    still = running()
    if not still:
        current.status = None
    task = current.task
    seen = (task.state, task.text, task.progress) if task else None
    if seen != current.shown:
        current.shown = seen
        redraw_panels()
    return 0.25 if still else None


def register() -> None:
    """Nothing is needed before something runs."""


def unregister() -> None:
    """Stop what runs. It ends by itself soon after, and leaves nothing half-made."""
    cancel()
    if current.task is not None:
        current.task.join(2.0)
    current.task = current.status = None
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
