"""Git LFS pointers: the few lines that stand in for a large file that was never downloaded."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from .errors import UserError

POINTER = b"version https://git-lfs"
"""What a pointer begins with, whatever its file is called."""


def refuse_lfs_pointer(path: Path) -> None:
    """Raise UserError (``lfs_pointer``) where a file is a pointer; a missing one is none."""
    head = b""
    with suppress(OSError), path.open("rb") as file:
        head = file.read(len(POINTER))
    if head == POINTER:
        raise UserError(
            f"{path} is a Git LFS pointer, not the file itself; run git lfs pull in its folder.",
            code="lfs_pointer",
        )
