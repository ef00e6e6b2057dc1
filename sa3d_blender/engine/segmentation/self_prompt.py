"""Cross-view self-prompting: what earlier views voted becomes the prompt of the next (sec. 2.5).

Two rules. `confident_points` is the paper's. Ours is in `agreeing_cuts`: earlier views tell for
most pixels of a new view whether they are the object, something else, or not known yet; the
segmenter is clicked like an artist would, in the middle of the largest region where its answer
contradicts what is known, until it agrees.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from ..segmenters.dialogue import predict_in_turn
from ..segmenters.protocol import ImageEmbedding, MaskPrediction, Question, Segmenter

REFERENCE_POINTS = 5
HIDDEN = "the object is hidden here"
DISC = 0.02
"""Radius of what a point shows by itself, over the picture's longer side."""
SMALLEST_ERROR_DEPTH = 2.0
"""Errors thinner than this many pixels on each side are edges, not something to click on."""


@dataclass(frozen=True)
class KnownPixels:
    """What earlier views say about a new one; a pixel in neither set is not known yet."""

    object: Bool[np.ndarray, "h w"]
    other: Bool[np.ndarray, "h w"]


@dataclass
class Clicks:
    """Prompt points and, or, a box of one picture, in its pixels."""

    points: list[tuple[float, float]] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    box: tuple[float, float, float, float] | None = None

    @property
    def says_where(self) -> bool:
        """Whether they point at the object."""
        return 1 in self.labels or self.box is not None

    def places(self, shape: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
        """What they point at by themselves: discs around the points on the object, or the box."""
        rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]] + 0.5
        mask = np.zeros(shape, bool)
        if self.box is not None:
            x0, y0, x1, y1 = self.box
            mask |= (columns > x0) & (columns < x1) & (rows > y0) & (rows < y1)
        reach = DISC * max(shape)
        for (x, y), label in zip(self.points, self.labels, strict=True):
            near = (columns - x) ** 2 + (rows - y) ** 2 <= reach**2
            mask = mask | near if label else mask & ~near
        return mask

    def obeyed(self, mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
        """Pixels about the points in which a mask does what they say."""
        rows, columns = np.mgrid[0 : mask.shape[0], 0 : mask.shape[1]] + 0.5
        found = np.zeros(mask.shape, bool)
        for (x, y), label in zip(self.points, self.labels, strict=True):
            near = (columns - x) ** 2 + (rows - y) ** 2 <= (DISC * max(mask.shape)) ** 2
            found |= near & (mask == bool(label))
        return found

    def add(self, row: int, column: int, label: int) -> None:
        """Click the centre of a pixel."""
        self.points.append((column + 0.5, row + 0.5))
        self.labels.append(label)

    def question(
        self, *, logits: Float[np.ndarray, "lh lw"] | None = None, multimask: bool
    ) -> Question:
        """What they ask the segmenter, all together."""
        return Question(
            points=np.array(self.points, dtype=np.float32) if self.points else None,
            labels=np.array(self.labels, dtype=np.int64) if self.labels else None,
            box=np.array(self.box, dtype=np.float32) if self.box else None,
            logits=logits,
            multimask=multimask,
        )

    def predict(
        self, segmenter: Segmenter, embedding: ImageEmbedding, *, multimask: bool
    ) -> MaskPrediction:
        """Ask the segmenter, one after the other; see `predict_in_turn`."""
        return predict_in_turn(segmenter, embedding, self.question(multimask=multimask))


@dataclass(frozen=True)
class ViewCut:
    """The segmenter's answer in one view and whether it may vote."""

    mask: Bool[np.ndarray, "h w"]
    clicks: Clicks
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


def believed(known: KnownPixels, mask: Bool[np.ndarray, "h w"], artist: Clicks) -> KnownPixels:
    """What is known, without what the artist's own clicks deny.

    Where a mask and earlier views differ and the artist clicked there, the artist is right: the
    whole region of the difference counts as not known.
    """
    objects, other = known.object, known.other
    for (x, y), label in zip(artist.points, artist.labels, strict=True):
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
    clicks = Clicks()
    for row, column in confident_points(score):
        clicks.add(row, column, 1)
    if not clicks.points:
        return ViewCut(np.zeros(score.shape, bool), clicks, 0.0, "no pixel has confidence above 0")
    question = clicks.question(multimask=False)
    mask = segmenter.predict_all(embedding, [question])[0].masks[0]
    rendered = score > 0
    union = np.count_nonzero(rendered | mask)
    iou = np.count_nonzero(rendered & mask) / union if union else 0.0
    return ViewCut(mask, clicks, iou)
