"""The NeRFs that were loaded last, kept in a small file of the add-on's own folder."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from ...core.errors import UserError
from ...core.files import written_whole
from ..folders import user_folder

KEPT = 10


def recent_files() -> list[Path]:
    """The checkpoints that were loaded last, newest first; some may be gone since."""
    try:
        data = json.loads(_list_file().read_text(encoding="utf-8"))
        found = [Path(entry) for entry in data["files"] if isinstance(entry, str)]
    except (OSError, ValueError, KeyError, TypeError, UserError):
        return []
    return found[:KEPT]


def remember_file(path: Path) -> None:
    """Put a checkpoint first in the list. A list that cannot be written is no reason to stop."""
    others = [other for other in recent_files() if other != path]
    _write([path, *others])


def forget_files() -> None:
    """Empty the list."""
    _write([])


def _write(paths: list[Path]) -> None:
    text = json.dumps({"files": [str(path) for path in paths[:KEPT]]}, ensure_ascii=False)
    with suppress(UserError, OSError, ValueError), written_whole(_list_file()) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _list_file() -> Path:
    return user_folder("lists") / "recent.json"
