"""Where the next pictures are taken from: a path of small steps around what the artist clicked.

Only the artist's camera is known for certain to see something sensible, so the path starts there,
keeps its distance, and takes steps that are not too long (paper sec. 2.5: limited parallax). When
training cameras are given, views are chosen among them instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ...core.cameras import Camera

FRAME_MARGIN, LEAST_MARGIN = 2.5, 1.25
"""Half the picture's side over an object's radius: the segmenter wants context around it; and over
the radius of several objects together, which are context to each other."""
RING_STEP_UP = math.radians(30)
HIGHEST_ELEVATION = math.radians(75)
LEAST_UPRIGHT = 0.25
"""Part of a camera's up that must be Z for Z to be taken as up (75 degrees down at most)."""
FORWARD_FACING_PARALLAX = 0.22
"""Sideways offset of a forward-facing path's rim over the distance to the target, at most."""
DEEPEST = 3.0
"""Depth of an object to each side of where it was clicked, over half its width, at most; what a
mask covers beyond that stands behind the object or before it."""
LONGEST_STEP = math.radians(46)
"""Between the directions in which a view and the nearest before it see the target."""
MIN_TRAINING_CAMERAS = 12
"""Fewer given cameras than this are too far apart for self-prompting to step between them."""


@dataclass(frozen=True)
class Target:
    """A sphere around what is to be segmented, field frame."""

    center: np.ndarray
    radius: float
    margin: float = FRAME_MARGIN
    """Half the side of pictures that frame it, over its radius."""


@dataclass(frozen=True)
class Stand:
    """A sphere, field frame, in which the photographs of a forward-facing field were taken.

    Only from there the field was seen; from farther off it shows its rims and what was made up.
    """

    center: Float[np.ndarray, " 3"]
    radius: float


def target_of_points(
    points: Float[np.ndarray, "n 3"],
    camera: Camera,
    clicked: Float[np.ndarray, "m 3"] | None = None,
) -> Target:
    """A sphere around an object of which one side's surface points are known.

    Args:
        points: field frame; stray ones are ignored, such as a background that a mask spilled on.
        camera: that saw them; the hidden half is assumed as deep as the object is wide.
        clicked: surface points that are certainly the object; else most of ``points`` must be.
    """
    points = _near_the_object(points, camera, clicked)
    middle = np.median(points, axis=0)
    toward = camera.forward
    offset = points - middle
    along = offset @ toward
    across = np.linalg.norm(offset - along[:, None] * toward, axis=1)
    radius = float(np.quantile(across, 0.98))
    front = float(np.quantile(along, 0.05))
    back = float(np.quantile(along, 0.95))
    depth = max(back - front, 1.2 * radius)
    return Target(middle + toward * (front + depth / 2), max(radius, 1e-4))


def _near_the_object(
    points: Float[np.ndarray, "n 3"], camera: Camera, clicked: Float[np.ndarray, "m 3"] | None
) -> Float[np.ndarray, "k 3"]:
    """The points that are not much farther or nearer than the object, for the width it seems."""
    depth = np.maximum((points - camera.origin) @ camera.forward, 1e-9)
    sure = depth if clicked is None else (clicked - camera.origin) @ camera.forward
    where = float(np.median(sure))
    slope = (points - camera.origin) / depth[:, None]
    seems = np.linalg.norm(slope - np.median(slope, axis=0), axis=1)
    near = np.abs(depth - where) <= DEEPEST * where * float(np.quantile(seems, 0.98))
    return points[near] if np.count_nonzero(near) >= 3 else points


def enclosing(targets: list[Target]) -> Target:
    """A sphere around all targets."""
    lower = np.min([t.center - t.radius for t in targets], axis=0)
    upper = np.max([t.center + t.radius for t in targets], axis=0)
    center = (lower + upper) / 2
    radius = max(float(np.linalg.norm(t.center - center)) + t.radius for t in targets)
    widest = max(t.margin * t.radius for t in targets)
    return Target(center, radius, max(LEAST_MARGIN, widest / radius))


