"""Which Python runs the engine: one that someone chose, or the one that was set up."""

from __future__ import annotations

import os
from pathlib import Path

import bpy

from ...core.errors import UserError
from ...core.installation import engine_store
from ..folders import engine_folder, preferences

ENVIRONMENT_VARIABLE = "SA3D_ENGINE_PYTHON"


def chosen_python() -> str:
    """The Python that someone chose for the engine: the environment variable, or the preference."""
    from_environment = os.environ.get(ENVIRONMENT_VARIABLE)
    if from_environment:
        return from_environment
    chosen = preferences()
    return bpy.path.abspath(chosen.engine_python) if chosen else ""


def engine_python() -> str:
    """The engine's Python: the chosen one, else the one that was set up, else nothing."""
    chosen = chosen_python()
    if chosen:
        return chosen
    try:
        python: Path | None = engine_store.engine_python(engine_folder())
    except UserError:
        python = None
    return str(python or "")
