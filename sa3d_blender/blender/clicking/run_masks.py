"""The masks that a run cut in views of its own, drawn there until a prompt asks for another one.

Nothing of it is saved: one click on the view's line in the panel shows it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from bpy.app.handlers import persistent

from ..nerf.seen_view import seen_camera

MOST = 16
"""Masks that are kept; going back and forth between the listed views needs no more."""


@dataclass
class RunMask:
    """A mask in a view."""

    mask: np.ndarray
    """Bool [h w], top row first."""
    texture: Any = None
    """What the overlay made of it."""


_masks: dict[tuple[str, str], RunMask] = {}
"""By what the engine said of the camera, and the entry's key: so an undo takes nothing away."""


def show(camera: bpy.types.Object, key: str, mask: np.ndarray) -> None:
    """Have an entry's mask drawn in the picture of a camera that stands where a run looked."""
    _masks[camera.sa3d.seen, key] = RunMask(mask)
    for oldest in list(_masks)[:-MOST]:
        del _masks[oldest]


def run_mask(camera: bpy.types.Object | None, key: str) -> RunMask | None:
    """What is drawn of an entry in a camera's picture; None once the camera was moved."""
    found = _masks.get((camera.sa3d.seen, key)) if camera is not None else None
    return found if found is not None and seen_camera(camera) is not None else None


def forget() -> None:
    """A new run knows better."""
    _masks.clear()


@persistent
def _on_load(*_: Any) -> None:
    forget()


def register() -> None:
    """Forget them when another file is opened."""
    bpy.app.handlers.load_post.append(_on_load)


def unregister() -> None:
    """Take the handler back."""
    forget()
    if _on_load in bpy.app.handlers.load_post:
        bpy.app.handlers.load_post.remove(_on_load)
