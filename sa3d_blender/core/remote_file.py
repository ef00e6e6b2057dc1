"""A file that can be downloaded, and how it is known to be the right one."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class RemoteFile:
    """A file on a server, pinned by its hash."""

    url: str
    sha256: str
    size: int | None = None
    """Bytes; None where nobody knows before the download."""

    @property
    def name(self) -> str:
        """Its file name."""
        return unquote(urlsplit(self.url).path).rpartition("/")[2]
