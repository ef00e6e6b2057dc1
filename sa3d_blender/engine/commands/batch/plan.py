"""Which job a worker gets next: those of one checkpoint go to the same worker, in turn."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Sequence
from pathlib import Path

from ....core.batch.job import BatchJob


class Plan:
    """The jobs that no worker has yet.

    Loading a checkpoint takes as long as a job. So a worker stays with its checkpoint; a free one
    begins the checkpoint with the most jobs that nobody works on, and only where there is none
    helps with another worker's.
    """

    def __init__(self, jobs: Sequence[BatchJob]) -> None:
        self._waiting: defaultdict[Path, deque[BatchJob]] = defaultdict(deque)
        for job in sorted(jobs, key=_loaded_besides):
            self._waiting[job.checkpoint].append(job)
        self._at: dict[str, Path] = {}
        self._not_on: defaultdict[str, set[str]] = defaultdict(set)
        self.left = len(jobs)
        """How many jobs no worker has."""

    def take(self, worker: str) -> BatchJob | None:
        """The worker's next job; None where there is none that it can run."""
        able = {path for path, jobs in self._waiting.items() if self._first(jobs, worker)}
        if not able:
            return None
        path = self._at.get(worker)
        if path not in able:
            helpers = Counter(self._at.values())
            # most jobs for each worker; of equals the first in the file
            path = max(able, key=lambda p: self._worth(p, helpers))
        assert path is not None
        self._at[worker] = path
        jobs = self._waiting[path]
        job = self._first(jobs, worker)
        assert job is not None
        jobs.remove(job)
        self.left -= 1
        if not jobs:
            del self._waiting[path]
        return job

    def put_back(self, job: BatchJob, not_on: str | None = None) -> None:
        """A job that was taken waits again, and never for the worker ``not_on``."""
        self._waiting[job.checkpoint].appendleft(job)
        self.left += 1
        if not_on is not None:
            self._not_on[job.name].add(not_on)

    def forget(self, worker: str) -> None:
        """A worker is gone; its checkpoint is nobody's."""
        self._at.pop(worker, None)

    def is_stranded(self, workers: Collection[str]) -> bool:
        """Whether none of these workers can run any job."""
        return not any(
            self._first(jobs, worker) for jobs in self._waiting.values() for worker in workers
        )

    def drop_all(self) -> list[BatchJob]:
        """Take all jobs out."""
        dropped = [job for jobs in self._waiting.values() for job in jobs]
        self._waiting.clear()
        self.left = 0
        return dropped

    def _first(self, jobs: Sequence[BatchJob], worker: str) -> BatchJob | None:
        return next((job for job in jobs if worker not in self._not_on[job.name]), None)

    def _worth(self, path: Path, helpers: Counter[Path]) -> tuple[bool, float]:
        return helpers[path] == 0, len(self._waiting[path]) / (helpers[path] + 1)


def _loaded_besides(job: BatchJob) -> tuple[str, str, str]:
    """What else is loaded anew where it differs from the job before."""
    return str(job.options), str(job.cameras), f"{job.settings.segmenter} {job.settings.weights}"
