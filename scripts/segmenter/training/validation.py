"""mIoU of a model on held-out pictures, with deterministic clicks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from sa3d_blender.core.prompts import Prompt
from sa3d_blender.engine.segmenters.bundled import BundledModel
from sa3d_blender.engine.segmenters.closer_look import CloserLook
from sa3d_blender.engine.segmenters.protocol import ImageEmbedding, Segmenter
from segmenter.data.photographs import masks_of, names_in, picture_of
from segmenter.data.pictures import Pictures

from .clicks import correcting_click, deepest

PICTURES, MASKS = 40, 3
CLICKS = 3
SMALLEST = 0.0015
"""Share of the picture below which an object is not asked for."""
KEYS = ("one_click", "best_of_three", "three_clicks", "box")


def validate(
    model: BundledModel, held_out: Pictures, photographs: Path | None = None
) -> dict[str, float]:
    """Mean IoU after one click (best scored and best of three) and after three, and from a box.

    With the relief of the scenes; ``flat`` is after one click without it, ``photograph_one_click``
    and so on are of photographs.
    """
    model.eval()
    segmenter = CloserLook(model.as_segmenter(next(model.parameters()).device))
    rows, flat = [], []
    for name in held_out.names[:PICTURES]:
        found = held_out.plain(name, MASKS)
        if found is None:
            continue
        layers, masks = found
        image = np.ascontiguousarray(layers.image)
        embedding, blind = segmenter.embed(image, layers.relief()), segmenter.embed(image)
        rows += [ask(segmenter, embedding, mask) for mask in masks]
        flat += [first_answer(segmenter, blind, mask) for mask in masks]
    means = np.mean(rows, axis=0) if rows else np.zeros(len(KEYS))
    figures = dict(zip(KEYS, map(float, means), strict=True))
    figures["flat"] = float(np.mean(flat or [0]))
    if photographs is not None:
        means = np.mean(list(photographed(segmenter, photographs)), axis=0)
        figures |= {f"photograph_{k}": float(v) for k, v in zip(KEYS, means, strict=True)}
    return figures


def photographed(segmenter: Segmenter, folder: Path) -> Iterator[list[float]]:
    """Figures of the masks of held-out photographs."""
    for name in names_in(folder, validation=True):
        embedding = segmenter.embed(picture_of(folder, name))
        for mask in masks_of(folder, name)[:MASKS]:
            if mask.mean() >= SMALLEST:
                yield ask(segmenter, embedding, mask)


def first_answer(segmenter: Segmenter, embedding: ImageEmbedding, mask: np.ndarray) -> float:
    """IoU of the best-scored answer to one click."""
    click = Prompt().with_clicks([(*deepest(mask), 1)])
    return iou(segmenter.predict(embedding, [click])[0].masks[0], mask)


def ask(segmenter: Segmenter, embedding: ImageEmbedding, mask: np.ndarray) -> list[float]:
    """One mask's figures."""
    prompt = Prompt().with_clicks([(*deepest(mask), 1)])
    values = []
    rng = np.random.default_rng(0)
    for turn in range(CLICKS):
        (answer,) = segmenter.predict(embedding, [prompt])
        if turn == 0:
            found = [iou(m, mask) for m in answer.masks]
            values += [found[0], max(found)]
        clicks = [*prompt.clicks, correcting_click(rng, mask, answer.masks[0])]
        prompt = Prompt(logits=answer.logits[0], multimask=False).with_clicks(clicks)
    values.append(iou(answer.masks[0], mask))
    (answer,) = segmenter.predict(embedding, [box_prompt(mask)])
    return [*values, iou(answer.masks[0], mask)]


def box_prompt(mask: np.ndarray) -> Prompt:
    """A box around a mask, for which one mask is wanted."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    corners = (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
    return Prompt(box=corners, multimask=False)


def iou(a: Bool[np.ndarray, "h w"], b: Bool[np.ndarray, "h w"]) -> float:
    """Intersection over union; 0 of nothing."""
    return float((a & b).sum() / max(1, (a | b).sum()))
