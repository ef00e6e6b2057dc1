"""``JOBS.toml``: a table ``[[job]]`` for each job. Read whole, and a job added at its end."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import file_system_key, written_whole
from ..json_values import shown
from .job import BatchJob
from .toml_text import array_entry

TABLE = "job"
_HEADER = re.compile(r"\s*\[\[\s*(?:job|\"job\"|'job')\s*\]\]\s*(?:#.*)?$")
_LONG_STRING = re.compile(r'"""|' + "'''")


class JobsFileError(UserError):
    """What is wrong in a jobs file: a sentence for each thing, in the file's order."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems), code="jobs_file")
        self.problems = problems


@dataclass(frozen=True)
class ListedJob:
    """A job and where it stands."""

    job: BatchJob
    where: str
    """Begins a sentence about it: the file, the line and the job's name."""


def read_jobs(path: Path) -> tuple[list[ListedJob], list[str]]:
    """The jobs of a file that can be used, and a sentence for each that cannot.

    What lies in other files is not looked at, except prompts.

    Raises:
        UserError: the file is missing, is no TOML, or has no jobs.
    """
    path = Path(path)
    tables = _tables(path)
    found: list[ListedJob] = []
    problems: list[str] = []
    first: dict[str, str] = {}
    for number, (table, line) in enumerate(tables, start=1):
        where = _where(path, number, line, table)
        try:
            job = BatchJob.from_json(table, path.absolute().parent)
            key = file_system_key(job.name)
            if key in first:
                raise UserError(
                    f"It would write to the folder of the job at {first[key]}; give it a name of "
                    "its own."
                )
            first[key] = f"line {line}" if line is not None else f"number {number}"
        except UserError as error:
            problems.append(f"{where}: {error}")
        else:
            found.append(ListedJob(job, where))
    return found, problems


def append_job(path: Path, table: Mapping[str, Any]) -> str:
    """Add a job at the end of a file, which need not be there yet; the file is written whole.

    Paths in the file's folder or below are written relative to it, so that both can be moved.

    Args:
        table: as `BatchJob.to_json` gives it. Where another job of the file has its name, it gets
            a number.

    Returns:
        The job's name in the file.

    Raises:
        UserError: the file cannot be read or written, or the job is none.
    """
    path = Path(path).absolute()
    before = _text(path) if path.exists() else ""
    there = _tables(path) if before.strip() else []
    taken = {file_system_key(str(entry.get("name"))) for entry, _ in there}
    name, number = str(table["name"]), 1
    while file_system_key(name) in taken:
        number += 1
        name = f"{table['name']} ({number})"
    said = dict(table) | {"name": name}
    BatchJob.from_json(said, path.parent)
    for key in ("checkpoint", "cameras"):
        if said.get(key):
            said[key] = _near(Path(said[key]), path.parent)
    try:
        entry = array_entry(TABLE, said).encode()
    except ValueError as error:  # half a character, in a path
        raise UserError(f"The job cannot be written ({error}); rename the file.") from error
    gap = "" if not before.strip() else "\n" if before.endswith("\n") else "\n\n"
    with written_whole(path) as temporary:
        temporary.write_bytes(before.encode() + gap.encode() + entry)
    return name


def _near(path: Path, folder: Path) -> str:
    """A path as the file says it; with slashes, which every system reads."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise UserError(f"There is no jobs file at {path}.", code="missing_file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no jobs file; it cannot be read as text.") from error


def _tables(path: Path) -> list[tuple[dict[str, Any], int | None]]:
    """The jobs' tables as they are written, each with the line of its header."""
    text = _text(path)
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UserError(f"{path} is not TOML: {error}.") from error
    unknown = next((key for key in data if key != TABLE), None)
    if unknown is not None:
        raise UserError(f"{path} has {unknown!r}; it can have tables [[{TABLE}]] only.")
    jobs = data.get(TABLE)
    if not isinstance(jobs, list) or not all(isinstance(job, dict) for job in jobs) or not jobs:
        raise UserError(f"{path} has no job; add a table that begins with [[{TABLE}]].")
    lines = _header_lines(text)
    places = lines if len(lines) == len(jobs) else [None] * len(jobs)
    return list(zip(jobs, places, strict=True))


def _header_lines(text: str) -> list[int | None]:
    """The lines, from 1, that begin a job: those like headers that are not within a long string."""
    found: list[int | None] = []
    within = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if not within and _HEADER.match(line):
            found.append(number)
        for mark in _LONG_STRING.findall(line):
            within = mark if not within else "" if mark == within else within
    return found


def _where(path: Path, number: int, line: int | None, table: dict[str, Any]) -> str:
    place = f"{path.name}, line {line}" if line is not None else path.name
    name = table.get("name")
    return f"{place}, job {shown(name) if isinstance(name, str) else number}"
