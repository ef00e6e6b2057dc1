"""Prompts: empties on the camera's image, saved in the .blend, read back as pixels."""

from __future__ import annotations

from contextlib import suppress

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ...core.cameras import Camera
from ...core.errors import UserError
from ...core.prompts import NOT_OBJECT, OBJECT, Prompt, prompts_from_json
from ..nerf.nerf import box_center, group
from ..nerf.picture_state import remember_place
from ..nerf.views import field_camera, world_camera
from ..properties import BOX, NEGATIVE, POSITIVE, SA3D_SegmentObject, new_key
from .names import name_prompt
from .prompt_pixels import inside, read_box, read_pixels

DISPLAY_SIZE = 0.012
"""Radius of a prompt's empty as a share of the picture's longer side."""
COLORS = {
    POSITIVE: (0.1, 0.9, 0.2, 1.0),
    NEGATIVE: (1.0, 0.15, 0.1, 1.0),
    BOX: (1.0, 0.8, 0.1, 1.0),
}
SHAPES = {POSITIVE: "SPHERE", NEGATIVE: "PLAIN_AXES", BOX: "CUBE"}
PALETTE = (
    (0.1, 0.75, 1.0),
    (1.0, 0.55, 0.05),
    (0.75, 0.4, 1.0),
    (0.2, 0.85, 0.35),
    (1.0, 0.35, 0.6),
    (1.0, 0.9, 0.2),
)
"""Colours of objects, in the order in which they are added."""
SMALLEST_BOX = 2.0
"""Pixels; a box with a shorter side is taken for a slip of the hand."""
FLAT = 1e-3
"""Thickness of a box's empty beside its sides; zero could not be inverted."""


def add_object(nerf: bpy.types.Object, name: str = "Object") -> SA3D_SegmentObject:
    """Add an entry to what is cut out of the NeRF, under a name of its own, and make it active."""
    facts = nerf.sa3d.nerf
    taken = {entry.name for entry in facts.objects}
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name} {number}"
    entry = facts.objects.add()
    entry.name, entry.key = free, new_key()
    entry.color = PALETTE[(len(facts.objects) - 1) % len(PALETTE)]
    facts.active_object = len(facts.objects) - 1
    return entry


def remove_object(nerf: bpy.types.Object, name: str) -> None:
    """Remove an entry with its prompts; its mesh stays. Raises UserError when there is none."""
    facts = nerf.sa3d.nerf
    index = facts.objects.find(name)
    if index < 0:
        raise UserError(f"There is no object {name!r} in {nerf.name!r}.")
    clear_prompts(nerf, key=facts.objects[index].key)
    facts.objects.remove(index)
    facts.active_object = max(0, min(facts.active_object, len(facts.objects) - 1))


def active_object(nerf: bpy.types.Object) -> SA3D_SegmentObject | None:
    """The entry that new prompts are for."""
    facts = nerf.sa3d.nerf
    inside = 0 <= facts.active_object < len(facts.objects)
    return facts.objects[facts.active_object] if inside else None


def add_prompt(
    scene: bpy.types.Scene,
    nerf: bpy.types.Object,
    camera: bpy.types.Object,
    entry: SA3D_SegmentObject,
    pixel: tuple[float, float],
    label: str,
) -> bpy.types.Object:
    """Put an empty on the camera's image.

    It lies in front of the camera and is its child, so it stays on its pixel.

    Args:
        pixel: (x, y) with the origin at the top left corner of the picture.
        label: ``POSITIVE`` or ``NEGATIVE``.

    Raises:
        UserError: the pixel lies outside the picture.
    """
    view = world_camera(scene, camera)
    if not (0 <= pixel[0] <= view.width and 0 <= pixel[1] <= view.height):
        raise UserError(
            f"The point ({pixel[0]:g}, {pixel[1]:g}) lies outside the {view.width}x{view.height} "
            "picture; click inside the camera's frame.",
            code="prompt_outside",
        )
    empty = _new_empty(nerf, camera, entry, label)
    depth = _put(empty, nerf, camera, view, pixel)
    size = DISPLAY_SIZE * depth * max(view.width, view.height) / view.fl_x
    empty.empty_display_size = size / max(camera.matrix_world.median_scale, 1e-9)
    _remember(scene, nerf, camera, entry)
    return empty


