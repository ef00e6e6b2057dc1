"""Writing files so that nothing half-written is ever left behind."""

from __future__ import annotations

import os
import secrets
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import UserError


def file_stems(names: Iterable[str]) -> dict[str, str]:
    """What to call the files of things of these names, so that no two have the same one.

    It is the name, with a number where Windows or macOS would take it for another one's: they
    ignore case and how an accent is written. The order of the names does not matter.

    >>> file_stems(["mug", "Mug", "plate"])
    {'Mug': 'Mug', 'mug': 'mug (2)', 'plate': 'plate'}
    """
    stems: dict[str, str] = {}
    taken: set[str] = set()
    for name in sorted(set(names)):
        stem, number = name, 1
        while _as_file_system(stem) in taken:
            number += 1
            stem = f"{name} ({number})"
        taken.add(_as_file_system(stem))
        stems[name] = stem
    return stems


def _as_file_system(stem: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", stem).casefold())


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a temporary name beside ``path`` (same ending); rename it to ``path`` on success.

    Raises:
        UserError: the folder cannot be made or written, or the disk is full. The temporary file
            is gone then, and an older file at ``path`` is untouched.
    """
    path = Path(path)
    temporary = path.with_name(f".{secrets.token_hex(4)}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"{path} cannot be written ({reason}); choose another folder or free some space.",
            code="cannot_write",
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_writable(folder: Path) -> None:
    """Raise UserError when a folder cannot be made or written; before hours of work, not after."""
    probe = folder / f".{os.getpid()}.probe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            probe.write_bytes(b"sa3d")
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written ({error.strerror or error}); choose another folder.",
            code="cannot_write",
        ) from error
