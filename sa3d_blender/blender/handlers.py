"""Functions that Blender calls when something happens: a change, an undo, another file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy
from bpy.app.handlers import persistent


class Handlers:
    """Functions that Blender calls from `register` to `unregister`, also in files opened later."""

    def __init__(self, **functions: Callable[..., None]) -> None:
        """Have nothing called yet.

        Args:
            functions: by the list in ``bpy.app.handlers`` that each belongs to.
        """
        self._functions = {name: persistent(function) for name, function in functions.items()}

    def register(self) -> None:
        """Have them called from now on."""
        for name, function in self._functions.items():
            self._list(name).append(function)

    def unregister(self) -> None:
        """Have them called no more."""
        for name, function in self._functions.items():
            if function in self._list(name):
                self._list(name).remove(function)

    def _list(self, name: str) -> list[Any]:
        return getattr(bpy.app.handlers, name)
