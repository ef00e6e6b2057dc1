"""An undo or redo must not make a picture rough again that has become sharp since.

*Render View* is one undo step, made when its first rough picture is there. Steps that follow while
it gets sharp hold a rough one, too. Going back to any of them, the best one takes its place.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import bpy

from ...core.turns import Urgency
from ..engine_link import loop
from ..handlers import Handlers
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


def _on_undo(*_: Any) -> None:
    """Blender is still busy with the undo."""
    if _best.png:
        loop.wake(restore, Urgency.CLICK)


def _on_load(*_: Any) -> None:
    begin()


_handlers = Handlers(undo_post=_on_undo, redo_post=_on_undo, load_post=_on_load)
register = _handlers.register


def unregister() -> None:
    """Take the handlers back."""
    _handlers.unregister()
    loop.leave(restore)
    begin()
