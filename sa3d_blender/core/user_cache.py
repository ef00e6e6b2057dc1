"""What can be computed again: its folder, where each operating system wants it, and its size."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

NAME = "sa3d_blender"
LIMIT = 500_000_000
"""Bytes that the cache may take; what was used longest ago goes first."""
_KINDS = ("*/*.npz",)
"""What this program keeps there; nothing else in the folder is ever touched."""


def cache_folder() -> Path:
    """The user's folder of this program; it may not exist, and need not be writable."""
    chosen = os.environ.get("SA3D_CACHE")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else _home() / "AppData" / "Local") / NAME / "cache"
    if sys.platform == "darwin":
        return _home() / "Library" / "Caches" / NAME
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else _home() / ".cache") / NAME


def cache_bytes() -> int:
    """How much the cache takes on the disk."""
    return sum(size for _, size, _ in _files())


def clear_cache() -> int:
    """Remove all that is cached; returns the bytes that are free now."""
    return prune_cache(0)


def prune_cache(limit: int = LIMIT) -> int:
    """Remove what was used longest ago until at most ``limit`` bytes are left.

    Returns:
        The bytes that are free now. A file that cannot be removed stays.
    """
    files = sorted(_files())
    total, freed = sum(size for _, size, _ in files), 0
    for _, size, path in files:
        if total - freed <= limit:
            break
        with suppress(OSError):
            path.unlink()
            freed += size
    return freed


def mark_used(path: Path) -> None:
    """Note that a cached file was used just now."""
    with suppress(OSError):
        os.utime(path)


def _files() -> list[tuple[float, int, Path]]:
    """Time of the last use, bytes, and path."""
    found = []
    for kind in _KINDS:
        for path in cache_folder().glob(kind):
            with suppress(OSError):
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
    return found


def _home() -> Path:
    """The user's home folder; the current one where there is none."""
    try:
        return Path.home()
    except RuntimeError:
        return Path()