def _remember(
    scene: bpy.types.Scene,
    nerf: bpy.types.Object,
    camera: bpy.types.Object,
    entry: SA3D_SegmentObject,
) -> None:
    """Note on an entry's prompts in a camera's picture where that stands in the NeRF's frame."""
    own = [e for e in prompt_empties(nerf, key=entry.key) if e.sa3d.prompt.camera == camera]
    with suppress(UserError):  # a distorted NeRF is told of where it is used
        remember_place(own, field_camera(scene, camera, nerf))


def add_box(
    scene: bpy.types.Scene,
    nerf: bpy.types.Object,
    camera: bpy.types.Object,
    entry: SA3D_SegmentObject,
    box: tuple[float, float, float, float],
) -> bpy.types.Object:
    """Put a box on the camera's image; it replaces the entry's earlier one there.

    It is a flat empty that may be moved and scaled like any object.

    Args:
        box: x0, y0, x1, y1 in pixels, origin top left; cut off at the picture's edges.

    Raises:
        UserError: (almost) nothing of the box lies in the picture.
    """
    view = world_camera(scene, camera)
    x0, y0, x1, y1 = inside(box, view)
    if min(x1 - x0, y1 - y0) < SMALLEST_BOX:
        raise UserError(
            "The box is too small or outside the picture; drag it around the object.",
            code="prompt_outside",
        )
    for old in prompt_empties(nerf, key=entry.key):
        if old.sa3d.prompt.label == BOX and old.sa3d.prompt.camera == camera:
            bpy.data.objects.remove(old)
    empty = _new_empty(nerf, camera, entry, BOX)
    depth = _put(empty, nerf, camera, view, ((x0 + x1) / 2, (y0 + y1) / 2))
    half = (0.5 * (x1 - x0) * depth / view.fl_x, 0.5 * (y1 - y0) * depth / view.fl_y)
    size = Vector((*half, FLAT * min(half)))
    scale = camera.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world.to_scale()
    empty.scale = [a / b for a, b in zip(size, scale, strict=True)]
    empty.empty_display_size = 1.0
    empty.lock_rotation = (True, True, True)
    _remember(scene, nerf, camera, entry)
    return empty


def _put(
    empty: bpy.types.Object,
    nerf: bpy.types.Object,
    camera: bpy.types.Object,
    view: Camera,
    pixel: tuple[float, float],
) -> float:
    """Make it the camera's child, in front of it, on a pixel; returns its depth."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    world_from_camera = camera.evaluated_get(depsgraph).matrix_world
    depth = _depth(nerf, view, camera)
    empty.parent = camera
    empty.matrix_parent_inverse = Matrix.Identity(4)
    empty.location = world_from_camera.inverted() @ Vector(_on_ray(view, pixel, depth))
    empty.lock_location = (False, False, True)
    return depth


def _new_empty(
    nerf: bpy.types.Object, camera: bpy.types.Object, entry: SA3D_SegmentObject, label: str
) -> bpy.types.Object:
    empty = bpy.data.objects.new(entry.name, None)
    empty.empty_display_type = SHAPES[label]
    empty.show_in_front = True
    empty.color = COLORS[label]
    empty.sa3d.kind = "PROMPT"
    prompt = empty.sa3d.prompt
    prompt.label, prompt.object_key = label, entry.key
    prompt.number = 1 + max((e.sa3d.prompt.number for e in prompt_empties(nerf)), default=0)
    prompt.nerf, prompt.camera = nerf, camera
    name_prompt(empty, entry)
    group(nerf, "prompts").objects.link(empty)
    return empty


def _depth(nerf: bpy.types.Object, view: Camera, camera: bpy.types.Object) -> float:
    """Half way to the NeRF, so that its results do not hide the prompts."""
    center = np.array(nerf.matrix_world @ Vector(box_center(nerf)))
    away = float((center - view.origin) @ view.forward)
    return max(0.5 * away, 4 * camera.data.clip_start)


def _on_ray(view: Camera, pixel: tuple[float, float], depth: float) -> np.ndarray:
    x = (pixel[0] - view.cx) / view.fl_x * depth
    y = -(pixel[1] - view.cy) / view.fl_y * depth
    matrix = view.field_from_camera
    return matrix[:3, :3] @ np.array([x, y, -depth]) + matrix[:3, 3]


def prompt_empties(nerf: bpy.types.Object, *, key: str | None = None) -> list[bpy.types.Object]:
    """The NeRF's prompts that still are in a scene with their camera, of one entry or of all."""
    collection = nerf.sa3d.nerf.prompts
    if collection is None:
        return []
    found = [
        thing
        for thing in collection.objects
        if thing.sa3d.kind == "PROMPT"
        and thing.sa3d.prompt.nerf == nerf
        and key in (None, thing.sa3d.prompt.object_key)
    ]
    cameras = {thing.sa3d.prompt.camera for thing in found} - {None}
    there = {camera for camera in cameras if camera.users_collection}
    return [thing for thing in found if thing.sa3d.prompt.camera in there]


