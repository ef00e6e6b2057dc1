"""What became of a batch: ``batch.json`` and a table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .... import __version__
from ....core.batch.job import BatchJob
from ....core.files import written_whole
from .outcome import Outcome

FILE = "batch.json"


def write_summary(
    out: Path, jobs: Sequence[BatchJob], outcomes: Mapping[str, Outcome], facts: Mapping[str, Any]
) -> None:
    """Write ``batch.json``.

    Args:
        outcomes: by the job's name, of all jobs.
        facts: about the whole batch.
    """
    entries = [
        {"name": job.name, "checkpoint": str(job.checkpoint), "folder": str(out / job.name)}
        | outcomes[job.name].to_json()
        for job in jobs
    ]
    summary = {"sa3d": __version__, "out": str(out), **facts, "jobs": entries}
    with written_whole(out / FILE) as temporary:
        text = json.dumps(summary, indent=1, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def table(outcomes: Mapping[str, Outcome]) -> str:
    """A line for each job: its result, its seconds by stage, its worker, and what was wrong."""
    stages = list(dict.fromkeys(s for o in outcomes.values() for s in o.seconds if s != "total"))
    rows = [["job", "result", *stages, "total", "worker", ""]]
    for name, outcome in outcomes.items():
        seconds = [outcome.seconds.get(stage) for stage in (*stages, "total")]
        shown = ["" if value is None else f"{value:.1f}" for value in seconds]
        rows.append([name, outcome.result, *shown, outcome.worker, outcome.error])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    numbers = range(2, 3 + len(stages))
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i in numbers else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
