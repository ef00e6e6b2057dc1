"""The engine and the one job that runs: what is not saved in the .blend.

A job is a generator: it asks the engine, waits, builds in slices, and yields in between. `pump`
moves it on within a time budget; `loop` calls it, scripts and tests call it by hand.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import bpy
from bpy.app.handlers import persistent

from ...core.connection.engine_command import engine_command
from ...core.connection.engine_process import EngineProcess, OnProgress, error_from_failure
from ...core.connection.messages import Failure
from ...core.errors import Cancelled, UserError
from ...core.turns import Urgency
from ..folders import log_file
from ..redraw import redraw_panels
from ..references import Reference
from . import loop
from .chosen_python import engine_python
from .job_steps import WAITING, Job, Steps

T = TypeVar("T")
BUDGET = 0.015
"""Seconds of the main thread for one tick."""

log = logging.getLogger(__name__)


class Running:
    """The engine and the job of this Blender."""

    engine: EngineProcess | None = None
    job: Job[Any] | None = None


current = Running()


def running() -> bool:
    """Whether a job runs."""
    return current.job is not None and current.job.state == "running"


def must_wait() -> bool:
    """Whether clicks and other jobs have to wait for the running one."""
    return current.job is not None and running() and not current.job.gives_way


def engine_state() -> str:
    """The engine's state in words."""
    if current.engine is None:
        return "Engine is not running"
    return current.engine.ended or "Engine is running"


def start_engine() -> EngineProcess:
    """The running engine; starts one when there is none. Does not wait for it."""
    if current.engine is None or current.engine.ended is not None:
        current.engine = EngineProcess(engine_command(engine_python()), log_file=log_file())
        loop.wake(_look, Urgency.JOB)
    return current.engine


def stop_engine() -> None:
    """End the engine and whatever it was doing. Does not wait for it."""
    _end_job("The engine was stopped.")
    if current.engine is not None:
        current.engine.close()
        current.engine = None


def start(title: str, steps: Steps[T], *watched: Reference[Any]) -> Job[T]:
    """Run a job. Raises UserError while another one runs that does not give way."""
    if must_wait():
        raise UserError("Another job is running; wait for it or cancel it.", code="busy")
    _end_job("Stopped, as something else was begun.")
    job = Job(title, steps, watched)
    current.job = job
    loop.wake(_look, Urgency.JOB)
    redraw_panels()
    return job


def cancel() -> None:
    """Ask the running job to stop."""
    job = current.job
    if job is None or job.state != "running":
        return
    job.cancelling = True
    job.text = "Stopping"
    if job.request is not None and current.engine is not None:
        current.engine.cancel(job.request)


def say(text: str) -> None:
    """Within a job: what its bar says until the engine says something."""
    assert current.job is not None
    current.job.text = text


def ask(
    method: str, params: dict[str, Any], *, on_progress: OnProgress | None = None
) -> Steps[dict[str, Any]]:
    """Within a job: ask the engine and wait for its result.

    Args:
        on_progress: gets the engine's progress; the job shows it when not given.

    Raises:
        UserError: the engine says no, or ended.
        Cancelled: the job was cancelled.
    """
    job = current.job
    assert job is not None
    if job.cancelling:  # while the answer to what it asked before was on its way
        raise Cancelled("Stopped.")
    results: list[dict[str, Any]] = []
    failures: list[Failure] = []
    job.request = start_engine().request(
        method,
        params,
        on_progress=on_progress or job.show,
        on_done=results.append,
        on_failure=failures.append,
    )
    while not results and not failures:
        yield WAITING
    job.request = None
    if failures:
        raise error_from_failure(failures[0])
    return results[0]


def in_thread(function: Callable[[], T]) -> Steps[T]:
    """Within a job: call something that needs no bpy on another thread and wait for its result."""
    results: list[T] = []
    errors: list[Exception] = []

    def call() -> None:
        try:
            results.append(function())
        except Exception as error:
            errors.append(error)

    threading.Thread(target=call, name="sa3d-worker", daemon=True).start()
    while not results and not errors:
        yield WAITING
    if errors:
        raise errors[0]
    return results[0]


def pump(budget: float = BUDGET) -> bool:
    """Move everything on for about ``budget`` seconds; returns whether something changed."""
    deadline = time.monotonic() + budget
    job = current.job
    before = job.appearance if job else None
    changed = False
    if current.engine is not None:
        changed = current.engine.pump(budget) > 0
    while job is not None and job.state == "running":
        more = _step(job)
        if not more or time.monotonic() >= deadline:
            break
    return changed or (job is not None and before != job.appearance)


def wait(job: Job[T]) -> T:
    """Pump by hand until the job has ended. Raises what it raised."""
    try:
        while job.state == "running":
            if not pump():
                time.sleep(0.005)
    except BaseException:
        cancel()
        raise
    if job.error is not None:
        raise job.error
    return job.result  # type: ignore[return-value]


def _step(job: Job[Any]) -> bool:
    missing = next((ref for ref in job.watched if ref.find() is None), None)
    if missing is not None:
        cancel()
        _finish(job, error=UserError(f"{missing.name!r} was deleted, so the job was stopped."))
        return False
    if job.cancelling and job.request is None:
        _finish(job, error=Cancelled("Stopped."))
        return False
    try:
        return next(job.steps)
    except StopIteration as end:
        _finish(job, result=end.value)
    except (UserError, Cancelled) as error:
        _finish(job, error=error)
    except Exception as error:
        log.exception("%s failed", job.title)
        # What it changed by then must be an undo step: an undo keeps what the steps before have in
        # common as it stands, with pointers to what it takes away.
        bpy.ops.ed.undo_push(message=job.title)
        _finish(job, error=UserError(f"{job.title} failed ({error}); the console says more."))
    return False


def _end_job(reason: str) -> None:
    """Stop the running job, if there is one, without waiting for the engine."""
    if current.job is not None and running():
        cancel()
        _finish(current.job, error=Cancelled(reason))


def _finish(
    job: Job[Any], *, result: Any = None, error: UserError | Cancelled | None = None
) -> None:
    job.steps.close()
    job.result, job.error, job.request = result, error, None
    job.state = (
        "done" if error is None else "cancelled" if isinstance(error, Cancelled) else "failed"
    )


def _look() -> float | None:
    if pump():
        redraw_panels()
    if running():
        return 0.05
    return 0.5 if current.engine is not None else None


@persistent
def _forget_job(*_: Any) -> None:
    """Another file is open: what was running was about the old one."""
    _end_job("Stopped, as another file was opened.")
    current.job = None


def register() -> None:
    """Stop jobs when another file is opened."""
    bpy.app.handlers.load_post.append(_forget_job)


def unregister() -> None:
    """End the engine and take the handler back."""
    stop_engine()
    current.job = None
    loop.leave(_look)
    if _forget_job in bpy.app.handlers.load_post:
        bpy.app.handlers.load_post.remove(_forget_job)
