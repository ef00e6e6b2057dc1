"""Writing files so that nothing half-written is ever left behind."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import UserError


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
