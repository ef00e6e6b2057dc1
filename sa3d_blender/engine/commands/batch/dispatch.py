"""Hands jobs to the workers of a Dask cluster, one at a time each, until all are done.

Dask runs them and knows which workers live. A job whose worker died is given to another one here:
Dask itself waits for ever where all workers that it knew died at once.
"""

from __future__ import annotations

import queue
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from distributed import CancelledError, Client, Future

from ....core.batch.job import BatchJob
from ....core.errors import UserError
from .outcome import FAILED, UNFIT, UNSEEN, Outcome
from .plan import Plan
from .worker import version_here

LOOK_AGAIN = 0.5
"""Seconds between two looks at which workers there are."""
RESULT_WITHIN = 5.0
"""Seconds for a result to come; it went with its worker else."""
MOST_DEATHS = 3
"""So many workers die of a job before it is given up."""
UNREAD = "Error during deserialization of the task graph"
"""Begins what Dask says where its scheduler does not know what a job is."""
Task = dict[str, Any]


@dataclass
class Dispatch:
    """A batch while it runs.

    Args:
        client: of the cluster.
        work: gets what ``task_of`` makes of a job and returns an `Outcome` as JSON; it runs in the
            workers.
        most_workers: how many of the cluster's workers are used; all where it is None.
        on_outcome: called with each job that is done or failed.
        on_waiting: called once where the cluster has no worker yet.
    """

    client: Client
    work: Callable[[Task], dict[str, Any]]
    task_of: Callable[[BatchJob], Task]
    on_outcome: Callable[[BatchJob, Outcome], None]
    most_workers: int | None = None
    on_waiting: Callable[[], None] = lambda: None
    _running: dict[Future, tuple[BatchJob, str]] = field(default_factory=dict)
    _ended: queue.SimpleQueue[Future] = field(default_factory=queue.SimpleQueue)
    _met: set[str] = field(default_factory=set)
    _unfit: dict[str, str] = field(default_factory=dict)
    _reasons: dict[str, Outcome] = field(default_factory=dict)
    _workers: list[str] = field(default_factory=list)
    _deaths: Counter[str] = field(default_factory=Counter)
    _looked: float = -LOOK_AGAIN
    _number: int = 0
    _told_to_wait: bool = False

    def run(self, jobs: Sequence[BatchJob]) -> None:
        """Have all jobs run.

        Raises:
            UserError: the scheduler is gone, or has no sa3d.
        """
        plan = Plan(jobs)
        while plan.left or self._running:
            self._hand_out(plan)
            try:
                future = self._ended.get(timeout=LOOK_AGAIN)
            except queue.Empty:
                continue
            self._take_back(future, plan)

    def _hand_out(self, plan: Plan) -> None:
        workers = self._present(plan)
        busy = {worker for _, worker in self._running.values()}
        able = [worker for worker in workers if worker not in self._unfit]
        for worker in able if plan.left else ():
            job = None if worker in busy else plan.take(worker)
            if job is not None:
                self._submit(job, worker)
        if plan.left and workers and not self._running and plan.is_stranded(able):
            for job in plan.drop_all():
                self.on_outcome(job, self._why_stranded(job, workers))

    def _present(self, plan: Plan) -> list[str]:
        """The workers that there are; asked for now and then."""
        now = time.monotonic()
        if now - self._looked < LOOK_AGAIN:
            return self._workers
        self._looked = now
        if self.client.status != "running":
            raise self._lost()
        try:
            there = list(self.client.nthreads())
            self._meet([worker for worker in there if worker not in self._met])
        except (OSError, AttributeError) as error:  # the latter while it is connecting again
            raise self._lost() from error
        for gone in set(self._workers) - set(there):
            plan.forget(gone)
        for future, (_, worker) in list(self._running.items()):
            if worker not in there and not future.done():
                self._take_from_dead(future, plan)
        # those that are in use stay so
        known = [worker for worker in self._workers if worker in there]
        new = [worker for worker in there if worker not in known]
        fit = [worker for worker in (*known, *new) if worker not in self._unfit]
        unfit = [worker for worker in there if worker in self._unfit]
        self._workers = [*fit[: self.most_workers], *unfit]
        if not there and not self._told_to_wait:
            self._told_to_wait = True
            self.on_waiting()
        return self._workers

    def _meet(self, strangers: list[str]) -> None:
        """Have workers import sa3d: one that cannot would die of a job."""
        if not strangers:
            return
        answers = self.client.run(version_here, workers=strangers, on_error="return")
        self._met |= answers.keys()
        for worker, answer in answers.items():
            # one that is gone answers with an OSError
            if isinstance(answer, Exception) and not isinstance(answer, OSError):
                self._unfit[worker] = f"It has no sa3d ({answer}); install the same version there."

    def _submit(self, job: BatchJob, worker: str) -> None:
        self._number += 1
        future = self.client.submit(
            self.work,
            self.task_of(job),
            key=f"sa3d-{id(self)}-{self._number}-{job.name}",
            workers=[worker],
            pure=False,
        )
        self._running[future] = (job, worker)
        future.add_done_callback(self._ended.put)

    def _take_from_dead(self, future: Future, plan: Plan) -> None:
        """A job goes to another worker, unless it seems to be what they die of."""
        job, worker = self._running.pop(future)
        future.cancel()
        self._deaths[job.name] += 1
        if self._deaths[job.name] < MOST_DEATHS:
            plan.put_back(job)
            return
        error = (
            f"{MOST_DEATHS} workers died while it ran, perhaps for lack of memory; choose a "
            "smaller view size."
        )
        self.on_outcome(job, Outcome(FAILED, error, worker=worker))

    def _take_back(self, future: Future, plan: Plan) -> None:
        if future not in self._running:  # its worker died, and it was cancelled
            return
        job, worker = self._running[future]
        try:
            outcome = self._outcome(future)
        except TimeoutError:
            future.add_done_callback(self._ended.put)
            return
        except CancelledError:
            if self.client.status != "running":
                raise self._lost() from None
            del self._running[future]
            plan.put_back(job)
            return
        del self._running[future]
        if outcome.result in (UNFIT, UNSEEN):
            self._leave_out(job, worker, outcome, plan)
        else:
            self.on_outcome(job, outcome)

    def _leave_out(self, job: BatchJob, worker: str, outcome: Outcome, plan: Plan) -> None:
        """Another worker may be able to run it."""
        if outcome.result == UNFIT:
            self._unfit[worker] = outcome.error
        else:
            self._reasons[job.name] = outcome
        plan.put_back(job, not_on=worker)

    def _outcome(self, future: Future) -> Outcome:
        """What came back; also of a job that never did. Raises UserError as `run`."""
        try:
            return Outcome.from_json(future.result(timeout=RESULT_WITHIN))
        except (TimeoutError, CancelledError):
            raise
        except Exception as error:
            if str(error).startswith(UNREAD):
                raise UserError(
                    "The scheduler's Python has no sa3d of this version; install the same one "
                    "there and start it again."
                ) from error
            said = " ".join(f"{type(error).__name__}: {error}".split())
            return Outcome(FAILED, f"Its worker failed ({said}).")

    def _why_stranded(self, job: BatchJob, workers: Sequence[str]) -> Outcome:
        told = self._reasons.get(job.name)
        if told is not None:
            return Outcome(FAILED, told.error, worker=told.worker)
        worker = next(name for name in workers if name in self._unfit)
        return Outcome(FAILED, f"No worker can run it. {worker}: {self._unfit[worker]}")

    def _lost(self) -> UserError:
        return UserError(
            "The scheduler is gone; start it and run the same command again, finished jobs are "
            "skipped."
        )
