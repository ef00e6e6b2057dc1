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
from scipy import ndimage

from ...core.prompts import OBJECT, Prompt
from .free_standing import standing_first
from .mask_components import BOX_MARGIN
from .protocol import ImageEmbedding, MaskPrediction, Segmenter

MOST_TURNS = 6
"""Of a dialogue; more prompts begin with several at once, for some clicks with the same ones."""
TURNS_KEPT = 2 * MOST_TURNS
"""Answers per picture that need not be asked for again: each turn's, and what came of it."""
OUTCOME, KNOWN = "outcome", "known"
"""Marks of what came of a dialogue, and of a turn that goes on from there."""
SURE = 10.0
"""Logit of a pixel of what is known before."""
WELL_INSIDE = 0.8
"""Of the depth of a region: as deep in it a point is about the whole region."""
REACH = 0.3
"""Of the way to the nearest click that says the opposite: as far a contradicted click decides."""
LEAST_REACH, MOST_REACH = 2.0, 0.03
"""Limits of that in pixels, and over the picture's longer side."""


def predict_in_turn(
    segmenter: Segmenter,
    embedding: ImageEmbedding,
    question: Prompt,
    *,
    before: Bool[np.ndarray, "h w"] | None = None,
) -> MaskPrediction:
    """The answer to all prompts of a question, each of which corrects the answer before it.

    Every mask contains the points on the object and none of the others. A point that is not on the
    object never adds to the first mask, and a mask from a box stays in it, but for a margin.

    Args:
        question: ``logits`` are not used. Points in the order in which they were set.
        before: what is known of the object in this picture already, which the points correct. A
            box goes before it.

    Returns:
        The outcome of the dialogue first, then other candidates.
    """
    if before is not None and question.box is None:
        return _corrections(segmenter, embedding, question, before)
    first, *others = turns_of(question)
    said: tuple[Any, ...] = _key(first)
    known = _outcome_before(embedding, question)
    if known is not None:
        said, others = (KNOWN, *_key(question)), [replace(question, logits=None)]
        mask, logits = known.masks[0], known.logits[0]
    else:
        answer = standing_first(_answer(segmenter, embedding, first, said), embedding, first)
        if not others:
            masks = np.stack([obedient(mask, question) for mask in answer.masks])
            return replace(answer, masks=masks)
        pick = meant(answer.masks, question)
        mask, logits = obedient(answer.masks[pick], first), answer.logits[pick]
        if not _says_object(others[0]):  # what was shown first may only shrink
            mask = mask & obedient(answer.masks[0], first)
        said = (*said, pick)
    for turn in others:
        said = (*said, *_key(turn))
        asked = replace(turn, logits=logits, multimask=False)
        answer = _answer(segmenter, embedding, asked, said)
        mask, logits = obedient(answer.masks[0], turn, before=mask), answer.logits[0]
    score = answer.scores[:1]
    outcome = MaskPrediction(mask[None], score, logits[None])
    _keep(embedding, _outcome_key(question), outcome)
    if not question.multimask:
        return outcome
    (at_once,) = segmenter.predict(embedding, [replace(question, logits=None)])
    masks = [mask, *(obedient(one, question) for one in at_once.masks[:-1])]
    scores = np.minimum(np.concatenate([score, at_once.scores[:-1]]), score)
    return MaskPrediction(
        np.stack(masks), scores, np.concatenate([logits[None], at_once.logits[:-1]])
    )


def _corrections(
    segmenter: Segmenter,
    embedding: ImageEmbedding,
    question: Prompt,
    mask: Bool[np.ndarray, "h w"],
) -> MaskPrediction:
    """The one mask that is left when each point, in turn, has corrected the mask before."""
    (answer,) = segmenter.predict(embedding, [replace(question, logits=None)])
    logits = logits_of(mask, answer.logits.shape[-1])
    for count in range(1, len(question.points) + 1):
        points, labels = question.points[:count], question.labels[:count]
        turn = replace(question, points=points, labels=labels, logits=logits, multimask=False)
        (answer,) = segmenter.predict(embedding, [turn])
        mask, logits = obedient(answer.masks[0], turn, before=mask), answer.logits[0]
    return MaskPrediction(mask[None], answer.scores[:1], logits[None])


def logits_of(mask: Bool[np.ndarray, "h w"], side: int) -> Float[np.ndarray, "{side} {side}"]:
    """A mask as an earlier answer's low-resolution logits, over the square about the picture."""
    longest = max(mask.shape)
    padded = np.zeros((longest, longest), np.float32)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    places = ((np.arange(side) + 0.5) * longest / side - 0.5).clip(0, longest - 1)
    share = ndimage.map_coordinates(padded, np.meshgrid(places, places, indexing="ij"), order=1)
    return np.asarray((2 * share - 1) * SURE, dtype=np.float32)


