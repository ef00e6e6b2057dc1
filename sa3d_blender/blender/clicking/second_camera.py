"""Prompts in the pictures of several cameras: the first starts an object, the others refine it."""

from __future__ import annotations

import json

import bpy

from ...core.cameras import Camera
from ...core.errors import UserError
from ...core.prompted_view import PromptedView
from ...core.prompts import Prompt
from ..nerf.picture_state import as_clicked
from ..nerf.views import field_camera
from ..properties import SA3D_SegmentObject
from .prompts import active_object, candidate_owner, points_at_object, prompt_empties, read_prompts


def prompted_cameras(nerf: bpy.types.Object) -> list[bpy.types.Object]:
    """The cameras with prompts, in the order in which objects were first pointed at."""
    first: dict[bpy.types.Object, tuple[bool, int]] = {}
    for empty in prompt_empties(nerf):
        prompt = empty.sa3d.prompt
        if prompt.camera is not None:
            order = (not points_at_object([empty]), prompt.number)
            first[prompt.camera] = min(order, first.get(prompt.camera, order))
    return sorted(first, key=lambda camera: first[camera])


def prompted_views(
    scene: bpy.types.Scene,
    nerf: bpy.types.Object,
    *,
    start: bpy.types.Object | None = None,
    only: str | None = None,
) -> list[PromptedView]:
    """What a run is asked: each camera in the NeRF's frame with the prompts in its picture.

    A camera that was moved since stands where its prompts were set.

    Args:
        start: the camera that goes first; the one that was pointed in first when not given.
        only: the name of one object; all that have prompts when not given.

    Raises:
        UserError: there is no usable prompt, or one lies outside its picture.
    """
    cameras = prompted_cameras(nerf)
    if start is not None:
        cameras = [start, *(camera for camera in cameras if camera != start)]
    found = []
    for camera in cameras:
        prompts = read_prompts(scene, nerf, camera)
        kept = tuple(prompt for prompt in prompts if only in (None, prompt.name))
        found += _by_place(field_camera(scene, camera, nerf), camera, nerf, kept)
    if not found:
        what = f"for {only!r} " if only else ""
        raise UserError(f"There is no prompt {what}yet; click on the object.", code="no_prompt")
    return found


def _by_place(
    view: Camera,
    camera: bpy.types.Object,
    nerf: bpy.types.Object,
    prompts: tuple[Prompt, ...],
) -> list[PromptedView]:
    """One view for each place from which a camera's prompts were set, which may have been moved."""
    places: dict[str, tuple[Camera, list[Prompt]]] = {}
    for prompt in prompts:
        empties = prompt_empties(nerf, key=nerf.sa3d.nerf.objects[prompt.name].key)
        seen = as_clicked(view, [e for e in empties if e.sa3d.prompt.camera == camera])
        places.setdefault(json.dumps(seen.to_json()), (seen, []))[1].append(prompt)
    return [PromptedView(seen, tuple(kept)) for seen, kept in places.values()]


def candidate(entry: SA3D_SegmentObject, camera: bpy.types.Object | None, count: int) -> int:
    """Which of ``count`` masks is meant for an object in a camera's picture; 0 is best."""
    owner = candidate_owner(prompt_empties(entry.id_data, key=entry.key), camera)
    return min(owner.sa3d.prompt.candidate, count - 1) if owner is not None else 0


def next_candidate(
    nerf: bpy.types.Object, camera: bpy.types.Object | None, step: int, count: int
) -> int:
    """Mean another of ``count`` masks for the active object in a camera's picture.

    Raises:
        UserError: there is no object, or nothing points at it in that picture.
    """
    entry = active_object(nerf)
    empties = prompt_empties(nerf, key=entry.key) if entry is not None else []
    owner = candidate_owner(empties, camera)
    if owner is None:
        raise UserError(
            "There is no prompt for this object in this camera's picture; click on it first.",
            code="no_prompt",
        )
    prompt = owner.sa3d.prompt
    prompt.candidate = (prompt.candidate + step) % count
    return int(prompt.candidate)
