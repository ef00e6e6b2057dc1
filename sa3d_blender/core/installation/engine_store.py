"""The folder in which engines are set up: what is in it, and what state it is in.

    engine.json         the record of the engine in use; written last, so what it names is whole
    environment-KEY/    its Python environment
    python/             the Python that uv or the engine pack brought
    uv/                 uv
    downloads/          wheels, until they are installed

An environment cannot be moved, as its programs hold its path. So a new one is made under a new
name beside the old one, and the record moves on when it works.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from enum import Enum
from pathlib import Path

from ..background import shown_bytes
from ..errors import UserError
from ..file_lock import hold_lock
from ..files import written_whole
from .engine_lock import read_lock

FORMAT = 1
RECORD = "engine.json"
ENVIRONMENT = "environment-"
DOWNLOADS = "downloads"
PYTHON = "python"


class EngineState(Enum):
    """What there is of an engine."""

    missing = "missing"
    interrupted = "interrupted"
    """A set-up was begun and not finished."""
    broken = "broken"
    old = "old"
    """The engine works, but this version of the add-on wants other packages."""
    ready = "ready"


@dataclass(frozen=True)
class EngineRecord:
    """What is known about an engine that was set up."""

    target: str
    environment: str
    """Its folder's name."""
    fingerprint: str
    """Fingerprint of the lock that it was made from."""
    packages: dict[str, str] = field(default_factory=dict)
    """Version by name."""
    hashes: dict[str, str] = field(default_factory=dict)
    """SHA-256 of the wheel by name."""
    python: str = ""
    torch: str = ""
    device: str = ""
    """What it computes on: ``cpu``, ``cuda``, ``mps``."""
    made: str = ""
    """When, in ISO 8601."""
    bytes: int = 0
    """What it takes on the disk."""
    problem: str = ""
    """What a check found wrong; empty when nothing."""
    format: int = FORMAT


@dataclass(frozen=True)
class EngineStatus:
    """An engine's state, in a word and in a sentence."""

    state: EngineState
    sentence: str
    record: EngineRecord | None = None


def read_record(root: Path) -> EngineRecord | None:
    """The record of the engine in use; None when there is none that can be read."""
    try:
        data = json.loads((root / RECORD).read_text(encoding="utf-8"))
        record = EngineRecord(**data)
    except (OSError, ValueError, TypeError):
        return None
    names_a_folder = Path(record.environment).name == record.environment
    known = record.format == FORMAT and record.environment.startswith(ENVIRONMENT)
    return record if known and names_a_folder else None


def write_record(root: Path, record: EngineRecord) -> None:
    """Put an engine in use. Raises UserError when the disk refuses."""
    with written_whole(root / RECORD) as path:
        path.write_text(json.dumps(asdict(record), indent=1), encoding="utf-8")


def mark_broken(root: Path, record: EngineRecord, problem: str) -> None:
    """Keep in mind what a check found, until the engine is repaired."""
    write_record(root, replace(record, problem=problem))


def environment_python(environment: Path) -> Path:
    """A virtual environment's interpreter."""
    inner = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
    return environment / inner


def engine_python(root: Path) -> Path | None:
    """The interpreter of the engine in use; None without one."""
    record = read_record(root)
    return environment_python(root / record.environment) if record else None


def engine_status(root: Path) -> EngineStatus:
    """The state of the engine in a folder. Looks at a few files only, so panels may ask.

    Whether it really works, `verify_engine` finds out.
    """
    record = read_record(root)
    if record is None:
        return _without_record(root)
    environment = root / record.environment
    problem = record.problem or _missing_part(environment)
    if problem:
        return EngineStatus(EngineState.broken, f"The engine is damaged: {problem}", record)
    facts = f"torch {record.torch}, Python {record.python}, {record.device}"
    if record.target.endswith("-cuda") and record.device == "cpu":
        facts += "; it found no NVIDIA GPU: update the graphics driver"
    if not _is_current(record):
        sentence = f"This version of the add-on wants other packages than the engine has ({facts})"
        return EngineStatus(EngineState.old, sentence, record)
    return EngineStatus(EngineState.ready, f"The engine is ready: {facts}", record)


