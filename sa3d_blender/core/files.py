"""Writing files so that nothing half-written is ever left behind."""

from __future__ import annotations

import os
import secrets
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import UserError


def file_stems(names: Iterable[str], there: Iterable[str] = ()) -> dict[str, str]:
    """What to call the files of things of these names, so that no two have the same one.

    It is the name, with a number where Windows or macOS would take it for another one's: they
    ignore case and how an accent is written. The order of the names does not matter.

    Args:
        there: what files of the kind are called that are in the folder already. One that is spelled
            as the name is the thing's own; one that is spelled otherwise is another thing's.

    >>> file_stems(["mug", "Mug", "plate"])
    {'Mug': 'Mug', 'mug': 'mug (2)', 'plate': 'plate'}
    >>> file_stems(["Mug"], there=["mug"])
    {'Mug': 'Mug (2)'}
    """
    stems: dict[str, str] = {}
    taken: set[str] = set()
    spelled = [unicodedata.normalize("NFC", stem) for stem in there]
    for name in sorted(set(names)):
        stem, number = name, 1
        while file_system_key(stem) in taken | _others(stem, spelled):
            number += 1
            stem = f"{name} ({number})"
        taken.add(file_system_key(stem))
        stems[name] = stem
    return stems


def _others(stem: str, spelled: Iterable[str]) -> set[str]:
    own = unicodedata.normalize("NFC", stem)
    return {file_system_key(other) for other in spelled if other != own}


def file_system_key(name: str) -> str:
    """A key that is the same for names that Windows or macOS takes for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


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
