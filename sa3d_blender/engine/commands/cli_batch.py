"""``sa3d batch``: the jobs of a file on a Dask cluster. Nothing is lost and nothing done twice."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from ...core.batch.job import BatchJob
from ...core.batch.jobs_file import JobsFileError
from ...core.errors import UserError
from ...core.file_lock import hold_lock
from ...core.files import check_writable

EXIT_SOME_FAILED = 1
EXIT_BAD_JOBS = 2
LOCK = ".batch.lock"
SEEN_WITHIN = 10.0
"""Seconds after which a folder that a worker made is there for this computer, too."""


def add_batch(commands: Any, add_device: Callable[[argparse.ArgumentParser], None]) -> None:
    """Add the subcommand.

    Args:
        commands: the parser's subcommands.
        add_device: what all subcommands share, see ``cli``.
    """
    command = commands.add_parser("batch", help="many jobs, on many computers")
    command.add_argument("jobs", type=Path, metavar="JOBS.toml")
    command.add_argument("--out", type=Path, required=True, metavar="DIR")
    command.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="of a Dask cluster that is there, e.g. tcp://head:8786; this computer by default",
    )
    command.add_argument(
        "--workers",
        type=_count,
        metavar="N",
        help="how many at most; by default one per GPU or per two cores, of a cluster all",
    )
    add_device(command)
    command.set_defaults(run=run_batch)


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of workers")
    return int(text)


def run_batch(arguments: argparse.Namespace) -> int:
    """``sa3d batch``."""
    from .batch.folders import remove_leftovers
    from .batch.jobs_check import checked_jobs

    out: Path = arguments.out.absolute()
    try:
        jobs = checked_jobs(arguments.jobs, out)
    except JobsFileError as error:
        for problem in error.problems:
            print(f"sa3d: {problem}", file=sys.stderr)
        return EXIT_BAD_JOBS
    check_writable(out)
    with _alone_in(out):
        names = [job.name for job in jobs]
        remove_leftovers(out, names)
        try:
            return _run(arguments, jobs, out)
        finally:
            remove_leftovers(out, names)


@contextmanager
def _alone_in(out: Path) -> Iterator[None]:
    """Two batches in one folder would take each other's unfinished jobs away."""
    held = hold_lock(out / LOCK)
    if held is None:
        raise UserError(
            f"Another sa3d batch writes to {out}; wait for it, or choose another --out."
        )
    with held:  # the file stays: who removes it may remove another's
        yield


def _run(arguments: argparse.Namespace, jobs: list[BatchJob], out: Path) -> int:
    """Run what is not finished yet, and tell of all jobs."""
    from .batch.folders import is_finished, report_of
    from .batch.outcome import BEFORE, DONE, STOPPED, Outcome
    from .batch.summary import table, write_summary

    begin = time.monotonic()
    outcomes = {job.name: Outcome(STOPPED) for job in jobs}
    for job in jobs:
        if is_finished(out / job.name, job):
            seconds = dict(report_of(out / job.name).get("seconds", {}))
            outcomes[job.name] = Outcome(BEFORE, seconds=seconds)
    waiting = [job for job in jobs if outcomes[job.name].result != BEFORE]
    with _cluster(arguments, len(waiting)) if waiting else nullcontext() as client:
        try:
            if waiting:
                _dispatch(client, arguments, waiting, out, outcomes)
        finally:
            done = [job for job in waiting if outcomes[job.name].result == DONE]
            _check_seen(done, out, outcomes)
            facts = {"jobs_file": str(arguments.jobs.absolute())}
            seconds = {"seconds": round(time.monotonic() - begin, 3)}
            write_summary(out, jobs, outcomes, facts | seconds)
            print(table(outcomes))
    results = {outcome.result for outcome in outcomes.values()}
    return 0 if results <= {DONE, BEFORE} else EXIT_SOME_FAILED


def _cluster(arguments: argparse.Namespace, jobs: int) -> AbstractContextManager[Any]:
    """A client of the cluster that is wanted."""
    from .batch.clusters import connected, local_cluster, worker_count

    if arguments.scheduler is not None:
        return connected(arguments.scheduler)
    return local_cluster(worker_count(arguments.workers, jobs))


def _dispatch(
    client: Any,
    arguments: argparse.Namespace,
    jobs: list[BatchJob],
    out: Path,
    outcomes: dict[str, Any],
) -> None:
    """Run jobs on a cluster, and note what becomes of each."""
    from .batch.dispatch import Dispatch
    from .batch.worker import run_job, stop_batch, task_for
    from .progress_bar import terminal_run

    if "dashboard" in client.scheduler_info()["services"]:
        _say(f"Dask's dashboard: {client.dashboard_link}")
    batch = secrets.token_hex(8)
    ended: list[Any] = []
    with terminal_run() as run:

        def note(job: BatchJob, outcome: Any) -> None:
            outcomes[job.name] = outcome
            ended.append(outcome)
            failed = sum(bool(outcome.error) for outcome in ended)
            run.progress("jobs", len(ended), len(jobs), f"{job.name}, {failed} failed")

        run.progress("jobs", 0, len(jobs), "")
        try:
            Dispatch(
                client,
                run_job,
                lambda job: task_for(job, out, batch, arguments.device),
                note,
                most_workers=arguments.workers,
                on_waiting=lambda: _say("The cluster has no worker yet; waiting for one."),
            ).run(jobs)
        except BaseException:
            with suppress(Exception):  # the cluster may be gone
                client.run(stop_batch, batch, on_error="ignore")
            raise


def _check_seen(jobs: list[BatchJob], out: Path, outcomes: dict[str, Any]) -> None:
    """A worker with a disk of its own may have written there."""
    from .batch.folders import report_of
    from .batch.outcome import FAILED

    deadline = time.monotonic() + SEEN_WITHIN
    for job in jobs:
        while not report_of(out / job.name) and time.monotonic() < deadline:
            time.sleep(0.2)
            list(out.iterdir())  # a network's file system looks again
        if not report_of(out / job.name):
            outcomes[job.name].result = FAILED
            outcomes[job.name].error = (
                f"Its worker wrote {out / job.name}, and it is not there; choose an --out that all "
                "computers share."
            )


def _say(text: str) -> None:
    print(f"sa3d: {text}", file=sys.stderr)
