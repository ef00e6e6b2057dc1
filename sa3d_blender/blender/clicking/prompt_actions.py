"""Objects to cut out and their prompts, as functions for scripts; `api` has them all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy

from ...core.errors import UserError
from ..nerf import views
from ..nerf.nerf import require_nerf
from ..properties import POSITIVE, SA3D_SegmentObject
from . import prompts
from .second_camera import next_candidate

CANDIDATES = 3
"""Masks that a Segment Anything model offers for one prompt."""


def add_prompt(
    nerf: bpy.types.Object | None = None,
    *,
    x: float,
    y: float,
    label: str = POSITIVE,
    object_name: str | None = None,
    camera: bpy.types.Object | None = None,
) -> bpy.types.Object:
    """Put a prompt on a pixel of the camera's picture, origin top left.

    Args:
        label: ``POSITIVE`` on the object, ``NEGATIVE`` elsewhere.
        object_name: the object that it is for, made when it is new; the active one by default.

    Returns:
        The prompt's empty, which may be moved and removed like any object.
    """
    scene = bpy.context.scene
    nerf = nerf or require_nerf(scene)
    camera = camera or views.require_camera(scene)
    with _entry(nerf, object_name) as entry:
        return prompts.add_prompt(scene, nerf, camera, entry, (x, y), label)


def add_box(
    nerf: bpy.types.Object | None = None,
    *,
    box: tuple[float, float, float, float],
    object_name: str | None = None,
    camera: bpy.types.Object | None = None,
) -> bpy.types.Object:
    """Put a box around an object in the camera's picture, in place of its earlier one there.

    Args:
        box: x0, y0, x1, y1 in pixels, origin top left.
        object_name: as for `add_prompt`.

    Returns:
        The box's empty, which may be moved, scaled and removed like any object.
    """
    scene = bpy.context.scene
    nerf = nerf or require_nerf(scene)
    camera = camera or views.require_camera(scene)
    with _entry(nerf, object_name) as entry:
        return prompts.add_box(scene, nerf, camera, entry, box)


@contextmanager
def _entry(nerf: bpy.types.Object, name: str | None) -> Iterator[SA3D_SegmentObject]:
    """The object of that name or the active one; made when missing, unless the block fails."""
    entry = nerf.sa3d.nerf.objects.get(name) if name else prompts.active_object(nerf)
    made = entry is None
    if made:
        entry = prompts.add_object(nerf, name or "Object")
    try:
        yield entry
    except UserError:
        if made:
            prompts.remove_object(nerf, entry.name)
        raise


def remove_last_prompt(nerf: bpy.types.Object | None = None) -> bool:
    """Remove the prompt that was set last in the active camera's picture, if there is one."""
    scene = bpy.context.scene
    last = prompts.last_prompt(nerf or require_nerf(scene), views.require_camera(scene))
    if last is not None:
        remove_prompt(last)
    return last is not None


def next_mask(nerf: bpy.types.Object | None = None, *, step: int = 1) -> int:
    """Take another of the masks that the segmenter offers in the active camera's picture.

    Returns:
        Which, counted from 0: the one that the segmenter thinks best of.
    """
    scene = bpy.context.scene
    return next_candidate(nerf or require_nerf(scene), scene.camera, step, CANDIDATES)


def remove_prompt(empty: bpy.types.Object) -> None:
    """Remove one prompt. Raises UserError when the object is none."""
    if empty.sa3d.kind != "PROMPT":
        raise UserError(f"{empty.name!r} is not a prompt; select one.")
    bpy.data.objects.remove(empty)


def clear_prompts(nerf: bpy.types.Object | None = None) -> int:
    """Remove all prompts of a NeRF; returns how many there were."""
    return prompts.clear_prompts(nerf or require_nerf(bpy.context.scene))


def add_object(nerf: bpy.types.Object | None = None, name: str = "Object") -> SA3D_SegmentObject:
    """Add an entry to what is cut out, and make it the one that new prompts are for."""
    return prompts.add_object(nerf or require_nerf(bpy.context.scene), name)


def remove_object(nerf: bpy.types.Object | None = None, name: str = "") -> None:
    """Remove an entry and its prompts; its mesh stays."""
    prompts.remove_object(nerf or require_nerf(bpy.context.scene), name)
