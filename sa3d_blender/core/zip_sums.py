"""Whether a zip archive's content is still what was written, by the checksums it holds itself.

Torch's files are such archives, and torch does not look at the sums when it reads them. Numpy does.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

CHUNK = 2**20
"""Bytes read at once."""
NO_SUM = 0
"""Where torch was told to make none (`torch.serialization.set_crc32_options`)."""


def has_damaged_member(path: Path) -> bool:
    """Whether some member of an archive does not have its sum, or cannot be read at all.

    So is one whose members together claim to unpack to more than the file: torch packs nothing, and
    no more shall be read than the file is large.
    """
    try:
        left = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                left -= member.file_size
                if left < 0:
                    return True
                if member.CRC != NO_SUM:
                    _read_through(archive, member)
    except Exception:  # the reader raises whatever the damage happens to trigger
        return True
    return False


def _read_through(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Read a member to its end, where `zipfile` compares the sums."""
    with archive.open(member) as content:
        while content.read(CHUNK):
            pass
