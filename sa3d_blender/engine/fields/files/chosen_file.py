"""What the user chose, as every kind of checkpoint looks at it; it is read once for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .checkpoint_file import Checkpoint, first_bytes, may_be_torch_file, read_checkpoint

HEAD = 4096
"""Bytes that tell what a file is."""


@dataclass(frozen=True)
class ChosenFile:
    """A file, or a training's folder."""

    path: Path

    @cached_property
    def head(self) -> bytes:
        """The first bytes; none of a folder. Raises UserError (``missing_file``)."""
        return b"" if self.path.is_dir() else first_bytes(self.path, HEAD)

    @property
    def text(self) -> str:
        """The first bytes as text; empty where they are none."""
        return "" if b"\0" in self.head else self.head.decode("utf-8", errors="ignore")

    @cached_property
    def torch_checkpoint(self) -> Checkpoint | None:
        """A torch file's content; None of anything else.

        Raises:
            UserError: see `read_checkpoint`.
        """
        return read_checkpoint(self.path) if may_be_torch_file(self.path, self.head) else None