def framing_camera(position: np.ndarray, target: Target, up: np.ndarray, size: int) -> Camera:
    """A square camera at ``position`` that looks at the target and frames it."""
    back = position - target.center
    distance = float(np.linalg.norm(back))
    back = back / distance
    right = np.cross(up, back)
    if np.linalg.norm(right) < 1e-6:  # looking along the up axis
        right = np.cross(np.roll(up, 1), back)
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2] = right, np.cross(back, right), back
    matrix[:3, 3] = position
    half_angle = math.asin(min(0.7, target.radius / distance))
    focal = size / 2 / (target.margin * math.tan(half_angle))
    return Camera(size, size, focal, focal, size / 2, size / 2, matrix)


def crop_to_target(camera: Camera, target: Target, size: int) -> Camera:
    """The part of a camera's own view that frames the target, at most the whole view."""
    middle = camera.project(target.center[None])[0]
    distance = max(1e-6, float((target.center - camera.origin) @ camera.forward))
    half = target.margin * target.radius / distance * max(camera.fl_x, camera.fl_y)
    if not np.isfinite(middle).all() or 2 * half >= 0.9 * min(camera.width, camera.height):
        scale = size / max(camera.width, camera.height)
        return camera.resized(round(camera.width * scale), round(camera.height * scale))
    x = float(np.clip(middle[0], half, camera.width - half))
    y = float(np.clip(middle[1], half, camera.height - half))
    return camera.cropped(x - half, y - half, x + half, y + half, size, size)


def up_axis(camera: Camera) -> np.ndarray:
    """The scene's up direction, guessed from a camera that stands upright.

    Z, as in Blender and most data sets, unless the camera's own up says otherwise (or it looks
    straight down); then the field axis closest to the camera's up.
    """
    own = camera.field_from_camera[:3, 1]
    if own[2] >= LEAST_UPRIGHT:
        return np.array([0.0, 0.0, 1.0])
    axis = int(np.argmax(np.abs(own)))
    up = np.zeros(3)
    up[axis] = math.copysign(1.0, own[axis])
    return up


def orbit(start: Camera, target: Target, count: int, size: int) -> list[Camera]:
    """Cameras on two rings around the target, each close to one before it, beginning at ``start``.

    The first ring keeps the start camera's height; the second looks from 30 degrees higher (or
    lower, when the first is already high). Ordered to both sides in turn.
    """
    up = up_axis(start)
    back = start.origin - target.center
    distance = float(np.linalg.norm(back))
    elevation = math.asin(float(np.clip(back @ up / distance, -1, 1)))
    level = back - (back @ up) * up
    if np.linalg.norm(level) < 1e-3 * distance:
        level = np.cross(up, np.roll(up, 1))
    ahead = level / np.linalg.norm(level)
    side = np.cross(up, ahead)
    higher = elevation + RING_STEP_UP <= HIGHEST_ELEVATION
    second = elevation + (RING_STEP_UP if higher else -RING_STEP_UP)
    first_count = max(1, round(count * 0.65))
    cameras = []
    for ring, height in ((first_count, elevation), (count - first_count, second)):
        for angle in _both_ways(ring):
            direction = math.cos(angle) * ahead + math.sin(angle) * side
            offset = math.cos(height) * direction + math.sin(height) * up
            cameras.append(framing_camera(target.center + distance * offset, target, up, size))
    return cameras


