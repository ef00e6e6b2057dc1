"""Starting a job and, where a script wants that, waiting for what it makes."""

from __future__ import annotations

from typing import Any

from ..references import Reference
from . import session
from .job_steps import Job, Steps


def run(title: str, steps: Steps[Any], wait: bool, *watched: Reference[Any]) -> Any:
    """Run a job.

    Args:
        wait: whether to return what it made, instead of the job at once.
        watched: without these the job makes no sense.
    """
    job: Job[Any] = session.start(title, steps, *watched)
    if not wait:
        return job
    result = session.wait(job)
    if isinstance(result, list):
        return [reference.get() for reference in result]
    return result.get()
