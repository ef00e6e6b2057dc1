"""What runs in a worker's process: one job at a time, with everything kept warm between them.

Whatever happens to a job comes back as a plain dict, so that one job's failure is no other's, and
that a worker with another version of this package can still say so.
"""

from __future__ import annotations

import logging
import platform
import threading
import time
from pathlib import Path
from typing import Any

from .... import __version__
from ....core.batch.job import BatchJob
from ....core.errors import Cancelled, UserError, is_out_of_memory
from ...run import Run
from .outcome import DONE, FAILED, STOPPED, UNFIT, UNSEEN, Outcome

log = logging.getLogger(__name__)
_one_at_a_time = threading.Lock()
"""A worker may have several threads; the engine uses all cores that it has with one job."""
_sessions: dict[str, Any] = {}
"""The engine's session by the device that was asked for."""
_stopped: set[str] = set()
"""Batches whose jobs must end."""


def version_here() -> str:
    """Of this process's package."""
    return __version__


def task_for(job: BatchJob, out: Path, batch: str, device: str) -> dict[str, Any]:
    """What `run_job` is told.

    Args:
        out: the jobs' folders are made in it.
        batch: tells the command apart that wants it, for `stop_batch`.
        device: as on the command line.
    """
    return {
        "job": job.to_json(),
        "out": str(out),
        "batch": batch,
        "device": device,
        "version": __version__,
    }


def stop_batch(batch: str) -> None:
    """Have the jobs of a batch end in this process: each within one view."""
    _stopped.add(batch)


def run_job(task: dict[str, Any]) -> dict[str, Any]:
    """Run a job of `task_for` whole; returns an `Outcome` as JSON and never raises."""
    worker = f"{platform.node()}:{_address()}"
    if task.get("version") != __version__:
        error = (
            f"Its sa3d is {__version__}, and here it is {task.get('version')}; install the same "
            "version on both."
        )
        return Outcome(UNFIT, error, worker=worker).to_json()
    begin = time.perf_counter()
    run = Run(is_cancelled=lambda: task["batch"] in _stopped)
    with _one_at_a_time:
        outcome = _outcome(task, run)
    if not outcome.seconds:
        outcome.seconds = _rounded(run, begin)
    outcome.worker = worker
    return outcome.to_json()


def _outcome(task: dict[str, Any], run: Run) -> Outcome:
    try:
        job, out = BatchJob.from_json(task["job"], Path(task["out"])), Path(task["out"])
        unseen = _unseen(job, out)
        if unseen is not None:
            return Outcome(UNSEEN, f"It sees no {unseen}; give it the same folders as here.")
        return Outcome(DONE, seconds=_run(job, out / job.name, task["device"], run))
    except UserError as error:
        return Outcome(FAILED, str(error))
    except Cancelled:
        return Outcome(STOPPED, "It was stopped.")
    except Exception as error:  # a worker outlives any job
        if is_out_of_memory(error):
            return Outcome(FAILED, "There is not enough memory; choose a smaller view size.")
        log.exception("the job %s failed", task["job"].get("name"))
        text = f"The engine failed ({type(error).__name__}: {error}); its worker's log says more."
        return Outcome(FAILED, text)


def _run(job: BatchJob, folder: Path, device: str, run: Run) -> dict[str, float]:
    """Make the job's folder, unless another worker did meanwhile; returns seconds per stage."""
    from .cut import cut_job
    from .folders import finish_report, is_finished, origin, report_of, written_folder

    if is_finished(folder, job):
        return dict(report_of(folder)["seconds"])
    begin, made_from = time.perf_counter(), origin(job)
    with written_folder(folder, lambda: is_finished(folder, job)) as part:
        cut_job(_session(device), job, part, run)
        seconds = _rounded(run, begin)
        finish_report(part, folder, made_from, seconds)
    return seconds


def _session(device: str) -> Any:
    """The engine's session in this process."""
    from ..devices import choose_device
    from ..session import Session

    if device not in _sessions:
        _sessions[device] = Session(choose_device(device))
    return _sessions[device]


def _unseen(job: BatchJob, out: Path) -> Path | None:
    """A file or folder of the job that is not there for this worker."""
    needed = (out, job.checkpoint, job.cameras, job.settings.weights)
    return next((Path(path) for path in needed if path and not Path(path).exists()), None)


def _rounded(run: Run, begin: float) -> dict[str, float]:
    """Seconds per stage, and since ``begin`` in all."""
    seconds = run.seconds | {"total": time.perf_counter() - begin}
    return {stage: round(value, 3) for stage, value in seconds.items()}


def _address() -> str:
    """Of this worker in its cluster, without the protocol and the host."""
    from distributed import get_worker

    try:
        return str(get_worker().address).rpartition(":")[2]
    except ValueError:  # no worker: called by hand
        return "0"
