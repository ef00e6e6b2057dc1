"""What a batch has finished, for whoever places it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..prompts import read_json
from .job import BatchJob

REPORT = "report.json"
OWN = "batch"
"""The key under which a job's report says which job it is of."""


@dataclass(frozen=True)
class FinishedJob:
    """A job's folder."""

    folder: Path
    table: dict[str, Any]
    """The job, as `BatchJob.to_json` gives it."""
    objects: list[dict[str, Any]]
    """As the run's report describes them."""
    meshes: dict[str, Path]
    """Each object's mesh for the add-on, by name, where the folder is now."""
    splats: list[dict[str, str]]
    """The splats of objects and of the rest: ``name``, and the files ``splat`` and
    ``splat_points`` where the folder is now."""

    @property
    def checkpoint(self) -> Path:
        """Of the NeRF that the objects were cut out of."""
        return Path(self.table["checkpoint"])

    @property
    def report(self) -> Path:
        """The report's file."""
        return self.folder / REPORT

    @property
    def result(self) -> Path:
        """The mask grids."""
        return self.folder / "result.npz"


def finished_jobs(out: Path) -> list[FinishedJob]:
    """The finished jobs in a batch's folder, the oldest first; what is something else is not told.

    A job's folder is there whole or not at all, so all of them can be used while a batch runs.
    """
    reports = [path for path in out.glob(f"*/{REPORT}") if not path.parent.name.startswith(".")]
    found = []
    for path in sorted(reports, key=lambda path: (path.stat().st_mtime_ns, path.parent.name)):
        try:
            found.append(_finished(path))
        except (UserError, LookupError, TypeError, ValueError, AttributeError):
            continue
    return found


def _finished(path: Path) -> FinishedJob:
    """The job of a report; raises anything where it is another program's."""
    report, folder = read_json(path, "report"), path.parent
    job = BatchJob.from_json(report[OWN]["job"], folder)
    objects = [entry for entry in report["objects"] if "mesh" in entry]
    meshes = {entry["name"]: folder / Path(entry["mesh"]).name for entry in objects}
    parts = [*report["objects"], *([report["rest"]] if "rest" in report else [])]
    splats = [_splat(entry, folder) for entry in parts if "splat" in entry]
    return FinishedJob(folder, job.to_json(), objects, meshes, splats)


def _splat(entry: dict[str, Any], folder: Path) -> dict[str, str]:
    files = {kind: str(folder / Path(entry[kind]).name) for kind in ("splat", "splat_points")}
    return {"name": str(entry["name"])} | files