def last_prompt(nerf: bpy.types.Object, camera: bpy.types.Object) -> bpy.types.Object | None:
    """The prompt that was set last in a camera's picture."""
    here = [empty for empty in prompt_empties(nerf) if empty.sa3d.prompt.camera == camera]
    return max(here, key=lambda empty: empty.sa3d.prompt.number, default=None)


def clear_prompts(nerf: bpy.types.Object, *, key: str | None = None) -> int:
    """Remove prompts of one entry or of all; returns how many."""
    empties = prompt_empties(nerf, key=key)
    for empty in empties:
        bpy.data.objects.remove(empty)
    return len(empties)


def read_prompts(
    scene: bpy.types.Scene, nerf: bpy.types.Object, camera: bpy.types.Object
) -> list[Prompt]:
    """What the empties say in this camera's picture, wherever they were moved.

    Entries without a prompt in this camera are left out. Where another camera's picture points at
    an object, points that are not on it are enough here.

    Raises:
        UserError: there is no usable prompt, or one lies outside the picture.
    """
    empties = prompt_empties(nerf)
    here = [empty for empty in empties if empty.sa3d.prompt.camera == camera]
    if not here:
        other = next((e.sa3d.prompt.camera for e in empties if e.sa3d.prompt.camera), None)
        cure = f"make {other.name!r} the active camera" if other else "click on the object"
        raise UserError(
            f"There is no prompt in the picture of {camera.name!r}; {cure}.", code="no_prompt"
        )
    view = world_camera(scene, camera)
    found = []
    for entry in nerf.sa3d.nerf.objects:
        own = [empty for empty in empties if empty.sa3d.prompt.object_key == entry.key]
        mine = [empty for empty in own if empty.sa3d.prompt.camera == camera]
        if mine:
            elsewhere = [e for e in own if e.sa3d.prompt.camera not in (None, camera)]
            found.append(entry_prompt(view, entry, mine, refines=points_at_object(elsewhere)))
    return prompts_from_json({"objects": [prompt.to_json() for prompt in found]})


def points_at_object(empties: list[bpy.types.Object]) -> bool:
    """Whether one of an object's prompts says where it is, not only where it is not."""
    return any(empty.sa3d.prompt.label != NEGATIVE for empty in empties)


def candidate_owner(
    empties: list[bpy.types.Object], camera: bpy.types.Object | None
) -> bpy.types.Object | None:
    """The prompt that says which mask is meant in a camera's picture: the last one there.

    So another prompt, with other masks, means the best one again.
    """
    here = [empty for empty in empties if empty.sa3d.prompt.camera == camera]
    return max(here, key=lambda empty: empty.sa3d.prompt.number, default=None)


def entry_prompt(
    view: Camera,
    entry: SA3D_SegmentObject,
    empties: list[bpy.types.Object],
    *,
    refines: bool = False,
) -> Prompt:
    """What an entry's empties say in the picture of a camera in world space.

    Args:
        empties: those of the entry in that camera's picture.
        refines: another picture says where the object is.

    Raises:
        UserError: a prompt lies outside the picture, or none says where the object is.
    """
    points = [empty for empty in empties if empty.sa3d.prompt.label != BOX]
    boxes = [empty for empty in empties if empty.sa3d.prompt.label == BOX]
    labels = [empty.sa3d.prompt.label for empty in points]
    last = max(empties, key=lambda empty: empty.sa3d.prompt.number)
    prompt = Prompt(
        entry.name,
        tuple(read_pixels(view, points)),
        tuple(OBJECT if label == POSITIVE else NOT_OBJECT for label in labels),
        read_box(view, boxes[-1]) if boxes else None,
        last.sa3d.prompt.candidate,
        refines,
    )
    prompt.check_inside(view.width, view.height)
    return prompt