def _both_ways(count: int) -> list[float]:
    """Angles 0, +s, -s, +2s, ... that divide the circle."""
    step = 2 * math.pi / max(1, count)
    return [((i + 1) // 2) * step * (1 if i % 2 else -1) for i in range(count)]


def spiral(start: Camera, target: Target, count: int, size: int, stand: Stand) -> list[Camera]:
    """Cameras on a disc where a forward-facing field was seen from, inside out, near the start.

    None of their pictures is wider than the start camera's: beyond it there may be nothing.
    """
    right, up = start.field_from_camera[:3, 0], start.field_from_camera[:3, 1]
    distance = float(np.linalg.norm(start.origin - target.center))
    rim = min(FORWARD_FACING_PARALLAX * distance, stand.radius)
    off = start.origin - stand.center
    inside = min(1.0, (stand.radius - rim) / max(float(np.linalg.norm(off)), 1e-9))
    middle = stand.center + inside * off
    widest = max(start.width / start.fl_x, start.height / start.fl_y)
    golden = math.pi * (3 - math.sqrt(5))
    cameras = []
    for i in range(count):
        reach = rim * math.sqrt(i / max(1, count - 1))
        offset = reach * (math.cos(i * golden) * right + math.sin(i * golden) * up)
        camera = framing_camera(middle + offset, target, up, size)
        focal = max(camera.fl_x, size / widest)
        cameras.append(replace(camera, fl_x=focal, fl_y=focal))
    return cameras


def choose_cameras(
    start: Camera, given: list[Camera], target: Target, count: int, size: int
) -> list[Camera]:
    """Up to ``count`` of the given cameras that see the target, spread out, the nearest first."""
    seeing = [c for c in given if _sees(c, target)]
    if not seeing:
        return []
    directions = np.stack([_direction(c, target) for c in seeing])
    chosen = [int(np.argmax(directions @ _direction(start, target)))]
    while len(chosen) < min(count, len(seeing)):
        nearest = (directions @ directions[chosen].T).max(axis=1)
        nearest[chosen] = np.inf
        chosen.append(int(np.argmin(nearest)))
    return [crop_to_target(seeing[i], target, size) for i in chosen]


def spread_out(path: list[Camera], target: Target) -> list[Camera]:
    """The cameras in another order: the first one first, each as far as can be from all before it.

    So a few views go around the target. But none is farther than `LONGEST_STEP` from the nearest
    before it while there are such: from farther off, self-prompting knows too little.
    """
    directions = np.stack([_direction(camera, target) for camera in path])
    order, rest = [0], list(range(1, len(path)))
    while rest:
        closeness = (directions[rest] @ directions[order].T).max(axis=1)
        reached = closeness >= math.cos(LONGEST_STEP)
        pick = np.where(reached, closeness, 2.0).argmin() if reached.any() else closeness.argmax()
        order.append(rest.pop(int(pick)))
    return [path[i] for i in order]


def _direction(camera: Camera, target: Target) -> np.ndarray:
    offset = camera.origin - target.center
    return offset / np.linalg.norm(offset)


def _sees(camera: Camera, target: Target) -> bool:
    x, y = camera.project(target.center[None])[0]
    return bool(0 <= x < camera.width and 0 <= y < camera.height)


def plan_views(
    start: Camera,
    target: Target,
    *,
    stand: Stand | None,
    count: int,
    size: int,
    given: list[Camera],
    is_clear: Callable[[Camera], bool],
) -> list[Camera]:
    """The cameras of a run, in order; the first shows the target from the start camera.

    The others are `spread_out`.

    Args:
        start: the artist's camera.
        stand: where a forward-facing field was seen from; None of other fields.
        count: how many views altogether.
        size: side of the square views, in pixels.
        given: training cameras, or an empty list.
        is_clear: whether nothing stands between a camera and the target.
    """
    first = crop_to_target(start, target, size)
    if len(given) >= MIN_TRAINING_CAMERAS:
        path = choose_cameras(start, given, target, count - 1, size)
    elif stand is not None:
        path = spiral(start, target, count, size, stand)[1:]
    else:
        path = orbit(start, target, count, size)[1:]
    clear = [camera for camera in path if is_clear(camera)]
    return spread_out([first, *clear], target)