def _says_object(turn: Prompt) -> bool:
    """Whether the last point is on the object."""
    return bool(turn.labels) and turn.labels[-1] == OBJECT


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
    key = (turn.multimask, *said)
    found = (embedding.turns or {}).get(key)
    if found is None:
        (found,) = segmenter.predict(embedding, [turn])
        found = replace(found, masks=_within_box(found.masks, turn))
    _keep(embedding, key, found)
    return found


def _within_box(masks: Bool[np.ndarray, "k h w"], turn: Prompt) -> Bool[np.ndarray, "k h w"]:
    """Masks without what lies outside the box, unless a point on the object does, too."""
    if turn.box is None:
        return masks
    x0, y0, x1, y1 = turn.box
    across, down = BOX_MARGIN * (x1 - x0), BOX_MARGIN * (y1 - y0)
    low, high = np.array([x0 - across, y0 - down]), np.array([x1 + across, y1 + down])
    on_object = turn.point_array(OBJECT)
    if not ((on_object >= low) & (on_object <= high)).all():
        return masks
    rows, columns = np.mgrid[0 : masks.shape[1], 0 : masks.shape[2]] + 0.5
    inside = (columns > low[0]) & (columns < high[0]) & (rows > low[1]) & (rows < high[1])
    return masks & inside


def _keep(embedding: ImageEmbedding, key: tuple[Any, ...], found: MaskPrediction) -> None:
    """Keep an answer as the newest."""
    if embedding.turns is None:
        return
    embedding.turns.pop(key, None)
    embedding.turns[key] = found
    while len(embedding.turns) > TURNS_KEPT:
        del embedding.turns[next(iter(embedding.turns))]


def _outcome_key(question: Prompt) -> tuple[Any, ...]:
    return (OUTCOME, question.multimask, *_key(question))


def _outcome_before(embedding: ImageEmbedding, question: Prompt) -> MaskPrediction | None:
    """What the artist saw before the last point was set, where that is kept.

    It is what the point corrects. Without it the dialogue is held again, and may come to another
    end.
    """
    if embedding.turns is None or not question.points:
        return None
    return embedding.turns.get(_outcome_key(question.with_clicks(question.clicks[:-1])))


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


def meant(masks: Bool[np.ndarray, "k h w"], question: Prompt) -> int:
    """Which candidate a question's points choose: the first, unless they contradict it.

    Whoever means another candidate clicks well inside of where that differs from the first, which
    is what was shown. A point near the rim of that region puts a small mistake of the first right.
    """
    wrong = [contradictions(mask, question) for mask in masks]
    fits = [
        n == 0 or (wrong[n] < wrong[0] and _points_at(mask, masks[0], question))
        for n, mask in enumerate(masks)
    ]
    return int(np.argmin(np.where(fits, wrong, len(question.points) + 1)))


def _points_at(
    mask: Bool[np.ndarray, "h w"], shown: Bool[np.ndarray, "h w"], question: Prompt
) -> bool:
    """Whether a point that a mask obeys lies well inside of where it differs from another."""
    differs = mask != shown
    (window,) = ndimage.find_objects(differs.astype(np.uint8))
    inside = np.zeros(mask.shape)
    inside[window] = ndimage.distance_transform_edt(np.pad(differs[window], 1))[1:-1, 1:-1]
    return any(
        inside[row, column] >= WELL_INSIDE * inside.max() and mask[row, column] == label
        for row, column, label in _places(mask, question)
    )


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
        before: the mask before the last point was set. If that is not on the object, nothing is
            added to it, and where it was inside, only the region that it lies in is taken away. If
            it is on the object and was outside, nothing is taken away.

    Returns:
        The mask; where a point was contradicted, it is put right in a disc.
    """
    if before is not None and question.labels:
        mask = _corrected(mask, before, question)
    wrong = [place for place in _places(mask, question) if bool(mask[place[:2]]) != place[2]]
    if not wrong:
        return mask
    rows, columns = np.mgrid[0 : mask.shape[0], 0 : mask.shape[1]]
    mask = mask.copy()
    for row, column, label in wrong:
        reach = _reach(row, column, label, question, MOST_REACH * max(mask.shape))
        mask[(rows - row) ** 2 + (columns - column) ** 2 <= reach**2] = label
    if before is not None and question.labels is not None and not question.labels[-1]:
        mask &= before  # the discs of earlier points on the object may reach beyond it
    return mask


def _corrected(
    mask: Bool[np.ndarray, "h w"], before: Bool[np.ndarray, "h w"], question: Prompt
) -> Bool[np.ndarray, "h w"]:
    """The mask before the last point, corrected by the answer to it as that point allows."""
    row, column, label = _places(mask, question)[-1]
    was_inside = bool(before[row, column])
    if label:
        return mask if was_inside else mask | before
    if not was_inside:
        return mask & before
    pieces, _ = ndimage.label(before & ~mask)
    lost: Bool[np.ndarray, "h w"] = pieces == pieces[row, column]
    return before & ~lost if pieces[row, column] else before


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
