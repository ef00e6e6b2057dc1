"""The NeRF as the camera's background while the camera moves: coarse at once, finer when it rests.

The coarse pictures are only drawn. When the camera has rested long enough for a whole picture, that
becomes the camera's background image, as *Render View* makes it. The newest camera is all that
counts: one request is under way at a time, and it makes way for clicks and jobs.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from ...core.turns import Urgency
from ..clicking.live_masks import live
from ..engine_link import session
from ..engine_link.askers import QUICK, Asker, Wish
from ..engine_link.job_steps import Steps
from ..handlers import Handlers
from ..nerf.nerf import scene_nerf
from ..nerf.views import png_of, repaint_view, show_view
from ..redraw import redraw_panels, redraw_scenes, viewports
from ..references import Reference
from . import best_picture
from .overlay_shaders import picture_pixels, picture_texture
from .progressive_view import Sight, rendered

IDLE = 0.1
"""Seconds between looks while no picture is near."""
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
        asker.wake()


def stop(message: str = "") -> None:
    """Follow no more, and let go of everything."""
    asker.stop()
    following.on, following.message = False, message
    following.picture, following.question = None, ""
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


def _wish() -> Wish | float | None:
    """The next picture of what the camera sees now."""
    if following.on and not session.engine_is_alive():
        stop("The engine ended; follow the camera again to start it.")
    if not following.on:
        return None
    scene = bpy.context.scene
    nerf, camera = scene_nerf(scene), scene.camera
    if nerf is None or camera is None or camera.type != "CAMERA" or not is_looked_through(camera):
        return IDLE
    sight = Sight.of(scene, nerf, camera)
    _notice(sight.question)
    side = _next_side(sight)
    if side is None:
        return QUICK if is_moving() else IDLE
    return Wish(Urgency.FOLLOW if is_moving() else Urgency.POINTS, _render(sight, side))


def is_looked_through(camera: bpy.types.Object) -> bool:
    """Whether a viewport shows the camera's view; without windows somebody always looks."""
    spaces = [area.spaces.active for area in viewports()]
    return bpy.app.background or any(
        space.region_3d.view_perspective == "CAMERA" and space.camera == camera for space in spaces
    )


def _notice(question: str) -> None:
    """Remember a change; what is being made of the old state is useless unless nearly done."""
    if question == following.question:
        return
    following.question, following.changed_at = question, time.monotonic()
    live.not_before = following.changed_at + REST
    if asker.steps is not None and following.asked_side > following.side:
        asker.make_way()


def _next_side(sight: Sight) -> int | None:
    """Longer side of the next picture; None where none is to be made now."""
    shown = following.picture
    if shown is None or shown.question != following.question:
        return min(sight.side, round(following.side))
    if is_moving() or shown.side >= sight.side:
        return None
    return min(sight.side, FINER * shown.side)


def _render(sight: Sight, side: int) -> Steps[None]:
    began, question = time.monotonic(), sight.question
    following.asked_side = side
    picture, _ = yield from rendered(sight, side, _ask, "camera")
    whole = side == sight.side and question == following.question
    pixels, png = yield from session.in_thread(
        lambda: (picture_pixels(picture), png_of(picture) if whole else b"")
    )
    shown = FollowingPicture(question, sight.camera, side, pixels)
    if whole and question == following.question:
        if _keep(sight, png):
            shown.pixels = None
    if side <= SIDES[1]:
        _learn(time.monotonic() - began)
    following.picture = shown
    redraw_scenes()


def _ask(params: dict[str, Any]) -> Steps[dict[str, Any]]:
    return asker.ask("render", params, Urgency.FOLLOW)


def _keep(sight: Sight, png: bytes) -> bool:
    """Make the whole picture the camera's background; returns whether it is.

    Its first one is an undo step, the later ones are other content of that image. After an undo
    there is no new first one, only what is drawn: a new step would take every redo away, and no
    undo would ever get past it.
    """
    nerf, camera, view = sight.nerf.get(), sight.camera.get(), sight.view
    if repaint_view(nerf, camera, png, view):
        camera.sa3d.view.pop(best_picture.MARK, None)  # it no longer is what *Render View* made
        return True
    if following.undone:
        return False
    show_view(nerf, camera, png, (view.width, view.height), view)
    bpy.ops.ed.undo_push(message="Follow Camera")
    return True


def _learn(seconds: float) -> None:
    """Choose the size of the next picture by how long this one took."""
    change = min(max((LONGEST / max(seconds, 1e-3)) ** 0.5, 0.7), 1.3)
    following.side = min(max(following.side * change, SIDES[0]), SIDES[1])


asker = Asker(Urgency.FOLLOW, _wish, lambda error: stop(str(error)))


def _on_undo(*_: Any) -> None:
    """The camera's background image may be an older one now."""
    following.picture, following.undone = None, True


def _on_load(*_: Any) -> None:
    stop()


_handlers = Handlers(undo_post=_on_undo, redo_post=_on_undo, load_post=_on_load)
register = _handlers.register


def unregister() -> None:
    """Stop, and take the handlers back."""
    stop()
    asker.unregister()
    _handlers.unregister()
