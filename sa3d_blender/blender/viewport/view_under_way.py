"""Which view is being rendered, and whether its camera still sees that."""

from __future__ import annotations

from dataclasses import dataclass

import bpy

from ...core.cameras import Camera
from ...core.errors import UserError
from ..engine_link import session
from ..nerf.picture_state import is_same_view
from ..nerf.views import field_camera
from ..references import Reference

RENDERING = "Rendering the view"
"""Title of the job."""


@dataclass
class Asked:
    """What the last job was asked to render."""

    nerf: Reference[bpy.types.Object]
    camera: Reference[bpy.types.Object]
    view: Camera


_asked: Asked | None = None


def begin(
    nerf: Reference[bpy.types.Object], camera: Reference[bpy.types.Object], view: Camera
) -> None:
    """Note what a job is about to render."""
    global _asked
    _asked = Asked(nerf, camera, view)


def forget() -> None:
    """Hold nothing of a job that ended."""
    global _asked
    _asked = None


def is_rendering() -> bool:
    """Whether a view is being rendered."""
    job = session.current.job
    return job is not None and session.running() and job.title == RENDERING


def is_still_wanted() -> bool:
    """Whether the camera still sees what is being rendered."""
    nerf = _asked.nerf.find() if _asked is not None else None
    camera = _asked.camera.find() if _asked is not None else None
    if _asked is None or nerf is None or camera is None:
        return True  # the job notices
    try:
        return is_same_view(_asked.view, field_camera(bpy.context.scene, camera, nerf))
    except UserError:
        return False
