"""How the engine is started, and what to tell the artist when it is gone."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Sequence
from pathlib import Path

from ..errors import UserError

PACKAGE = Path(__file__).resolve().parents[2]
"""The folder of this package, whatever name Blender imports it by."""

OLDEST, NEWEST = (3, 11), (3, 14)
"""The versions of Python that can run the engine."""
_RANGE = "{}.{} to {}.{}".format(*OLDEST, *NEWEST)
_BOOTSTRAP = f"""
import sys
if not {OLDEST} <= sys.version_info[:2] <= {NEWEST}:
    sys.exit("sa3d needs Python {_RANGE}, not %d.%d" % sys.version_info[:2])
import importlib.util, os, runpy
folder, name = sys.argv.pop(1), "sa3d_blender"
init = os.path.join(folder, "__init__.py")
spec = importlib.util.spec_from_file_location(name, init, submodule_search_locations=[folder])
sys.modules[name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules[name])
runpy.run_module(name + ".engine", run_name="__main__", alter_sys=True)
"""
_DROPPED = ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "__PYVENV_LAUNCHER__")


def engine_command(python: str | Path, arguments: Sequence[str] = ("serve",)) -> list[str]:
    """The argv that runs this package's ``sa3d`` command with that Python.

    The package is loaded from its folder, so neither a copy of it that is installed in that Python
    nor anything beside the folder gets in the way; ``-I`` keeps the working folder and the user's
    settings out.

    Args:
        arguments: of the command; without them it serves.

    Raises:
        UserError: there is no such file.
    """
    if not str(python):
        raise UserError(
            "The engine is not set up; click Set Up in Preferences > Add-ons > SA3D.",
            code="no_engine",
        )
    if not Path(python).is_file():
        raise UserError(
            f"There is no Python at {python}; repair the engine or choose another Python in "
            "Preferences > Add-ons > SA3D.",
            code="no_engine",
        )
    return [str(python), "-I", "-X", "utf8", "-c", _BOOTSTRAP, str(PACKAGE), *arguments]


def engine_environment() -> dict[str, str]:
    """This process's environment without what would lead another Python astray.

    Threads that wait for each other sleep meanwhile: by OpenMP's own choice they take the cores
    that Blender needs, and wait the longer for the one whose core Blender has.
    """
    environment = {key: value for key, value in os.environ.items() if key not in _DROPPED}
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return environment | {"PYTHONUTF8": "1", "PYTHONNOUSERSITE": "1"}


def start_sentence(python: str, error: OSError) -> str:
    """Why the engine could not even be started."""
    reason = error.strerror or str(error)
    return (
        f"The engine's Python at {python} cannot be started ({reason}); "
        "repair the engine or choose another Python in Preferences > Add-ons > SA3D."
    )


def ending_sentence(code: int, log: str, *, asked: bool) -> str:
    """Why the engine ended, from its exit code and the tail of its log.

    Args:
        asked: it was told to end.
    """
    if asked:
        return "The engine was stopped."
    version = re.search(rf"sa3d needs Python {re.escape(_RANGE)}, not ([\d.]+)", log)
    if version:
        return (
            f"The engine's Python is {version[1]}, and {_RANGE} can run it; choose another Python "
            "in Preferences > Add-ons > SA3D."
        )
    missing = re.search(r"ModuleNotFoundError: No module named '([\w.]+)'", log)
    if missing:
        return (
            f"The engine's Python lacks the package {missing[1]}; repair the engine or choose "
            "another Python in Preferences > Add-ons > SA3D."
        )
    if code in (-signal.SIGTERM, -9, 137) or "MemoryError" in log:
        return (
            "The engine was ended from outside, often for lack of memory; "
            "choose fewer or smaller views, then run again."
        )
    last = next((line for line in reversed(log.splitlines()) if line.strip()), "no message")
    return f"The engine ended unexpectedly (exit code {code}: {last.strip()}); run again."
