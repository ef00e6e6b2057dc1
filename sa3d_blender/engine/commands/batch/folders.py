"""A job's folder: there whole or not at all, and telling what it was made from."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ....core.batch.job import BatchJob
from ....core.errors import UserError
from ...fields import file_stamps
from ...segmentation.report import write_report

REPORT = "report.json"
OWN = "batch"
"""The key under which a report says which job it is of."""
UNFINISHED = ".part"
"""Ends the name of a folder that is being written, or that is about to go."""


def origin(job: BatchJob) -> dict[str, Any]:
    """What a result depends on: the job, and the size and time of each file that it reads."""
    files = [Path(job.settings.weights)] if job.settings.weights else []
    if job.cameras is not None:
        inside = sorted(job.cameras.iterdir()) if job.cameras.is_dir() else ()
        files += [job.cameras, *filter(Path.is_file, inside)]
    stamps = [None if stamp is None else list(stamp) for stamp in file_stamps(job.checkpoint)]
    stamps += [[str(file), file.stat().st_mtime_ns, file.stat().st_size] for file in files]
    return {"job": job.to_json(), "inputs": stamps}


def report_of(folder: Path) -> dict[str, Any]:
    """A job's report; empty where there is none that can be read."""
    try:
        report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return report if isinstance(report, dict) else {}


def is_own(folder: Path) -> bool:
    """Whether a batch made a folder, so that it may be replaced."""
    return OWN in report_of(folder)


def is_finished(folder: Path, job: BatchJob) -> bool:
    """Whether a folder holds what the job would make now."""
    report = report_of(folder)
    try:
        return OWN in report and bool(report[OWN] == json.loads(json.dumps(origin(job))))
    except OSError:  # an input is gone
        return False


@contextmanager
def written_folder(folder: Path, is_there: Callable[[], bool]) -> Iterator[Path]:
    """Give an empty folder beside ``folder``; it becomes ``folder`` on success, or goes.

    Args:
        is_there: whether somebody else has put the same result there meanwhile.

    Raises:
        UserError: the disk is full, or the folder cannot be made or replaced.
    """
    part = _beside(folder)
    try:
        part.mkdir(parents=True)
        yield part
        if not is_there():
            _put(part, folder)
    except UserError as error:
        said = str(error).replace(str(part), str(folder))
        raise UserError(said, code=error.code) from error
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written ({error.strerror or error}); choose another folder or "
            "free some space.",
            code="cannot_write",
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _beside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.{secrets.token_hex(4)}{UNFINISHED}")


def _put(part: Path, folder: Path) -> None:
    """Rename a folder to one that may be there: that goes first, and comes back on failure."""
    old = _beside(folder)
    with suppress(FileNotFoundError):
        os.rename(folder, old)
    try:
        os.rename(part, folder)
    except OSError:
        with suppress(FileNotFoundError):
            os.rename(old, folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def remove_leftovers(out: Path, names: Iterable[str]) -> None:
    """Remove what workers that died left of jobs of these names; nobody may be working on them."""
    wanted = set(names)
    for path in list(out.glob(f".*{UNFINISHED}")):
        name = path.name.removesuffix(UNFINISHED).rpartition(".")[0].removeprefix(".")
        if name in wanted:
            shutil.rmtree(path, ignore_errors=True)


def finish_report(part: Path, folder: Path, made_from: dict[str, Any], seconds: Any) -> None:
    """Complete a run's report: where its files will be, and what the job was made from.

    Args:
        part: where the run wrote.
        folder: what that will be called.
        made_from: of `origin`, as it was before the run.
        seconds: per stage; they stand in place of the run's, as they also count what followed it.
    """
    report = _moved(report_of(part), str(part), str(folder))
    report["seconds"] = seconds
    write_report(part / REPORT, report | {OWN: made_from})


def _moved(value: Any, old: str, new: str) -> Any:
    """The value with the paths in it below another folder."""
    if isinstance(value, dict):
        return {key: _moved(entry, old, new) for key, entry in value.items()}
    if isinstance(value, list):
        return [_moved(entry, old, new) for entry in value]
    is_below = isinstance(value, str) and value.startswith(old + os.sep)
    return new + value[len(old) :] if is_below else value
