"""mIoU of a model on held-out pictures, with deterministic clicks."""

from __future__ import annotations

import numpy as np
from segmenter_data.pictures import Pictures

from sa3d_blender.engine.segmenters.bundled import BundledModel
from sa3d_blender.engine.segmenters.promptable import PromptableModel

from .clicks import correcting_click, deepest

PICTURES, MASKS = 60, 4
CLICKS = 3


def as_segmenter(model: BundledModel) -> PromptableModel:
    """The trained model the way the pipeline uses it."""
    return PromptableModel(
        name="bundled",
        encoder=model.encode,
        prompt_encoder=model.prompt_encoder,
        mask_decoder=model.mask_decoder,
        input_side=model.shape.input_side,
        device=next(model.parameters()).device,
    )


def validate(model: BundledModel, held_out: Pictures) -> dict[str, float]:
    """Mean IoU after one click (best scored and best of three) and after three, and from a box."""
    model.eval()
    segmenter = as_segmenter(model)
    rows = []
    for name in held_out.names[:PICTURES]:
        example = held_out.plain(name, MASKS)
        if example is not None:
            embedding = segmenter.embed(example.image)
            rows += [ask(segmenter, embedding, mask) for mask in example.masks]
    keys = ("one_click", "best_of_three", "three_clicks", "box")
    means = np.mean(rows, axis=0) if rows else np.zeros(len(keys))
    return dict(zip(keys, map(float, means), strict=True))


def ask(segmenter: PromptableModel, embedding, mask: np.ndarray) -> list[float]:  # type: ignore
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


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union."""
    return float((a & b).sum() / max(1, (a | b).sum()))
