"""Cross-view self-prompting: what earlier views voted becomes the prompt of the next (sec. 2.5).

Two rules. `confident_points` is the paper's. Ours is in `agreeing_cuts`: earlier views tell for
most pixels of a new view whether they are the object, something else, or not known yet; the
segmenter is clicked like an artist would, in the middle of the largest region where its answer
contradicts what is known, until it agrees.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from ...core.prompts import OBJECT, Prompt
from ..segmenters.protocol import ImageEmbedding, Segmenter

REFERENCE_POINTS = 5
HIDDEN = "the object is hidden here"
SMALLEST_ERROR_DEPTH = 2.0
"""Errors thinner than this many pixels on each side are edges, not something to click on."""


@dataclass(frozen=True)
class KnownPixels:
    """What earlier views say about a new one; a pixel in neither set is not known yet."""

    object: Bool[np.ndarray, "h w"]
    other: Bool[np.ndarray, "h w"]


@dataclass(frozen=True)
class ViewCut:
    """The segmenter's answer in one view and whether it may vote."""

    mask: Bool[np.ndarray, "h w"]
    prompt: Prompt
    """What the segmenter was asked at last."""
    agreement: float
    """IoU with what was known before, over known pixels."""
    reason: str = ""
    """Why the mask may not vote; empty when it may."""

    @property
    def accepted(self) -> bool:
        """Whether the mask may vote."""
        return not self.reason


def agreement(mask: Bool[np.ndarray, "h w"], known: KnownPixels) -> float:
    """IoU of a mask with the known object, counting known pixels only."""
    union = np.count_nonzero(known.object | (mask & known.other))
    return np.count_nonzero(mask & known.object) / union if union else 0.0


def deepest_pixel(region: Bool[np.ndarray, "h w"]) -> tuple[int, int, float]:
    """Row and column farthest from a region's edge, and that distance in pixels (0: empty)."""
    if not region.any():
        return 0, 0, 0.0
    depth = ndimage.distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(row), int(column), float(depth[row, column])


def believed(known: KnownPixels, mask: Bool[np.ndarray, "h w"], artist: Prompt) -> KnownPixels:
    """What is known, without what the artist's own clicks deny.

    Where a mask and earlier views differ and the artist clicked there, the artist is right: the
    whole region of the difference counts as not known.
    """
    objects, other = known.object, known.other
    for x, y, label in artist.clicks:
        row, column = min(int(y), mask.shape[0] - 1), min(int(x), mask.shape[1] - 1)
        wrong = (other & mask) if label else (objects & ~mask)
        if wrong[row, column]:
            pieces, _ = ndimage.label(wrong)
            piece = pieces == pieces[row, column]
            objects, other = objects & ~piece, other & ~piece
    return KnownPixels(objects, other)


def worst_error(mask: Bool[np.ndarray, "h w"], known: KnownPixels) -> tuple[int, int, int] | None:
    """Row, column and true label of the middle of the largest region where a mask is wrong.

    None where all differences are thin as edges.
    """
    missing = deepest_pixel(known.object & ~mask)
    spilled = deepest_pixel(known.other & mask)
    row, column, depth = max(missing, spilled, key=lambda place: place[2])
    return (row, column, int(depth == missing[2])) if depth >= SMALLEST_ERROR_DEPTH else None


def confident_points(
    score: Float[np.ndarray, "h w"], count: int = REFERENCE_POINTS
) -> list[tuple[int, int]]:
    """The paper's rule: highest rendered confidence, mask out its surroundings, repeat.

    The surroundings are the square of the reference code: half its side is half the radius of a
    disc with the area of the rendered mask, at least 2 pixels.

    Returns:
        (row, column) of at most ``count`` points; fewer when no confidence above zero is left.
    """
    left = score.copy()
    radius = math.sqrt(float(np.clip(score, 0, 1).sum()) / math.pi)
    half = max(int(radius) // 2, 2)
    points: list[tuple[int, int]] = []
    while len(points) < count:
        row, column = (int(i) for i in np.unravel_index(int(left.argmax()), left.shape))
        if left[row, column] <= 0:
            break
        points.append((row, column))
        left[max(0, row - half) : row + half + 1, max(0, column - half) : column + half + 1] = -1e5
    return points


def cut_by_confidence(
    segmenter: Segmenter, embedding: ImageEmbedding, score: Float[np.ndarray, "h w"]
) -> ViewCut:
    """Prompt with the paper's points and take the single mask; every mask votes."""
    prompt = Prompt(multimask=False)
    for row, column in confident_points(score):
        prompt = prompt.and_click(row, column, OBJECT)
    if not prompt.points:
        return ViewCut(np.zeros(score.shape, bool), prompt, 0.0, "no pixel has confidence above 0")
    mask = segmenter.predict(embedding, [prompt])[0].masks[0]
    rendered = score > 0
    union = np.count_nonzero(rendered | mask)
    iou = np.count_nonzero(rendered & mask) / union if union else 0.0
    return ViewCut(mask, prompt, iou)
