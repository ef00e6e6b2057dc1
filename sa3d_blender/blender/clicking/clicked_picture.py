"""What is clicked on must be what is seen: a click needs a picture of what the camera sees now."""

from __future__ import annotations

import bpy

from .. import api
from ..engine_link import session
from ..nerf.nerf import require_nerf
from ..nerf.picture_state import PictureState
from ..nerf.views import require_camera, state_of_picture
from ..ui.operators import WAIT
from ..viewport import viewport_preview


def why_old(scene: bpy.types.Scene, camera: bpy.types.Object) -> str:
    """Why a click would go astray: the picture is an old one; it is then rendered again.

    Returns:
        A sentence; empty where a click is right.
    """
    nerf = require_nerf(scene)
    if viewport_preview.texture_of(camera) is not None:
        return ""
    if state_of_picture(scene, nerf, camera) is not PictureState.old:
        return ""
    if session.must_wait():
        return "The picture is of another place or lens; render it again when the job is done"
    api.render_view(nerf, camera, wait=WAIT)
    return "The picture was of another place or lens and is rendered again; click when it is there"


def render_missing(scene: bpy.types.Scene) -> str:
    """Have the active camera's picture rendered if there is none; returns what to say of that."""
    nerf, camera = require_nerf(scene), require_camera(scene)
    if camera.sa3d.view is not None or viewport_preview.following.on or session.must_wait():
        return ""
    api.render_view(nerf, camera, wait=WAIT)
    return "The picture is being rendered; the mask comes with it"
