"""Whether an engine that was set up is whole and works."""

from __future__ import annotations

import csv
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..background import Progress, Watch
from ..connection.engine_command import engine_command
from ..connection.engine_process import EngineProcess
from ..connection.messages import Failure
from ..errors import UserError
from .engine_store import environment_python, long_path

PATIENCE = 300.0
"""Seconds for the first start: virus scanners look at every new file."""


def verify_engine(environment: Path, packages: Mapping[str, str], watch: Watch) -> dict[str, Any]:
    """Look for every file of every package, then start the engine and ask what it is.

    Args:
        packages: version by name, as it should be.

    Returns:
        The engine's answer to ``hello``: its ``python``, ``torch``, ``device``.

    Raises:
        UserError: what is wrong (``broken_engine``).
        Cancelled: the watch says so.
    """
    check_files(environment, packages, watch)
    engine = EngineProcess(engine_command(environment_python(environment)))
    answers: list[dict[str, Any]] = []
    failures: list[Failure] = []
    engine.request("hello", {}, on_done=answers.append, on_failure=failures.append)
    give_up_at = time.monotonic() + PATIENCE
    try:
        while not answers and not failures:
            if time.monotonic() > give_up_at:
                raise _broken(f"it did not answer within {PATIENCE:.0f} seconds")
            engine.pump()
            watch.sleep(0.02)
    finally:
        engine.close(wait=2.0)
    if failures:
        raise _broken(failures[0].message.partition(";")[0].rstrip("."))
    return answers[0]


def check_files(environment: Path, packages: Mapping[str, str], watch: Watch) -> None:
    """Compare the files with what the packages say that they installed.

    Raises:
        UserError: a package or a file is missing or has another size (``broken_engine``).
        Cancelled: the watch says so.
    """
    places = ("lib/python*/site-packages", "Lib/site-packages")  # elsewhere, and on Windows
    infos = (info for place in places for info in environment.glob(f"{place}/*.dist-info"))
    found = {_key(info.name): info for info in infos}
    for done, (name, version) in enumerate(packages.items()):
        watch.report(Progress("verify", done, len(packages)))
        info = found.get(_key(f"{name}-{version}"))
        if info is None:
            raise _broken(f"the package {name} {version} is missing")
        _check_package(info)


def _check_package(info: Path) -> None:
    try:
        with open(long_path(info / "RECORD"), encoding="utf-8", newline="") as stream:
            rows = [row for row in csv.reader(stream) if len(row) == 3 and row[2].isdigit()]
    except OSError as error:
        raise _broken(f"{info.name} cannot be read") from error
    for name, _digest, size in rows:
        path = long_path(Path(os.path.normpath(info.parent / name)))
        try:
            right = os.stat(path).st_size == int(size)
        except OSError:
            right = False
        if not right:
            raise _broken(f"the file {name} is missing or damaged")


def _key(name: str) -> str:
    """``Fast_Simplification-0.2.0.dist-info`` and ``fast-simplification-0.2.0`` are the same."""
    return re.sub(r"[-_.]+", "-", name.removesuffix(".dist-info")).lower()


def _broken(reason: str) -> UserError:
    return UserError(
        f"The engine does not work: {reason}; click Repair in Preferences > Add-ons > SA3D.",
        code="broken_engine",
    )
