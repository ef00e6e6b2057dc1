"""The NeRF as the camera's background while the camera moves: coarse at once, finer when it rests.

The coarse pictures are only drawn. When the camera has rested long enough for a whole picture, that
becomes the camera's background image, as *Render View* makes it. The newest camera is all that
counts: one request is under way at a time, and it makes way for clicks and jobs.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy.app.handlers import persistent

from ...core.cameras import Camera
from ...core.errors import Cancelled, UserError
from ...core.turns import Urgency
from ..clicking.live_masks import live
from ..engine_link import background_requests, loop, session
from ..engine_link.job_steps import Steps
from ..nerf.nerf import field_params, scene_nerf
from ..nerf.views import field_camera, load_picture, png_of, repaint_view, show_view
from ..redraw import redraw_panels, redraw_scenes
from ..references import Reference, refer
from . import best_picture
from .overlay_shaders import picture_pixels, picture_texture

QUICK, IDLE = 0.02, 0.1
"""Seconds between looks while a picture is near, and otherwise."""
REST = 0.3
"""Seconds without a change after which the camera rests."""
LONGEST = 0.15
"""Seconds that a picture of a moving camera should take, all in all."""
SIDES = (48, 320)
"""Longer side of such a picture in pixels, at least and at most."""
FINER = 2
"""Each refinement's side over the one before."""


@dataclass
class FollowingPicture:
    """What the NeRF looks like from a camera."""

    question: str
    """What was asked, to tell whether it still holds."""
    camera: Reference[bpy.types.Object]
    side: int
    pixels: np.ndarray | None = None
    """As `picture_pixels`; None once it is the camera's background."""
    texture: Any = None
    """What the graphics card has of it."""


@dataclass
class Following:
    """What is shown, and what is under way. Nothing of it is saved."""

    on: bool = False
    message: str = ""
    """Why it was turned off, as a sentence."""
    picture: FollowingPicture | None = None
    question: str = ""
    changed_at: float = -1e9
    side: float = 128.0
    """Longer side of a moving camera's picture."""
    steps: Steps[None] | None = None
    asked_side: int = 0
    """Longer side of the picture that is under way."""
    undone: bool = False
    """Whether something was undone since it was turned on."""


following = Following()


def follow(on: bool = True) -> None:
    """Follow the active camera from now on, or no more; starts the engine.

    Raises:
        UserError: the engine cannot be started.
    """
    if not on:
        stop()
        return
    session.start_engine()
    following.on, following.message, following.undone = True, "", False
    if not bpy.app.background:
        loop.wake(_look_safely, Urgency.FOLLOW)


def stop(message: str = "") -> None:
    """Follow no more, and let go of everything."""
    if following.steps is not None:
        following.steps.close()
        background_requests.make_way()
    following.on, following.message = False, message
    following.picture, following.steps, following.question = None, None, ""
    live.not_before = 0.0
    redraw_panels()
    redraw_scenes()


def is_moving() -> bool:
    """Whether the camera is followed and moved just now."""
    return following.on and time.monotonic() - following.changed_at < REST


def texture_of(camera: bpy.types.Object) -> Any | None:
    """What is to be drawn in place of a camera's background image; None leaves it to that.

    Only called from a draw handler.
    """
    picture = following.picture
    if not following.on or picture is None or picture.pixels is None:
        return None
    if picture.camera.find() != camera:
        return None
    if picture.question != following.question and session.running():
        return None  # no newer one will come for long
    if picture.texture is None:
        picture.texture = picture_texture(picture.pixels)
    return picture.texture


def tick() -> float | None:
    """Look at the camera, take a picture that came, and ask for the next.

    Returns:
        Seconds until it should be called again; None when nothing is followed any more.
    """
    if not following.on:
        return None
    if not background_requests.engine_is_alive():
        stop("The engine ended; follow the camera again to start it.")
        return None
    try:
        return _look()
    except UserError as error:
        stop(str(error))
        return None


def _look() -> float:
    scene = bpy.context.scene
    nerf, camera = scene_nerf(scene), scene.camera
    if nerf is None or camera is None or camera.type != "CAMERA" or not is_looked_through(camera):
        return IDLE
    view = field_camera(scene, camera, nerf)
    params = field_params(nerf)
    _notice(json.dumps([params, view.to_json()]))
    if following.steps is None:
        following.steps = _next_steps(refer(nerf), refer(camera), view, params)
    if following.steps is None:
        return QUICK if is_moving() else IDLE
    try:
        next(following.steps)
    except (StopIteration, Cancelled):
        following.steps = None
    return QUICK


