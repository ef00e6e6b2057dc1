"""Drawing over the viewport, from when the add-on is enabled until it is disabled."""

from collections.abc import Callable
from typing import Any

import bpy


class ViewportDrawing:
    """A function that Blender calls whenever it draws a viewport, where there is a window."""

    def __init__(self, draw: Callable[[], None], stage: str) -> None:
        """Draw nothing yet.

        Args:
            draw: called whenever a viewport is drawn.
            stage: ``POST_VIEW`` draws in world space, ``POST_PIXEL`` over it in pixels.
        """
        self._draw = draw
        self._stage = stage
        self._handle: Any = None

    def register(self) -> None:
        """Draw from now on."""
        if not bpy.app.background:
            add = bpy.types.SpaceView3D.draw_handler_add
            self._handle = add(self._draw, (), "WINDOW", self._stage)

    def unregister(self) -> None:
        """Draw no more."""
        if self._handle is not None:
            bpy.types.SpaceView3D.draw_handler_remove(self._handle, "WINDOW")
            self._handle = None
