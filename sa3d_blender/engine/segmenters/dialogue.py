"""Several prompts about one object, put to a segmenter one after the other as an artist sets them.

Segment Anything was trained in dialogues: a click corrects the answer to those before it. Asked all
at once, the same clicks give less: on photographs, three gave the bundled segmenter before this one
a mean IoU of 0.66 instead of 0.74.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from ...core.prompts import OBJECT, Prompt
from .protocol import ImageEmbedding, MaskPrediction, Segmenter

MOST_TURNS = 6
"""Of a dialogue; more prompts begin with several at once, for some clicks with the same ones."""
TURNS_KEPT = MOST_TURNS
"""Answers per picture that need not be asked for again."""
REACH = 0.3
"""Of the way to the nearest click that says the opposite: as far a contradicted click decides."""
LEAST_REACH, MOST_REACH = 2.0, 0.03
"""Limits of that in pixels, and over the picture's longer side."""


def predict_in_turn(
    segmenter: Segmenter, embedding: ImageEmbedding, question: Prompt
) -> MaskPrediction:
    """The answer to all prompts of a question, each of which corrects the answer before it.

    Every mask contains the points on the object and none of the others, and a point that is not on
    the object never adds to the first mask.

    Args:
        question: ``logits`` are not used. Points in the order in which they were set.

    Returns:
        The outcome of the dialogue first, then other candidates.
    """
    first, *others = turns_of(question)
    said = _key(first)
    answer = _answer(segmenter, embedding, first, said)
    if not others:
        masks = np.stack([obedient(mask, question) for mask in answer.masks])
        return replace(answer, masks=masks)
    pick = int(np.argmin([contradictions(mask, question) for mask in answer.masks]))
    mask, logits = obedient(answer.masks[pick], first), answer.logits[pick]
    said = (*said, pick)
    for turn in others:
        said = (*said, *_key(turn))
        asked = replace(turn, logits=logits, multimask=False)
        answer = _answer(segmenter, embedding, asked, said)
        mask, logits = obedient(answer.masks[0], turn, before=mask), answer.logits[0]
    score = answer.scores[:1]
    if not question.multimask:
        return MaskPrediction(mask[None], score, logits[None])
    (at_once,) = segmenter.predict(embedding, [replace(question, logits=None)])
    masks = [mask, *(obedient(one, question) for one in at_once.masks[:-1])]
    scores = np.minimum(np.concatenate([score, at_once.scores[:-1]]), score)
    return MaskPrediction(
        np.stack(masks), scores, np.concatenate([logits[None], at_once.logits[:-1]])
    )


def _key(turn: Prompt) -> tuple[Any, ...]:
    """What a turn asks, but for the answer before it."""
    return turn.points, turn.labels, turn.box


def _answer(
    segmenter: Segmenter, embedding: ImageEmbedding, turn: Prompt, said: tuple[Any, ...]
) -> MaskPrediction:
    """The answer to a turn; the last ones are kept, as each click asks all before it again.

    Args:
        said: the turn and all before it.
    """
    kept = {} if embedding.turns is None else embedding.turns
    key = (turn.multimask, *said)
    found = kept.pop(key, None)
    if found is None:
        (found,) = segmenter.predict(embedding, [turn])
    kept[key] = found
    while len(kept) > TURNS_KEPT:
        del kept[next(iter(kept))]
    return found


def turns_of(question: Prompt) -> list[Prompt]:
    """What to ask in turn: the box, or all up to the first point on the object, then a point each.

    Args:
        question: as in `predict_in_turn`.
    """
    points, labels = question.points, question.labels
    if not points:
        return [replace(question, logits=None)]
    first = labels.index(OBJECT) if OBJECT in labels else 0
    begin = 0 if question.box is not None else first + 1
    step = MOST_TURNS - 1
    begin += step * max(0, -(-(len(points) - begin - step) // step))
    return [
        replace(
            question,
            points=points[:count],
            labels=labels[:count],
            logits=None,
            multimask=question.multimask and question.box is None,
        )
        for count in range(begin, len(points) + 1)
    ]


def contradictions(mask: Bool[np.ndarray, "h w"], question: Prompt) -> int:
    """How many of a question's points a mask contradicts."""
    return sum(bool(mask[row, column]) != label for row, column, label in _places(mask, question))


def obedient(
    mask: Bool[np.ndarray, "h w"],
    question: Prompt,
    *,
    before: Bool[np.ndarray, "h w"] | None = None,
) -> Bool[np.ndarray, "h w"]:
    """A mask that does what the points say.

    Args:
        before: the mask before the last point was set; if that is not on the object, nothing is
            added to it.

    Returns:
        The mask; where a point was contradicted, it is put right in a disc.
    """
    if before is not None and question.labels and not question.labels[-1]:
        mask = mask & before
    wrong = [place for place in _places(mask, question) if bool(mask[place[:2]]) != place[2]]
    if not wrong:
        return mask
    rows, columns = np.mgrid[0 : mask.shape[0], 0 : mask.shape[1]]
    mask = mask.copy()
    for row, column, label in wrong:
        reach = _reach(row, column, label, question, MOST_REACH * max(mask.shape))
        mask[(rows - row) ** 2 + (columns - column) ** 2 <= reach**2] = label
    return mask


def _reach(row: int, column: int, label: bool, question: Prompt, most: float) -> float:
    """Radius in pixels of the disc around a contradicted point."""
    opposite = question.point_array(int(not label))
    if len(opposite) == 0:
        return max(LEAST_REACH, most)
    away = float(np.hypot(*(opposite - [column + 0.5, row + 0.5]).T).min())
    return float(np.clip(REACH * away, LEAST_REACH, max(LEAST_REACH, most)))


def _places(mask: Bool[np.ndarray, "h w"], question: Prompt) -> list[tuple[int, int, bool]]:
    """Row, column and label of a question's points."""
    corner: Float[np.ndarray, " 2"] = np.array(mask.shape[::-1], float) - 1
    places = np.clip(np.floor(question.point_array()), 0, corner).astype(int)
    return [
        (int(row), int(column), bool(label))
        for (column, row), label in zip(places, question.labels, strict=True)
    ]
