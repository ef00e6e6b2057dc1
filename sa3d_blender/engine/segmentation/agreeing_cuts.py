"""Self-prompting by agreement: click where an answer contradicts what is known, until it agrees.

All objects of a view are asked about together, round by round.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from ...core.prompts import OBJECT, Prompt
from ..segmenters.dialogue import obedient, predict_in_turn
from ..segmenters.protocol import ImageEmbedding, MaskPrediction, Segmenter
from .self_prompt import (
    HIDDEN,
    KnownPixels,
    ViewCut,
    agreement,
    believed,
    deepest_pixel,
    worst_error,
)

MAX_ROUNDS = 5
SAME_AGREEMENT = 0.03
"""Difference of two agreements that are taken for the same."""
TOGETHER = 8
"""Objects that are asked about at once; bounds the memory of the decoder."""
SMALLEST_OBJECT = 12
"""Pixels of known object below which a view has nothing to prompt with."""
MIN_AGREEMENT = 0.5
"""A mask that shares less than this (IoU) with what is known is not used, as in the SA3D code."""
MIN_FAMILIAR = 0.35
"""Part of a mask that must be known as the object already; small steps between views see to it."""


@dataclass(frozen=True)
class CutTask:
    """One object that is to be cut out of a view."""

    known: KnownPixels
    first: Prompt | None = None
    """The artist's own clicks, if this is a picture they clicked in; they go before what is known.
    """
    earlier: ViewCut | None = None
    """An answer from before. It stays where nothing contradicts it, and nothing is asked then."""
    checked: bool = False
    """Whether that one ended a run before: it stays, too, where it agrees with what is known as it
    did then."""


class _Cutting:
    """A task while it is being worked on; ``cut`` is there once it is done."""

    def __init__(self, task: CutTask) -> None:
        self.task = task
        self.artist = task.first or Prompt()
        self.prompt = self.artist
        self.best: Bool[np.ndarray, "h w"] | None = None
        self.best_logits: Float[np.ndarray, "lh lw"] | None = None
        self.best_score = -math.inf
        self.turn = 0
        self.cut = self._settled_before() or self._nothing_to_ask()

    def _settled_before(self) -> ViewCut | None:
        earlier = self.task.earlier
        if earlier is None or _disobeyed(earlier.mask, self.artist):
            return None
        trusted = believed(self.task.known, earlier.mask, self.artist)
        cut = self._finished(earlier.mask, earlier.prompt)
        as_then = self.task.checked and cut.agreement >= earlier.agreement - SAME_AGREEMENT
        stays = cut.accepted and (as_then or worst_error(earlier.mask, trusted) is None)
        return cut if stays else None

    def _nothing_to_ask(self) -> ViewCut | None:
        """Click on the object where nobody did yet; none where it is hidden."""
        known = self.task.known
        if self.prompt.says_where:
            return None
        if np.count_nonzero(known.object) < SMALLEST_OBJECT:
            return ViewCut(np.zeros_like(known.object), self.prompt, 0.0, HIDDEN)
        row, column, _ = deepest_pixel(_without_places(known.object, self.artist))
        self.prompt = self.prompt.and_click(row, column, OBJECT)
        return None

    @property
    def multimask(self) -> bool:
        """Whether candidates are wanted: until one of them is about right."""
        return self.turn == 0 or self.best_score < 0.5

    def take(self, answer: MaskPrediction) -> None:
        """Keep what agrees best, and click where it still contradicts what is known."""
        known = self.task.known
        scores = [
            agreement(mask, believed(known, mask, self.artist)) - _disobeyed(mask, self.artist)
            for mask in answer.masks
        ]
        pick = int(np.argmax(scores))
        if scores[pick] > self.best_score:
            self.best, self.best_logits = answer.masks[pick], answer.logits[pick]
            self.best_score = scores[pick]
        assert self.best is not None
        error = worst_error(self.best, believed(known, self.best, self.artist))
        clicked_before = error and (error[1] + 0.5, error[0] + 0.5) in self.prompt.points
        self.turn += 1
        if error is None or clicked_before or self.turn == MAX_ROUNDS:
            self.cut = self._finished(self.best, self.prompt)
        else:
            self.prompt = self.prompt.and_click(*error)

    def _finished(self, mask: Bool[np.ndarray, "h w"], prompt: Prompt) -> ViewCut:
        if self.artist.points:
            mask = obedient(mask, self.artist)
        trusted = believed(self.task.known, mask, self.artist)
        score = agreement(mask, trusted)
        return ViewCut(mask, prompt, score, _objection(mask, trusted, score, self.task.first))


def cut_all_by_agreement(
    segmenter: Segmenter, embedding: ImageEmbedding, tasks: Sequence[CutTask]
) -> list[ViewCut]:
    """Cut several objects out of one view.

    Args:
        segmenter, embedding: the model and this view's embedding.
    """
    cuttings = [_Cutting(task) for task in tasks]
    for cutting in cuttings:
        artist = cutting.artist
        if cutting.cut is None and artist.says_where and len(artist.points) > 1:
            cutting.take(predict_in_turn(segmenter, embedding, artist))
    for first in range(0, len(cuttings), TOGETHER):
        while working := [c for c in cuttings[first : first + TOGETHER] if c.cut is None]:
            prompts = [
                replace(c.prompt, logits=c.best_logits, multimask=c.multimask) for c in working
            ]
            answers = segmenter.predict(embedding, prompts)
            for cutting, answer in zip(working, answers, strict=True):
                cutting.take(answer)
    return [cutting.cut for cutting in cuttings if cutting.cut is not None]


def cut_by_agreement(
    segmenter: Segmenter,
    embedding: ImageEmbedding,
    known: KnownPixels,
    *,
    first: Prompt | None = None,
) -> ViewCut:
    """Cut one object; arguments as `CutTask` and `cut_all_by_agreement`."""
    return cut_all_by_agreement(segmenter, embedding, [CutTask(known, first)])[0]


def _without_places(region: Bool[np.ndarray, "h w"], prompt: Prompt) -> Bool[np.ndarray, "h w"]:
    left = region.copy()
    for x, y in prompt.points:
        left[min(int(y), len(left) - 1), min(int(x), left.shape[1] - 1)] = False
    return left


def _disobeyed(mask: Bool[np.ndarray, "h w"], artist: Prompt) -> int:
    """How many of the artist's clicks a mask contradicts."""
    height, width = mask.shape
    return sum(
        int(mask[min(int(y), height - 1), min(int(x), width - 1)]) != label
        for x, y, label in artist.clicks
    )


def _objection(
    mask: Bool[np.ndarray, "h w"], known: KnownPixels, score: float, first: Prompt | None
) -> str:
    if not mask.any():
        return "the segmenter found nothing"
    if score < MIN_AGREEMENT:
        return f"the mask contradicts earlier views (IoU {score:.2f})"
    if not first and not is_familiar(mask, known):
        familiar = np.count_nonzero(mask & known.object) / np.count_nonzero(mask)
        return f"only {familiar:.0%} of the mask was seen as the object before"
    return ""


def is_familiar(mask: Bool[np.ndarray, "h w"], known: KnownPixels) -> bool:
    """Whether enough of a mask is known as the object already."""
    return np.count_nonzero(mask & known.object) >= MIN_FAMILIAR * np.count_nonzero(mask)
