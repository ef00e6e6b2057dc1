"""``blender -c sa3d ...``: the engine's command line, run by the engine's own Python."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import bpy

from ...core.connection.engine_command import engine_command, engine_environment
from ...core.errors import UserError
from ...core.installation.segmenter_weights import FOLDER_VARIABLE
from ..folders import weights_folder
from .chosen_python import engine_python

NAME = "sa3d"
BAD_INPUT = 2
"""Exit code, as the command's own for bad input."""

_handles: list[Any] = []


def run_command(arguments: list[str]) -> int:
    """Run ``sa3d`` with these arguments on this process's terminal; returns its exit code.

    What is wrong with the engine itself is one sentence on stderr and exit code 2. A stop from
    the keyboard reaches both processes; the engine is waited for, so that it can clean up.
    """
    try:
        command = engine_command(engine_python(), arguments)
        environment = engine_environment()
        environment.setdefault(FOLDER_VARIABLE, str(weights_folder()))
        process = subprocess.Popen(command, env=environment)
    except (UserError, OSError) as error:
        sys.stderr.write(f"{NAME}: {error}\n")
        return BAD_INPUT
    while True:
        try:
            code = process.wait()
            break
        except KeyboardInterrupt:
            continue
    return code if code >= 0 else 128 - code


def register() -> None:
    """Let Blender know the command."""
    _handles.append(bpy.utils.register_cli_command(NAME, run_command))


def unregister() -> None:
    """Take it back."""
    while _handles:
        bpy.utils.unregister_cli_command(_handles.pop())
