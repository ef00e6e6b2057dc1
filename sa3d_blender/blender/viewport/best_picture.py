"""An undo or redo must not make a picture rough again that has become sharp since.

*Render View* is one undo step, made when its first rough picture is there. Steps that follow while
it gets sharp hold a rough one, too. Going back to any of them, the best one takes its place.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..nerf.views import repaint
from ..redraw import redraw_scenes

MARK = "sa3d_picture"
"""Custom property of an image: of which picture it is a rough or the sharp one."""


@dataclass
class SharpestPicture:
    """The best that is known of a picture."""

    mark: str
    png: bytes = b""


_best = SharpestPicture("")


def begin() -> str:
    """The mark of a new picture; the one before is forgotten."""
    global _best
    _best = SharpestPicture(secrets.token_hex(8))
    return _best.mark


def remember(mark: str, image: bpy.types.Image, png: bytes) -> None:
    """This image is now the best of the picture with that mark."""
    image[MARK] = mark
    if mark == _best.mark:
        _best.png = png


def is_of(mark: str, image: bpy.types.Image) -> bool:
    """Whether an image is a rough or the sharp one of that picture."""
    return bool(image.get(MARK) == mark)


def restore() -> None:
    """Put the best picture where an undo or redo brought a rough one back."""
    for image in bpy.data.images if _best.png else ():
        packed = image.packed_file
        if is_of(_best.mark, image) and packed and packed.size != len(_best.png):
            repaint(image, _best.png)
            redraw_scenes()


@persistent
def _on_undo(*_: Any) -> None:
    """Blender is still busy with the undo."""
    if _best.png and not bpy.app.timers.is_registered(restore):
        bpy.app.timers.register(restore, first_interval=0.0)


@persistent
def _on_load(*_: Any) -> None:
    begin()


def register() -> None:
    """Notice undo and other files."""
    for handlers in (bpy.app.handlers.undo_post, bpy.app.handlers.redo_post):
        handlers.append(_on_undo)
    bpy.app.handlers.load_post.append(_on_load)


def unregister() -> None:
    """Take handlers and timer back."""
    for handlers in (bpy.app.handlers.undo_post, bpy.app.handlers.redo_post):
        if _on_undo in handlers:
            handlers.remove(_on_undo)
    if _on_load in bpy.app.handlers.load_post:
        bpy.app.handlers.load_post.remove(_on_load)
    if bpy.app.timers.is_registered(restore):
        bpy.app.timers.unregister(restore)
    begin()
