"""Whether a camera's picture of the NeRF is what the camera sees now: else a click goes astray.

A picture is of a place in the field frame and of a lens. Both are kept with it; and each prompt
keeps the place from which it was set, so that it goes on meaning what was clicked on, whatever is
moved afterwards: the camera alone, or the NeRF without it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from enum import Enum

import bpy
import numpy as np

from ...core.cameras import Camera
from ...core.errors import UserError

TAKEN = "sa3d_taken"
"""Custom property of a picture: with which camera it was taken, in the engine's numbers. An undo
may bring the camera back and not the image; so what the image shows is the image's to tell."""
STILL = 2e-4
"""What single floats may lose: parts of the distance, of a turn, of the picture's side."""


class PictureState(Enum):
    """What there is to say of a camera's picture; the value is its sentence."""

    missing = "There is no picture of the NeRF yet"
    good = ""
    rough = "The picture stayed rough, as it was stopped; render it again"
    old = "The picture is of another place or lens; render it again"


def remember_view(nerf: bpy.types.Object, camera: bpy.types.Object, view: Camera) -> None:
    """Note what a camera's picture was rendered with; its prompts now are about that picture.

    Args:
        view: the camera in the NeRF's frame.
    """
    camera.sa3d.view[TAKEN] = json.dumps(view.to_json())
    own = [thing for thing in camera.children if thing.sa3d.prompt.nerf == nerf]
    remember_place(own, view)


def remember_place(empties: Iterable[bpy.types.Object], view: Camera) -> None:
    """Note on prompts where in the NeRF's frame their picture was taken."""
    for empty in empties:
        empty.sa3d.prompt.place = view.field_from_camera.ravel().tolist()


def remembered_place(empties: Iterable[bpy.types.Object]) -> np.ndarray | None:
    """``field_from_camera`` [4 4] of the picture that prompts were set in; None where unknown."""
    for empty in empties:
        place = np.array(empty.sa3d.prompt.place, dtype=np.float64).reshape(4, 4)
        if place.any():
            return place
    return None


def is_same_place(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two matrices [4 4] put a camera in the same place, as far as single floats tell."""
    turned = np.abs(first[:3, :3] - second[:3, :3]).max()
    far = max(1.0, np.abs(first[:3, 3]).max())
    return bool(max(turned, np.abs(first[:3, 3] - second[:3, 3]).max() / far) <= STILL)


def as_clicked(view: Camera, empties: Iterable[bpy.types.Object]) -> Camera:
    """The camera as it stood in the NeRF's frame when its prompts were set; itself if unmoved."""
    place = remembered_place(empties)
    if place is None or is_same_place(place, view.field_from_camera):
        return view
    return replace(view, field_from_camera=place)


def check_place(view: Camera, camera: bpy.types.Object, empties: list[bpy.types.Object]) -> None:
    """Raise UserError when a camera no longer stands where its prompts were set."""
    if as_clicked(view, empties) is not view:
        raise UserError(
            f"{camera.name!r} was moved beside the NeRF; render its view again, or move it back.",
            code="view_moved",
        )


def picture_state(camera: bpy.types.Object, view: Camera, *, rendering: bool) -> PictureState:
    """The state of a camera's picture. Cheap: it is drawn.

    Args:
        view: the camera in the NeRF's frame, as it is now.
        rendering: whether a better picture is on its way.
    """
    image = camera.sa3d.view
    if image is None:
        return PictureState.missing
    told = image.get(TAKEN)
    if told and not is_same_view(Camera.from_json(json.loads(told)), view):
        return PictureState.old
    small = 0 < image.size[0] < 0.9 * view.width
    return PictureState.rough if small and not rendering else PictureState.good


def is_same_view(first: Camera, second: Camera) -> bool:
    """Whether two cameras see the same, on whatever pixels."""
    there = is_same_place(first.field_from_camera, second.field_from_camera)
    return there and _is_same_lens(first, second)


def _is_same_lens(first: Camera, second: Camera) -> bool:
    """Whether both see the same extent, on whatever pixels."""
    one, other = (
        np.array([view.fl_x, view.cx, 0, 0]) / view.width
        + np.array([0, 0, view.fl_y, view.cy]) / view.height
        for view in (first, second)
    )
    return bool(np.allclose(one, other, rtol=STILL, atol=STILL))
