"""The folder for what can be computed again, where each operating system wants it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

NAME = "sa3d_blender"


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


def _home() -> Path:
    """The user's home folder; the current one where there is none."""
    try:
        return Path.home()
    except RuntimeError:
        return Path()
