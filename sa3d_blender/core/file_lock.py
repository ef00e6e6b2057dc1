"""A lock between processes: a file that one of them holds, and that none holds after its end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO


def hold_lock(path: Path) -> IO[bytes] | None:
    """Take the lock of a file, which is made; closing what is returned gives it back.

    The system gives it back at the latest when the process ends, however it does.

    Returns:
        None where another process holds it.

    Raises:
        OSError: the file cannot be made.
    """
    stream = path.open("a+b")
    try:
        if sys.platform == "win32":
            import msvcrt

            stream.seek(0)
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        stream.close()
        return None
    return stream
