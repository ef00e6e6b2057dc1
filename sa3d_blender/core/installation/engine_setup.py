"""Sets the engine up: downloads what its lock names, makes its Python environment, checks it.

uv does the installing, as one file that needs no Python, no administrator and no compiler, and that
is on PyPI with a hash like every other package. The files are downloaded here instead of by uv:
so a lost connection costs nothing, the artist sees every megabyte, and a folder of wheels is the
same thing as a download that has already happened.

Python is uv's own where it can be had, as it stays when Blender is updated or moved; an engine pack
brings the same one. Where it cannot (a network without its server, or an older pack), the one that
the caller knows is used.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import secrets
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..background import Progress, Watch
from ..errors import UserError
from ..files import written_whole
from ..remote_file import RemoteFile
from .downloads import check_space, download, matches, partial_bytes
from .engine_check import verify_engine
from .engine_lock import EngineLock
from .engine_store import (
    DOWNLOADS,
    ENVIRONMENT,
    PYTHON,
    EngineRecord,
    EngineState,
    engine_status,
    environment_python,
    folder_bytes,
    mark_broken,
    only_one,
    read_record,
    remove_folder,
    remove_leftovers,
    write_record,
)
from .package_index import configured_index, python_host, through_index
from .packed_python import unpacked_python
from .uv_process import CACHE, LOG, complaint, run_uv


@dataclass(frozen=True)
class SetUp:
    """How to set an engine up.

    Args:
        root: the folder for it; see `engine_store`.
        pack: a folder with all files of the lock (scripts/engine_pack.py makes one); nothing is
            downloaded then.
        own_python: let uv download a Python, or take the pack's.
        other_pythons: what to use where uv's own cannot be had, best first.
    """

    root: Path
    lock: EngineLock
    pack: Path | None = None
    own_python: bool = True
    other_pythons: Sequence[Path] = ()


def set_up_engine(how: SetUp, watch: Watch) -> EngineRecord:
    """Set an engine up, or anew; the old one stays in use until the new one has been checked.

    Raises:
        UserError: one sentence: what is wrong and what to do. What was downloaded stays.
        Cancelled: the watch says so; what was downloaded stays.
    """
    root, lock = how.root, how.lock
    with only_one(root):
        remove_leftovers(root)
        if engine_status(root).state is EngineState.broken:
            remove_folder(root / PYTHON)  # it may be what is broken
        wheels = how.pack or root / DOWNLOADS
        check_space(root, lock.disk_bytes + _bytes_to_come(lock, wheels))
        if how.pack is None:
            download_files(lock, wheels, watch)
        else:
            _check_pack(lock, wheels, watch)
        uv = _unpack_uv(wheels / lock.uv.name, root / "uv")
        environment = root / f"{ENVIRONMENT}{secrets.token_hex(4)}"
        try:
            _make_environment(how, uv, environment, watch)
            _install(how, uv, environment, wheels, watch)
            record = _checked(how, environment, watch)
        except BaseException:
            with contextlib.suppress(UserError):
                remove_folder(environment)
            raise
        write_record(root, record)
        remove_leftovers(root)
        with contextlib.suppress(UserError):
            remove_folder(root / DOWNLOADS)
    return record


def verify_in_place(root: Path, watch: Watch) -> EngineRecord:
    """Check the engine in use, and keep in mind when it is broken.

    Raises:
        UserError: it is broken (``broken_engine``), or there is none (``no_engine``).
        Cancelled: the watch says so.
    """
    record = read_record(root)
    if record is None:
        raise UserError("The engine is not set up; click Set Up.", code="no_engine")
    try:
        verify_engine(root / record.environment, record.packages, watch)
    except UserError as error:
        reason = str(error).partition(": ")[2].partition("; click")[0] or str(error)
        mark_broken(root, record, reason)
        raise
    if record.problem:
        mark_broken(root, record, "")
    return record


def _bytes_to_come(lock: EngineLock, wheels: Path) -> int:
    there = sum(partial_bytes(wheels / file.name) for file in lock.files)
    return max(0, lock.download_bytes - there)


def download_files(lock: EngineLock, folder: Path, watch: Watch) -> None:
    """Have every file of a lock in a folder; what is there already is only checked.

    Raises:
        UserError: see `downloads.download`.
        Cancelled: the watch says so; what arrived stays.
    """
    total, before, index = lock.download_bytes, 0, configured_index()
    for file in lock.files:

        def report(there: int, before: int = before) -> None:
            watch.report(Progress("download", min(before + there, total), total))

        path = folder / file.name
        source = file if path.is_file() else through_index(file, index)
        download(source, path, watch, report=report)
        before += path.stat().st_size
    watch.report(Progress("download", total, total))


def _check_pack(lock: EngineLock, folder: Path, watch: Watch) -> None:
    for done, file in enumerate(lock.files):
        watch.report(Progress("verify", done, len(lock.files)))
        _check_packed(folder / file.name, file, watch)


def _check_packed(path: Path, file: RemoteFile, watch: Watch) -> None:
    if not path.is_file():
        raise UserError(
            f"The folder {path.parent} lacks {file.name}; choose the folder of the engine pack for "
            "this version of the add-on and this device.",
            code="missing_file",
        )
    if not matches(path, file, watch):
        raise UserError(
            f"{path} is damaged or another file of that name; copy the engine pack anew.",
            code="wrong_hash",
        )


def _unpack_uv(wheel: Path, folder: Path) -> Path:
    """uv out of its wheel."""
    name = "uv.exe" if os.name == "nt" else "uv"
    with zipfile.ZipFile(wheel) as archive:
        inner = next(n for n in archive.namelist() if n.endswith(f".data/scripts/{name}"))
        with written_whole(folder / name) as path:
            path.write_bytes(archive.read(inner))
            path.chmod(0o755)
    return folder / name


def _make_environment(how: SetUp, uv: Path, environment: Path, watch: Watch) -> None:
    """A virtual environment with the lock's version of Python."""
    watch.report(Progress("python"))
    ways = [[str(python)] for python in how.other_pythons if python.is_file()]
    if how.own_python and how.pack is None:
        ways.insert(0, [how.lock.python, "--managed-python"])
    if how.pack is not None:
        packed = _packed_python(how, how.pack, watch) if how.own_python else None
        ways = [*([[str(packed)]] if packed else []), *ways, [how.lock.python]]
    for way in ways:
        online = "--managed-python" in way
        flags = [] if online else ["--offline", "--no-python-downloads"]
        command: list[str | Path] = [uv, "venv", "--clear", "--no-project", *flags, environment]
        command += ["--python", *way]
        if run_uv(command, how.root, watch) == 0 and _has_version(environment, how.lock.python):
            return
    raise UserError(
        f"Python {how.lock.python} can neither be downloaded from {python_host()} nor found on "
        "this computer; check the internet connection, or install it, then click again.",
        code="no_python",
    )


