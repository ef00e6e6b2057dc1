"""The artist's own picture: what they clicked in, cut out once in 2D."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.cameras import Camera
from ...core.prompts import ObjectPrompt
from ..segmenters.protocol import ImageEmbedding, MaskPrediction, Segmenter
from ..view_path.view_memory import ViewMemory
from .self_prompt import Clicks

ARTIST_VIEW_SCALE = 1.5
"""The artist's whole picture is rendered this much larger than the views that frame the object."""


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
    objects: Sequence[ObjectPrompt],
) -> list[MaskPrediction]:
    """The segmenter's candidates for each object, masks at the embedded picture's size.

    Args:
        taken: the camera of the embedded picture.
        camera: the same camera at the size whose pixels the prompts are.
    """
    return [
        moved_clicks(prompt, camera, taken).predict(segmenter, embedding, multimask=True)
        for prompt in objects
    ]


def moved_clicks(prompt: ObjectPrompt, source: Camera, view: Camera) -> Clicks:
    """An object's prompt in another pixel grid of the same camera; clicks outside are dropped."""
    clicks = Clicks()

    def move(x: float, y: float) -> tuple[float, float]:
        return (
            (x - source.cx) / source.fl_x * view.fl_x + view.cx,
            (y - source.cy) / source.fl_y * view.fl_y + view.cy,
        )

    for (x, y), label in zip(prompt.points, prompt.labels, strict=True):
        column, row = move(x, y)
        if 0 <= column <= view.width and 0 <= row <= view.height:
            clicks.points.append((column, row))
            clicks.labels.append(label)
    if prompt.box is not None:
        x0, y0 = move(*prompt.box[:2])
        x1, y1 = move(*prompt.box[2:])
        clicks.box = (max(0.0, x0), max(0.0, y0), min(view.width, x1), min(view.height, y1))
    return clicks