def is_looked_through(camera: bpy.types.Object) -> bool:
    """Whether a viewport shows the camera's view; without windows somebody always looks."""
    if bpy.app.background:
        return True
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            space = area.spaces.active
            if area.type == "VIEW_3D" and space.region_3d.view_perspective == "CAMERA":
                if space.camera == camera:
                    return True
    return False


def _notice(question: str) -> None:
    """Remember a change; what is being made of the old state is useless unless nearly done."""
    if question == following.question:
        return
    following.question, following.changed_at = question, time.monotonic()
    live.not_before = following.changed_at + REST
    if following.steps is not None and following.asked_side > following.side:
        background_requests.make_way()


def _next_steps(
    nerf: Reference[bpy.types.Object],
    camera: Reference[bpy.types.Object],
    view: Camera,
    params: dict[str, Any],
) -> Steps[None] | None:
    full = max(view.width, view.height)
    shown = following.picture
    if shown is None or shown.question != following.question:
        side = min(full, round(following.side))
    elif is_moving() or shown.side >= full:
        return None
    else:
        side = min(full, FINER * shown.side)
    if not background_requests.engine_is_free(Urgency.FOLLOW if is_moving() else Urgency.POINTS):
        return None
    return _render(nerf, camera, view, params | {"side": side})


def _render(
    nerf: Reference[bpy.types.Object],
    camera: Reference[bpy.types.Object],
    view: Camera,
    params: dict[str, Any],
) -> Steps[None]:
    began, question = time.monotonic(), following.question
    side = following.asked_side = int(params.pop("side"))
    full = max(view.width, view.height)
    scale = side / full
    small = view.resized(max(1, round(view.width * scale)), max(1, round(view.height * scale)))
    asked = params | {
        "camera": small.to_json(),
        "out": str(Path(bpy.app.tempdir) / "sa3d" / "camera"),
    }
    result = yield from background_requests.ask("render", asked, Urgency.FOLLOW)
    path = Path(result["image"])
    whole = side == full and question == following.question
    pixels, png = yield from session.in_thread(lambda: _read(path, png=whole))
    picture = FollowingPicture(question, camera, side, pixels)
    if whole and question == following.question:
        if _keep(nerf.get(), camera.get(), png, view):
            picture.pixels = None
    if side <= SIDES[1]:
        _learn(time.monotonic() - began)
    following.picture = picture
    redraw_scenes()


def _keep(nerf: bpy.types.Object, camera: bpy.types.Object, png: bytes, view: Camera) -> bool:
    """Make the whole picture the camera's background; returns whether it is.

    Its first one is an undo step, the later ones are other content of that image. After an undo
    there is no new first one, only what is drawn: a new step would take every redo away, and no
    undo would ever get past it.
    """
    if repaint_view(nerf, camera, png, view):
        camera.sa3d.view.pop(best_picture.MARK, None)  # it no longer is what *Render View* made
        return True
    if following.undone:
        return False
    show_view(nerf, camera, png, (view.width, view.height), view)
    bpy.ops.ed.undo_push(message="Follow Camera")
    return True


def _read(path: Path, *, png: bool) -> tuple[np.ndarray, bytes]:
    """A picture for the graphics card, and as a file where that is wanted."""
    picture = load_picture(path)
    return picture_pixels(picture), png_of(picture) if png else b""


def _learn(seconds: float) -> None:
    """Choose the size of the next picture by how long this one took."""
    change = min(max((LONGEST / max(seconds, 1e-3)) ** 0.5, 0.7), 1.3)
    following.side = min(max(following.side * change, SIDES[0]), SIDES[1])


def _look_safely() -> float | None:
    try:
        return tick()
    except ReferenceError:  # the file is just being closed
        stop()
    return None


@persistent
def _on_undo(*_: Any) -> None:
    """The camera's background image may be an older one now."""
    following.picture, following.undone = None, True


@persistent
def _on_load(*_: Any) -> None:
    stop()


def register() -> None:
    """Notice undo and other files."""
    bpy.app.handlers.undo_post.append(_on_undo)
    bpy.app.handlers.redo_post.append(_on_undo)
    bpy.app.handlers.load_post.append(_on_load)


def unregister() -> None:
    """Stop, and take the handlers back."""
    stop()
    handlers = bpy.app.handlers
    for several in (handlers.undo_post, handlers.redo_post):
        if _on_undo in several:
            several.remove(_on_undo)
    if _on_load in handlers.load_post:
        handlers.load_post.remove(_on_load)
    loop.leave(_look_safely)
