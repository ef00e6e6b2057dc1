"""The Python that an engine pack brings: an archive of python-build-standalone, unpacked here."""

from __future__ import annotations

import os
import secrets
import tarfile
from pathlib import Path

from ..background import Watch
from ..errors import UserError
from ..remote_file import RemoteFile
from .downloads import matches
from .engine_store import remove_folder

INSIDE = "python"
"""The archive's one folder."""


def unpacked_python(archive: Path, file: RemoteFile, folder: Path, watch: Watch) -> Path:
    """The interpreter in a pack's archive, unpacked below a folder; it stays there for the engine.

    Args:
        file: what the lock says of the archive.
        folder: of the engine's Pythons.

    Raises:
        UserError: the archive is damaged (``wrong_hash``), or cannot be unpacked.
        Cancelled: the watch says so; nothing half-unpacked is left.
    """
    place = folder / file.name.partition("-install_only")[0]
    if place.is_dir():  # it was renamed to that when it was whole
        return _interpreter(place)
    if not matches(archive, file, watch):
        raise UserError(
            f"{archive} is damaged or another file of that name; copy the engine pack anew.",
            code="wrong_hash",
        )
    part = folder / f"{place.name}.{secrets.token_hex(4)}.part"
    try:
        part.mkdir(parents=True)
        with tarfile.open(archive) as members:
            for member in members:
                watch.check()
                members.extract(member, part, filter="data")
        os.rename(part / INSIDE, place)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise UserError(
            f"Python cannot be unpacked from {archive.name} to {folder} ({error}); make some space "
            "free or choose another Engine Folder, then click again.",
            code="cannot_write",
        ) from error
    finally:
        remove_folder(part)
    return _interpreter(place)


def _interpreter(place: Path) -> Path:
    inner = "python.exe" if os.name == "nt" else "bin/python3"
    return place / inner
