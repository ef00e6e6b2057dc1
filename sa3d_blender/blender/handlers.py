"""Functions that Blender calls when something happens: a change, an undo, another file.

The thread of a render calls some of them, too, of what that evaluates. Blender's timers and its
data have no lock: a handler that changes the scene or registers a timer there may crash what the
main thread does at that moment. So they run on the main thread alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
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
        self._functions = {name: _on_main_thread(call) for name, call in functions.items()}

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


def _on_main_thread(function: Callable[..., None]) -> Callable[..., None]:
    """The same, doing nothing on any other thread."""

    @persistent
    @wraps(function)
    def call(*told: Any) -> None:
        if threading.current_thread() is threading.main_thread():
            function(*told)

    return call