def _packed_python(how: SetUp, pack: Path, watch: Watch) -> Path | None:
    """The pack's own Python; None where the pack has none."""
    file = how.lock.interpreter
    if file is None or not (pack / file.name).is_file():
        return None
    return unpacked_python(pack / file.name, file, how.root / PYTHON, watch)


def _has_version(environment: Path, version: str) -> bool:
    settings = (environment / "pyvenv.cfg").read_text(encoding="utf-8")
    return f"version_info = {version}." in settings


def _install(how: SetUp, uv: Path, environment: Path, wheels: Path, watch: Watch) -> None:
    watch.report(Progress("install"))
    list_file = environment / "requirements.txt"
    lines = [
        f"{wheel.package}=={wheel.version} --hash=sha256:{wheel.file.sha256}\n"
        for wheel in how.lock.wheels
    ]
    list_file.write_text("".join(lines), encoding="utf-8")
    command: list[str | Path] = [uv, "pip", "install", "--offline", "--no-index", "--no-deps"]
    command += ["--require-hashes", "--find-links", wheels, "-r", list_file]
    if run_uv([*command, "--python", environment_python(environment)], how.root, watch):
        reason = complaint(how.root)
        raise UserError(
            f"The engine's packages cannot be installed ({reason}); {how.root / LOG} says more.",
            code="cannot_install",
        )
    with contextlib.suppress(UserError):  # the environment holds hard links to what is in it
        remove_folder(how.root / DOWNLOADS / CACHE)


def _checked(how: SetUp, environment: Path, watch: Watch) -> EngineRecord:
    packages = {wheel.package: wheel.version for wheel in how.lock.wheels}
    facts = verify_engine(environment, packages, watch)
    return EngineRecord(
        target=how.lock.target,
        environment=environment.name,
        fingerprint=how.lock.fingerprint,
        packages=packages,
        hashes={wheel.package: wheel.file.sha256 for wheel in how.lock.wheels},
        python=str(facts["python"]),
        torch=str(facts["torch"]),
        device=str(facts["device"]),
        made=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        bytes=sum(map(folder_bytes, (environment, how.root / PYTHON, how.root / "uv"))),
    )
