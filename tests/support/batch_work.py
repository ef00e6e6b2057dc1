"""Jobs for the tests of batches, and stand-ins for what runs in the workers."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from sa3d_blender.core.batch.job import BatchJob
from sa3d_blender.core.errors import UserError
from sa3d_blender.engine.commands.batch.folders import written_folder
from sa3d_blender.engine.commands.batch.outcome import (
    DONE,
    FAILED,
    UNFIT,
    UNSEEN,
    Outcome,
)

PIECES = 8
"""Files of a folder that `write_slowly` writes."""


def made_up_job(name: str, checkpoint: str = "a.th", **more: Any) -> BatchJob:
    """A job whose files need not be there."""
    objects = [{"name": "mug", "points": [[3.0, 4.0]]}]
    table = {"name": name, "checkpoint": checkpoint, "cameras": "c.json", "objects": objects}
    return BatchJob.from_json(table | more, Path("/made up"))


def as_task(job: BatchJob, **more: Any) -> dict[str, Any]:
    """What a stand-in is told."""
    return {"name": job.name, "checkpoint": str(job.checkpoint)} | more


def note_worker(task: dict[str, Any]) -> dict[str, Any]:
    """Done at once; says where."""
    from distributed import get_worker

    time.sleep(task.get("seconds", 0.0))
    return Outcome(DONE, worker=str(get_worker().address)).to_json()


def misbehave(task: dict[str, Any]) -> dict[str, Any]:
    """What the job's name says; a worker that is ``unfit`` or does not see things is the first."""
    from distributed import get_worker

    first = get_worker().address == task["first"]
    if task["name"].startswith("fails"):
        return Outcome(FAILED, "It has no surface.").to_json()
    if task["name"].startswith("raises"):
        raise ZeroDivisionError("of a worker")
    if task["name"].startswith("kills"):
        os._exit(1)
    if first and task.get("unfit"):
        return Outcome(UNFIT, "Its sa3d is 0.0.9, and here it is 0.1.0.").to_json()
    if task["name"].startswith("unseen") and (first or task["name"] == "unseen by all"):
        return Outcome(UNSEEN, "It sees no /nas/a.th.", worker="first").to_json()
    return note_worker(task)


def write_slowly(task: dict[str, Any]) -> dict[str, Any]:
    """Write a folder piece by piece, as the engine does; note each that was begun and ended."""
    folder, log = Path(task["out"]) / task["name"], Path(task["log"])
    with log.open("a") as stream:
        stream.write(f"begin {task['name']}\n")
    try:
        with written_folder(folder, folder.exists) as part:
            for piece in range(PIECES):
                (part / f"{piece}.txt").write_text("x" * 1000)
                time.sleep(task["seconds"] / PIECES)
            (part / "report.json").write_text(json.dumps({"batch": task["name"]}))
    except UserError as error:
        return Outcome(FAILED, str(error)).to_json()
    return Outcome(DONE, worker=str(os.getpid())).to_json()


def is_whole(folder: Path) -> bool:
    """Whether a folder has all that `write_slowly` writes."""
    pieces = [folder / f"{piece}.txt" for piece in range(PIECES)]
    there = all(path.is_file() and path.stat().st_size == 1000 for path in pieces)
    return there and (folder / "report.json").is_file()
