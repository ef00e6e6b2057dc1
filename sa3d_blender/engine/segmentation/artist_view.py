"""The artist's own picture: what they clicked in, cut out once in 2D."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...core.cameras import Camera
from ...core.prompts import ObjectPrompt
from ..fields.protocol import RadianceField
from ..rendering.render import render_view
from ..run import Run
from ..segmenters.protocol import ImageEmbedding, MaskPrediction, Segmenter
from .self_prompt import Clicks

ARTIST_VIEW_SCALE = 1.5
"""The artist's whole picture is rendered this much larger than the views that frame the object."""


def artist_camera(camera: Camera, view_size: int) -> Camera:
    """The artist's camera at the size at which its picture is cut."""
    scale = ARTIST_VIEW_SCALE * view_size / max(camera.width, camera.height)
    return camera.resized(max(1, round(camera.width * scale)), max(1, round(camera.height * scale)))


@dataclass(frozen=True)
class EmbeddedPicture:
    """A picture that can be cut again and again: all but the decoder's work is done."""

    camera: Camera
    """At the size at which the picture is cut."""
    embedding: ImageEmbedding


def embed_picture(
    field: RadianceField, segmenter: Segmenter, camera: Camera, run: Run | None = None
) -> EmbeddedPicture:
    """Render and embed what a camera sees, at the camera's size."""
    run = run or Run()
    with run.timed("render"):
        view = render_view(field, camera, cancelled=run.is_cancelled)
    run.check()
    with run.timed("encode"):
        embedding = segmenter.embed(to_bytes(view.image()), view.relief())
    return EmbeddedPicture(camera, embedding)


def predict_in_picture(
    picture: EmbeddedPicture, segmenter: Segmenter, camera: Camera, objects: Sequence[ObjectPrompt]
) -> list[MaskPrediction]:
    """The segmenter's candidates for each object, masks at the embedded picture's size.

    Args:
        camera: the same camera at the size whose pixels the prompts are.

    """
    answers = []
    for prompt in objects:
        clicks = moved_clicks(prompt, camera, picture.camera)
        answers.append(clicks.predict(segmenter, picture.embedding, multimask=True))
    return answers


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


def to_bytes(image: Tensor) -> np.ndarray:
    """Colours in [0, 1] as bytes."""
    return np.asarray((image.clamp(0, 1) * 255 + 0.5).to(torch.uint8).cpu().numpy())
