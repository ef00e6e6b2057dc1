"""Whether anything that a loaded field was read from has changed."""

from __future__ import annotations

import os
from pathlib import Path

from .. import files_behind

Stamp = tuple[str, int, int]
"""Path, time of change in nanoseconds, size in bytes."""


def file_stamps(checkpoint: Path) -> tuple[Stamp | None, ...]:
    """Of all files behind a checkpoint; None for those that are not there."""
    stamps: list[Stamp | None] = []
    for path in files_behind(Path(checkpoint)):
        try:
            stat = os.stat(path)
        except (OSError, ValueError):
            stamps.append(None)
        else:
            stamps.append((os.path.abspath(path), stat.st_mtime_ns, stat.st_size))
    return tuple(stamps)
