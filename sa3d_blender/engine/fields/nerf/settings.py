"""The text files that nerf-pytorch writes beside its checkpoints: ``args.txt`` and ``config.txt``.

Both are lines of ``name = value``. ``config.txt`` is what the user wrote, ``args.txt`` also has the
defaults. Anything in them that makes no sense is passed over, as if it were not there.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ....core.git_lfs import refuse_lfs_pointer

FILES = ("config.txt", "args.txt")
"""In the order read; the later one prevails."""
MAX_BYTES = 65_536


@dataclass(frozen=True)
class TrainingSettings:
    """The names and values found; empty where there is no such file."""

    values: dict[str, str]

    def flag(self, name: str) -> bool | None:
        """True or False; None if it is not said."""
        return {"true": True, "1": True, "false": False, "0": False}.get(
            self.values.get(name, "").lower()
        )

    def count(self, name: str, *, low: int, high: int) -> int | None:
        """A whole number in [low, high]; None if it is not said."""
        with suppress(ValueError):
            value = int(self.values.get(name, ""))
            return value if low <= value <= high else None
        return None

    def number(self, name: str, *, low: float, high: float) -> float | None:
        """A number in [low, high]; None if it is not said."""
        with suppress(ValueError):
            value = float(self.values.get(name, ""))
            return value if math.isfinite(value) and low <= value <= high else None
        return None


def settings_files(checkpoint: Path) -> tuple[Path, ...]:
    """Where the settings of a checkpoint's training may be."""
    return tuple(checkpoint.parent / name for name in FILES)


def read_settings(folder: Path) -> TrainingSettings:
    """The settings in a folder. Files that cannot be read count as missing."""
    values: dict[str, str] = {}
    for name in FILES:
        refuse_lfs_pointer(folder / name)
        with suppress(OSError):
            with (folder / name).open("rb") as file:
                text = file.read(MAX_BYTES).decode("utf-8", errors="replace")
            values.update(_pairs(text))
    return TrainingSettings(values)


def _pairs(text: str) -> dict[str, str]:
    found = {}
    for line in text.splitlines():
        name, separator, value = line.partition("#")[0].partition("=")
        if separator:
            found[name.strip()] = value.strip().strip("\"'")
    return found
