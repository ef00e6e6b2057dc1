"""The artist's own picture: what they clicked in, cut out once in 2D."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool

from ...core.cameras import Camera
from ...core.prompts import Prompt
from ..segmenters.dialogue import predict_in_turn
from ..segmenters.protocol import ImageEmbedding, MaskPrediction, Segmenter
from ..view_path.view_memory import ViewMemory

ARTIST_VIEW_SCALE = 1.5
"""The artist's whole picture is rendered this much larger than the views that frame the object."""
DISC = 0.02
"""Radius of what a point shows by itself, over the picture's longer side."""
CERTAIN_REACH = 1.5
"""Radius in pixels of what a point is certain of."""


def artist_camera(camera: Camera, view_size: int, memory: ViewMemory | None = None) -> Camera:
    """The artist's camera at the size at which its picture is cut.

    Args:
        memory: of the last run. One of its own views is cut again as it was: it frames the object.
    """
    if memory is not None and memory.on_path(camera):
        return camera
    scale = ARTIST_VIEW_SCALE * view_size / max(camera.width, camera.height)
    return camera.resized(max(1, round(camera.width * scale)), max(1, round(camera.height * scale)))


def predict_in_picture(
    segmenter: Segmenter,
    embedding: ImageEmbedding,
    taken: Camera,
    camera: Camera,
    objects: Sequence[Prompt],
    known: Mapping[str, Bool[np.ndarray, "h w"]] | None = None,
) -> list[MaskPrediction]:
    """The segmenter's candidates for each object, masks at the embedded picture's size.

    Args:
        taken: the camera of the embedded picture.
        camera: the same camera at the size whose pixels the prompts are.
        known: masks in that picture, by the objects' names, that the prompts correct.
    """
    return [
        predict_in_turn(
            *(segmenter, embedding, moved_prompt(prompt, camera, taken)),
            before=(known or {}).get(prompt.name),
        )
        for prompt in objects
    ]


def moved_prompt(prompt: Prompt, source: Camera, view: Camera) -> Prompt:
    """A prompt in another pixel grid of the same camera; points outside it are dropped."""

    def move(x: float, y: float) -> tuple[float, float]:
        return (
            (x - source.cx) / source.fl_x * view.fl_x + view.cx,
            (y - source.cy) / source.fl_y * view.fl_y + view.cy,
        )

    moved = [(*move(x, y), label) for x, y, label in prompt.clicks]
    inside = [c for c in moved if 0 <= c[0] <= view.width and 0 <= c[1] <= view.height]
    box = prompt.box
    if box is not None:
        x0, y0 = move(*box[:2])
        x1, y1 = move(*box[2:])
        box = (max(0.0, x0), max(0.0, y0), min(view.width, x1), min(view.height, y1))
    return replace(prompt, box=box).with_clicks(inside)


def places(prompt: Prompt, shape: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
    """What a prompt points at by itself: discs around the points on the object, or the box."""
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]] + 0.5
    mask = np.zeros(shape, bool)
    if prompt.box is not None:
        x0, y0, x1, y1 = prompt.box
        mask |= (columns > x0) & (columns < x1) & (rows > y0) & (rows < y1)
    reach = DISC * max(shape)
    for x, y, label in prompt.clicks:
        near = (columns - x) ** 2 + (rows - y) ** 2 <= reach**2
        mask = mask | near if label else mask & ~near
    return mask


def obeyed(prompt: Prompt, mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Pixels about a prompt's points in which a mask does what these say.

    Few, as their votes count for many: other nodes would seem to have next to no votes beside.
    """
    rows, columns = np.mgrid[0 : mask.shape[0], 0 : mask.shape[1]] + 0.5
    found = np.zeros(mask.shape, bool)
    for x, y, label in prompt.clicks:
        near = (columns - x) ** 2 + (rows - y) ** 2 <= CERTAIN_REACH**2
        found |= near & (mask == bool(label))
    return found
