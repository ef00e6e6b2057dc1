"""A picture that no longer is what its camera sees: its rendering stops, and begins again.

Again only while the prompt tool is in hand, when what is seen must be what is clicked on. Else the
picture is marked, as rendering takes the engine's time.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import bpy

from ...core.cameras import Camera
from ...core.errors import UserError
from ..engine_link import session
from ..nerf.nerf import scene_nerf
from ..nerf.picture_state import PictureState, is_same_view
from ..nerf.views import active_camera, field_camera, state_of_picture
from ..references import Reference
from . import viewport_preview
from .camera_frame import is_tool_active

RENDERING = "Rendering the view"
"""Title of the job."""
EVERY, REST = 0.25, 0.6
"""Seconds between looks, and without a change after which a camera is taken to rest."""


@dataclass
class Asked:
    """What the last job was asked to render."""

    nerf: Reference[bpy.types.Object]
    camera: Reference[bpy.types.Object]
    view: Camera


@dataclass
class Look:
    """What was seen when the active camera was looked at last."""

    view: Camera | None = None
    since: float = 0.0


_asked: Asked | None = None
_last = Look()


def begin(
    nerf: Reference[bpy.types.Object], camera: Reference[bpy.types.Object], view: Camera
) -> None:
    """Note what a job is about to render."""
    global _asked
    _asked = Asked(nerf, camera, view)


def is_rendering() -> bool:
    """Whether a view is being rendered."""
    job = session.current.job
    return job is not None and session.running() and job.title == RENDERING


def tick() -> float:
    """Stop what is rendered of an old lens, and render an old picture again.

    Returns:
        Seconds until it should be called again.
    """
    if is_rendering() and not _is_still_wanted():
        session.cancel()
    scene = bpy.context.scene
    nerf, camera = scene_nerf(scene), active_camera(scene)
    if nerf is not None and camera is not None and _rests(scene, nerf, camera):
        _render_again(scene, nerf, camera)
    return EVERY


def _is_still_wanted() -> bool:
    """Whether the camera still sees what is being rendered."""
    nerf = _asked.nerf.find() if _asked is not None else None
    camera = _asked.camera.find() if _asked is not None else None
    if _asked is None or nerf is None or camera is None:
        return True  # the job notices
    try:
        return is_same_view(_asked.view, field_camera(bpy.context.scene, camera, nerf))
    except UserError:
        return False


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
    from .. import api  # which imports this

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
        bpy.app.timers.register(_tick, first_interval=1.0, persistent=True)


def unregister() -> None:
    """Take the timer back."""
    global _asked
    _asked = None
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
