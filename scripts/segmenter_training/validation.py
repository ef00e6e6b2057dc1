"""mIoU of a model on held-out pictures, with deterministic clicks."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool
from segmenter_data.pictures import Pictures

from sa3d_blender.engine.segmenters.bundled import BundledModel
from sa3d_blender.engine.segmenters.promptable import PromptableModel
from sa3d_blender.engine.segmenters.protocol import ImageEmbedding

from .clicks import correcting_click, deepest

PICTURES, MASKS = 60, 4
CLICKS = 3
KEYS = ("one_click", "best_of_three", "three_clicks", "box")


def validate(model: BundledModel, held_out: Pictures) -> dict[str, float]:
    """Mean IoU after one click (best scored and best of three) and after three, and from a box.

    With the relief of the scenes; ``flat`` is after one click without it.
    """
    model.eval()
    segmenter = model.as_segmenter(next(model.parameters()).device)
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
    return {**dict(zip(KEYS, map(float, means), strict=True)), "flat": float(np.mean(flat or [0]))}


def first_answer(segmenter: PromptableModel, embedding: ImageEmbedding, mask: np.ndarray) -> float:
    """IoU of the best-scored answer to one click."""
    points, labels = np.array([deepest(mask)]), np.array([1])
    return iou(segmenter.predict(embedding, points=points, labels=labels).masks[0], mask)


def ask(segmenter: PromptableModel, embedding: ImageEmbedding, mask: np.ndarray) -> list[float]:
    """One mask's figures."""
    clicks = [(*deepest(mask), 1)]
    values, logits = [], None
    rng = np.random.default_rng(0)
    for turn in range(CLICKS):
        points, labels = np.array([c[:2] for c in clicks]), np.array([c[2] for c in clicks])
        answer = segmenter.predict(
            embedding, points=points, labels=labels, logits=logits, multimask=turn == 0
        )
        logits = answer.logits[0]
        if turn == 0:
            found = [iou(m, mask) for m in answer.masks]
            values += [found[0], max(found)]
        clicks.append(correcting_click(rng, mask, answer.masks[0]))
    values.append(iou(answer.masks[0], mask))
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], float)
    answer = segmenter.predict(embedding, box=box, multimask=False)
    return [*values, iou(answer.masks[0], mask)]


def iou(a: Bool[np.ndarray, "h w"], b: Bool[np.ndarray, "h w"]) -> float:
    """Intersection over union; 0 of nothing."""
    return float((a & b).sum() / max(1, (a | b).sum()))
