"""Runs uv: quietly, cancellably, and blind to the user's own settings of it but for mirrors."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ..background import Watch
from ..connection.engine_command import engine_environment
from ..errors import UserError
from .engine_store import DOWNLOADS, PYTHON
from .package_index import PYTHON_MIRROR

LOG = "set_up.log"
CACHE = "cache"
_QUIET = getattr(subprocess, "CREATE_NO_WINDOW", 0) | getattr(
    subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0
)
_FOREIGN = ("UV_", "PIP_", "VIRTUAL_ENV", "CONDA_")


def run_uv(command: Sequence[str | Path], root: Path, watch: Watch) -> int:
    """Run uv with its output in the log; returns its exit code.

    Args:
        command: argv; never passed to a shell.
        root: the folder of `engine_store`; everything that uv keeps stays in it.

    Raises:
        UserError: it cannot be started (``cannot_install``).
        Cancelled: the watch says so; uv has ended then.
    """
    environment = uv_environment(root)
    with (root / LOG).open("a", encoding="utf-8") as log:
        log.write(f"$ {' '.join(map(str, command))}\n")
        log.flush()
        try:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                creationflags=_QUIET,
            )
        except OSError as error:
            raise UserError(
                f"{command[0]} cannot be started ({error.strerror or error}); allow it in the "
                "virus scanner, then click again.",
                code="cannot_install",
            ) from error
    if hasattr(os, "setpriority"):  # uv uses every core, and Blender is being used meanwhile
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, 10)
    try:
        while process.poll() is None:
            watch.sleep(0.1)
    except BaseException:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        process.kill()
        raise
    return process.returncode


def uv_environment(root: Path) -> dict[str, str]:
    """The variables that uv runs with: of the user's own only where a Python is downloaded from."""
    environment = {
        key: value
        for key, value in engine_environment().items()
        if not key.upper().startswith(_FOREIGN) or key.upper() == PYTHON_MIRROR
    }
    return environment | {
        "UV_NO_CONFIG": "1",
        "UV_CACHE_DIR": str(root / DOWNLOADS / CACHE),
        "UV_PYTHON_INSTALL_DIR": str(root / PYTHON),
        "UV_PYTHON_INSTALL_BIN": "0",
        "UV_PYTHON_INSTALL_REGISTRY": "0",
        "UV_HTTP_RETRIES": "1",
        "NO_COLOR": "1",
    }


def complaint(root: Path) -> str:
    """What uv gave as its reason, without the advice for people at a terminal."""
    lines = (root / LOG).read_text(encoding="utf-8", errors="replace").splitlines()
    said = [line.strip() for line in lines if line.strip()]
    errors = [line for line in said if line.startswith("error:")]
    return (errors or said or ["no message"])[-1].removeprefix("error:").strip()
