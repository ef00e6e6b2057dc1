"""A picture that no longer is what its camera sees is rendered again.

Only while the prompt tool is in hand, when what is seen must be what is clicked on. Else the
picture is marked, as rendering takes the engine's time.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import bpy

from ...core.cameras import Camera
from ...core.errors import UserError
from ...core.turns import Urgency
from .. import api
from ..engine_link import loop, session
from ..nerf.nerf import scene_nerf
from ..nerf.picture_state import PictureState, is_same_view
from ..nerf.views import active_camera, field_camera, state_of_picture
from ..viewport import viewport_preview
from ..viewport.camera_frame import is_tool_active

EVERY, REST = 0.25, 0.6
"""Seconds between looks, and without a change after which a camera is taken to rest."""


@dataclass
class Look:
    """What was seen when the active camera was looked at last."""

    view: Camera | None = None
    since: float = 0.0


_last = Look()


def tick() -> float:
    """Render an old picture again.

    Returns:
        Seconds until it should be called again.
    """
    scene = bpy.context.scene
    nerf, camera = scene_nerf(scene), active_camera(scene)
    if nerf is not None and camera is not None and _rests(scene, nerf, camera):
        _render_again(scene, nerf, camera)
    return EVERY


def _rests(scene: bpy.types.Scene, nerf: bpy.types.Object, camera: bpy.types.Object) -> bool:
    """Whether the active camera has seen the same for a while."""
    try:
        view = field_camera(scene, camera, nerf)
    except UserError:
        return False
    now = time.monotonic()
    if _last.view is None or not is_same_view(_last.view, view):
        _last.view, _last.since = view, now
    return now - _last.since >= REST


def _render_again(scene: bpy.types.Scene, nerf: bpy.types.Object, camera: bpy.types.Object) -> None:
    if session.running() or viewport_preview.following.on or not _is_clicking(camera):
        return
    if state_of_picture(scene, nerf, camera) is PictureState.old:
        api.render_view(nerf, camera, wait=False)


def _is_clicking(camera: bpy.types.Object) -> bool:
    """Whether the artist has the tool in hand and looks through a camera."""
    for window in bpy.context.window_manager.windows[:1]:
        with bpy.context.temp_override(window=window):
            return is_tool_active(bpy.context) and viewport_preview.is_looked_through(camera)
    return False


def _tick() -> float:
    try:
        return tick()
    except (UserError, ReferenceError):  # told by the panel; or the file is just being closed
        return EVERY


def register() -> None:
    """Look after pictures where there is a window."""
    if not bpy.app.background:
        loop.wake(_tick, Urgency.WATCH, after=1.0)


def unregister() -> None:
    """Look no more."""
    loop.leave(_tick)
