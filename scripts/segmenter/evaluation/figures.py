"""Ask a segmenter for objects whose masks are known, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool
from scipy import ndimage

from sa3d_blender.core.prompts import Prompt
from sa3d_blender.engine.segmenters.dialogue import predict_in_turn
from sa3d_blender.engine.segmenters.protocol import ImageEmbedding, Segmenter
from segmenter.training.clicks import correcting_click, deepest
from segmenter.training.validation import box_prompt, iou

Mask = Bool[np.ndarray, "h w"]
CLICKS = (1, 2, 3, 5)
OUTLINE_TOLERANCE = 0.0075
"""Distance that still counts, over the picture's diagonal, as in the DAVIS benchmark."""
NEARLY_BEST = 0.02
BINS = 10


@dataclass
class Figures:
    """What was measured of one group of objects."""

    rows: list[list[float]] = field(default_factory=list)
    """Per object: IoU after each of `CLICKS`, best of the first three, box, boundary F-score."""
    scores: list[tuple[float, float]] = field(default_factory=list)
    """Predicted and true IoU of every answer to a first click."""
    picked: list[bool] = field(default_factory=list)
    """Whether the best-scored of the first three masks was the best, or within 0.02 of it."""

    HEAD = (
        " " * 24 + "    n " + " ".join(f"{n:4d} cl" for n in CLICKS)
        + "  best/3     box  edge F  picked  |s-iou|    ECE"
    )  # fmt: skip

    def line(self, name: str) -> str:
        """One row of the table."""
        means = " ".join(f"{v:7.3f}" for v in np.mean(self.rows, axis=0))
        error = np.mean([abs(predicted - true) for predicted, true in self.scores])
        return (
            f"{name:24s}{len(self.rows):5d} {means} {np.mean(self.picked):7.2f} {error:8.3f} "
            f"{calibration_error(self.scores):6.3f}"
        )

    def __add__(self, other: Figures) -> Figures:
        """Both groups as one."""
        return Figures(
            self.rows + other.rows, self.scores + other.scores, self.picked + other.picked
        )


def ask(segmenter: Segmenter, embedding: ImageEmbedding, mask: Mask, into: Figures) -> None:
    """Click on one object as an artist does until five points are set, then give its box."""
    prompt = Prompt().with_clicks([(*deepest(mask), 1)])
    ious, best, edges = [], 0.0, 0.0
    rng = np.random.default_rng(0)
    for turn in range(max(CLICKS)):
        answer = predict_in_turn(segmenter, embedding, prompt)
        found = [iou(m, mask) for m in answer.masks]
        ious.append(found[0])
        if turn == 0:
            best, edges = max(found), boundary_f(answer.masks[0], mask)
            into.picked.append(found[0] >= best - NEARLY_BEST)
            into.scores += zip(map(float, answer.scores), found, strict=True)
        clicks = [*prompt.clicks, correcting_click(rng, mask, answer.masks[0])]
        prompt = Prompt().with_clicks(clicks)
    boxed = iou(predict_in_turn(segmenter, embedding, box_prompt(mask)).masks[0], mask)
    into.rows.append([*[ious[n - 1] for n in CLICKS], best, boxed, edges])


def boundary_f(got: Mask, wanted: Mask) -> float:
    """Harmonic mean of the outlines' shares that lie near the other outline."""
    near = max(1, round(OUTLINE_TOLERANCE * float(np.hypot(got.shape[0], got.shape[1]))))
    first, second = outline(got), outline(wanted)
    if not first.any() or not second.any():
        return float(first.any() == second.any())
    precision = (ndimage.distance_transform_edt(~second)[first] <= near).mean()
    recall = (ndimage.distance_transform_edt(~first)[second] <= near).mean()
    return float(2 * precision * recall / max(precision + recall, 1e-9))


def outline(mask: Mask) -> Mask:
    """Pixels of the mask beside pixels that are not."""
    return mask & ~ndimage.binary_erosion(mask, border_value=1)


def calibration_error(scores: list[tuple[float, float]]) -> float:
    """Expected calibration error: by how much mean prediction and mean truth differ per bin."""
    predicted, true = np.array(scores).T
    bins = np.clip(predicted * BINS, 0, BINS - 1).astype(int)
    gaps = [
        abs(predicted[bins == b].mean() - true[bins == b].mean()) * (bins == b).mean()
        for b in np.unique(bins)
    ]
    return float(np.sum(gaps))