def _without_record(root: Path) -> EngineStatus:
    if (root / RECORD).exists():
        return EngineStatus(EngineState.broken, "The engine is damaged: its record is unreadable")
    there = downloaded_bytes(root)
    if there or any(root.glob(f"{ENVIRONMENT}*")):
        kept = f"; {shown_bytes(there)} are already downloaded" if there else ""
        return EngineStatus(EngineState.interrupted, f"Setting up was interrupted{kept}")
    return EngineStatus(EngineState.missing, "The engine is not set up yet")


def _missing_part(environment: Path) -> str:
    python = environment_python(environment)
    settings = environment / "pyvenv.cfg"
    if not settings.is_file():
        return "its files are gone"
    if not python.is_file():
        return "the Python that it was made from is gone"
    with contextlib.suppress(OSError, ValueError):
        lines = settings.read_text(encoding="utf-8").splitlines()
        home = next((line.partition("=")[2].strip() for line in lines if line[:4] == "home"), "")
        if home and not Path(home).is_dir():
            return "the Python that it was made from is gone"
    return ""


def _is_current(record: EngineRecord) -> bool:
    try:
        return read_lock(record.target).fingerprint == record.fingerprint
    except UserError:
        return False


def downloaded_bytes(root: Path) -> int:
    """What lies downloaded and not installed."""
    files = (path for path in (root / DOWNLOADS).glob("*") if path.is_file())
    return sum(path.stat().st_size for path in files)


def folder_bytes(folder: Path) -> int:
    """What a folder takes on the disk; hard links count once. Takes a while for an engine."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for place, _folders, names in os.walk(long_path(folder)):
        for name in names:
            with contextlib.suppress(OSError):
                facts = os.lstat(os.path.join(place, name))
                if facts.st_nlink > 1:
                    if (facts.st_dev, facts.st_ino) in seen:
                        continue
                    seen.add((facts.st_dev, facts.st_ino))
                total += facts.st_size
    return total


def remove_engine(root: Path) -> None:
    """Remove the engine and everything that belongs to it. Nothing else in the folder is touched.

    Raises:
        UserError: a file is held, as by a running engine.
    """
    with only_one(root):
        with contextlib.suppress(FileNotFoundError):
            (root / RECORD).unlink()
        for folder in (*root.glob(f"{ENVIRONMENT}*"), *(root / n for n in (PYTHON, "uv"))):
            remove_folder(folder)
        remove_folder(root / DOWNLOADS)


def remove_leftovers(root: Path) -> None:
    """Remove environments that are not in use: half-made or replaced. Held ones stay."""
    record = read_record(root)
    for folder in root.glob(f"{ENVIRONMENT}*"):
        if record is None or folder.name != record.environment:
            shutil.rmtree(long_path(folder), ignore_errors=True)


def remove_folder(folder: Path) -> None:
    """Remove a folder with all that is in it, if it is there.

    Raises:
        UserError: a file cannot be removed.
    """
    try:
        shutil.rmtree(long_path(folder))
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(
            f"{error.filename or folder} cannot be removed ({error.strerror or error}); stop the "
            "engine in every Blender, then try again.",
            code="cannot_remove",
        ) from error


def long_path(path: Path) -> str:
    r"""A path that may be longer than Windows allows without the prefix ``\\?\``."""
    text = str(path.absolute())
    is_plain = sys.platform == "win32" and not text.startswith("\\\\")
    return "\\\\?\\" + text if is_plain else text


@contextlib.contextmanager
def only_one(root: Path) -> Iterator[None]:
    """Keep other Blenders from changing the same folder; ends with the process at the latest.

    Raises:
        UserError: another one does (``busy``), or the folder cannot be written.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        held = hold_lock(root / "lock")
    except OSError as error:
        raise UserError(
            f"{root} cannot be written ({error.strerror or error}); choose another Engine Folder "
            "in Preferences > Add-ons > SA3D.",
            code="cannot_write",
        ) from error
    if held is None:
        raise UserError("Another Blender is setting the engine up; wait for it.", code="busy")
    with held:
        yield
