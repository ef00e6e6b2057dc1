"""The engine's last words, for whoever wants to read them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from ..folders import log_file
from . import session

TAIL_BYTES = 64_000
"""How much of a log file is read for its last lines."""


def last_lines(count: int) -> list[str]:
    """The last lines of the engine that runs or ran last; of the log file before there was one."""
    engine = session.current.engine
    lines = engine.log_tail(count).splitlines() if engine is not None else []
    return lines or _tail(log_file(), count)


def _tail(path: Path | None, count: int) -> list[str]:
    if path is not None:
        with suppress(OSError), path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - TAIL_BYTES))
            return file.read().decode(errors="replace").splitlines()[-count:]
    return []
