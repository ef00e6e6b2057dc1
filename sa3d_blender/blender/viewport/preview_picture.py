"""The small live picture of the view that is being worked on, as an icon for the panel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import bpy.utils.previews
import numpy as np

from ...core.png import decode_png

SCALE = 9.0
"""Size of the picture in the panel, in units of a button's height."""


class _Shown:
    """The collection that holds the icon and what it shows."""

    collection: Any = None
    path: str = ""
    icon: int = 0


def draw(layout: bpy.types.UILayout, path: str) -> None:
    """Draw the picture of a file that the engine wrote; nothing when there is none."""
    if path and not bpy.app.background:
        icon = _icon(path)
        if icon:
            layout.template_icon(icon_value=icon, scale=SCALE)


def forget() -> None:
    """Show nothing next time until there is a new picture."""
    _Shown.path, _Shown.icon = "", 0


def _icon(path: str) -> int:
    if path == _Shown.path:
        return _Shown.icon
    try:
        pixels = decode_png(Path(path).read_bytes())
    except (OSError, ValueError):
        return _Shown.icon  # it is just being replaced by the next one
    if _Shown.collection is None:
        _Shown.collection = bpy.utils.previews.new()
    name = "sa3d_view"
    preview = _Shown.collection.get(name) or _Shown.collection.new(name)
    height, width, _ = pixels.shape
    preview.image_size = (width, height)
    rgba = np.full((height, width, 4), 255, np.uint8)
    rgba[..., :3] = pixels[::-1]
    preview.image_pixels.foreach_set(rgba.reshape(-1, 4).view(np.int32).ravel())
    _Shown.path, _Shown.icon = path, preview.icon_id
    return _Shown.icon


def register() -> None:
    """Nothing yet: the collection is made when it is first needed."""


def unregister() -> None:
    """Give the icon back."""
    forget()
    if _Shown.collection is not None:
        bpy.utils.previews.remove(_Shown.collection)
        _Shown.collection = None
