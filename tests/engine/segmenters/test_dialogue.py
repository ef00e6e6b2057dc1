"""Prompts are put one after the other, and masks do what the points say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from sa3d_blender.core.prompts import Prompt
from sa3d_blender.engine.rendering.relief import Relief
from sa3d_blender.engine.segmenters import load_segmenter
from sa3d_blender.engine.segmenters.dialogue import (
    MOST_TURNS,
    contradictions,
    obedient,
    predict_in_turn,
    turns_of,
)
from sa3d_blender.engine.segmenters.protocol import ImageEmbedding, MaskPrediction

SHAPE = (40, 60)
PICTURE = ImageEmbedding(torch.zeros(1, 1, 1, 1), SHAPE, SHAPE)


def clicks(*said: tuple[float, float, int], **more: Any) -> Prompt:
    return Prompt(**more).with_clicks(said)


def block(left: int, right: int) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[10:30, left:right] = True
    return mask


class Scripted:
    """Answers with given masks, one list of candidates after the other; remembers the questions."""

    name = "scripted"

    def __init__(self, *answers: list[np.ndarray]) -> None:
        self.answers = list(answers)
        self.asked: list[Prompt] = []

    def embed(self, image: np.ndarray, relief: Relief | None = None) -> ImageEmbedding:
        """Not looked at."""
        return PICTURE

    def predict(self, embedding: ImageEmbedding, prompts: Sequence[Prompt]) -> list[MaskPrediction]:
        """One prompt at a time."""
        self.asked += prompts
        masks = np.stack(self.answers[len(self.asked) - 1])
        scores = np.linspace(0.9, 0.7, len(masks)).astype(np.float32)
        logits = np.full((len(masks), 4, 4), float(len(self.asked)), np.float32)
        logits += np.arange(len(masks))[:, None, None] / 10
        return [MaskPrediction(masks, scores, logits)]


def test_each_click_corrects_the_answer_before_it() -> None:
    part, whole = block(10, 20), block(10, 50)
    model = Scripted([part, whole, part], [block(10, 45)], [block(12, 44)], [part, whole, part])
    question = clicks((15, 20, 1), (40, 20, 1), (47, 20, 0))
    answer = predict_in_turn(model, PICTURE, question)
    first, second, third, at_once = model.asked
    assert [len(q.points) for q in model.asked] == [1, 2, 3, 3]
    assert [q.multimask for q in (first, second, third, at_once)] == [True, False, False, True]
    assert second.logits is not None
    assert np.allclose(second.logits, 1.0), "the part: it contradicts one click, as the whole does"
    assert third.logits is not None
    assert np.allclose(third.logits, 2.0)
    assert np.array_equal(answer.masks[0], block(12, 44))
    assert answer.masks.shape == (3, *SHAPE)
    assert (np.diff(answer.scores) <= 0).all()


def test_the_first_candidate_that_fits_later_clicks_goes_on() -> None:
    part, whole = block(10, 20), block(10, 50)
    model = Scripted([part, whole, part], [whole], [part, whole, part])
    predict_in_turn(model, PICTURE, clicks((15, 20, 1), (40, 20, 1)))
    assert model.asked[1].logits is not None
    assert np.allclose(model.asked[1].logits, 1.1), "of the whole"


def test_a_single_click_keeps_all_candidates() -> None:
    masks = [block(10, 20), block(10, 50), block(5, 55)]
    answer = predict_in_turn(Scripted(masks), PICTURE, clicks((15, 20, 1)))
    assert np.array_equal(answer.masks, np.stack(masks))


def test_a_box_is_asked_about_before_the_points() -> None:
    box = (10.0, 10.0, 50.0, 30.0)
    asked = turns_of(clicks((45, 20, 0), (12, 12, 1), box=box))
    assert [len(q.points) for q in asked] == [0, 1, 2]
    assert all(q.box == box and not q.multimask for q in asked)
    assert [q.points for q in turns_of(Prompt(box=box))] == [()]


def test_what_is_not_the_object_waits_for_what_is() -> None:
    asked = turns_of(clicks((1, 1, 0), (2, 2, 0), (15, 20, 1), (40, 20, 1)))
    assert [len(q.points) for q in asked] == [3, 4]


def test_many_clicks_begin_with_several() -> None:
    """With the same ones for some clicks, so that only the newest turn is a new one."""
    begins = []
    for count in range(1, 21):
        asked = turns_of(clicks(*[(float(i), 20.0, 1) for i in range(count)]))
        assert len(asked) <= MOST_TURNS
        assert len(asked[-1].points) == count
        begins.append(len(asked[0].points))
    assert begins == [1] * 6 + [6] * 5 + [11] * 5 + [16] * 4


def test_what_was_said_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    segmenter = load_segmenter("bundled", device=torch.device("cpu"))
    picture = np.random.default_rng(5).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    picture = picture.repeat(16, axis=0).repeat(16, axis=1)
    known, fresh = segmenter.embed(picture), segmenter.embed(picture)
    asked: list[int] = []

    predict = segmenter.predict

    def counted(embedding: ImageEmbedding, prompts: Sequence[Prompt]) -> list[MaskPrediction]:
        asked.append(len(prompts))
        return predict(embedding, prompts)

    monkeypatch.setattr(segmenter, "predict", counted)
    said = [(30, 40, 1), (90, 20, 0), (60, 70, 1), (50, 50, 1)]
    for count in range(1, 5):
        del asked[:]
        question = replace(clicks(*said[:count]), multimask=False)
        got = predict_in_turn(segmenter, known, question)
        assert asked == [1]
    alone = predict_in_turn(segmenter, replace(fresh, turns=None), question)
    assert np.array_equal(got.masks, alone.masks)


def test_a_negative_click_adds_nothing_and_its_pixel_is_outside() -> None:
    before, got = block(10, 40), block(5, 50)
    question = clicks((15, 20, 1), (38.5, 20.5, 0))
    mask = obedient(got, question, before=before)
    assert not (mask & ~before).any()
    assert not mask[20, 38]
    assert contradictions(mask, question) == 0
    lost = np.argwhere(before & ~mask) + 0.5
    assert len(lost) > 1
    assert np.hypot(lost[:, 0] - 20.5, lost[:, 1] - 38.5).max() <= 0.3 * 23.6, "only near the click"


def test_a_positive_click_is_inside() -> None:
    question = clicks((15, 20, 1), (44.5, 12.5, 1), (47.5, 12.5, 0))
    mask = obedient(block(10, 40), question)
    assert mask[12, 44]
    assert not mask[12, 47]


@pytest.mark.parametrize("place", [(0.0, 0.0), (60.0, 40.0), (59.9, 39.9)])
def test_clicks_on_the_picture_s_edge_count(place: tuple[float, float]) -> None:
    question = clicks((*place, 1))
    assert contradictions(obedient(np.zeros(SHAPE, bool), question), question) == 0


def test_a_negative_click_takes_away_only_what_it_lies_in() -> None:
    before = block(5, 45)
    got = block(10, 35)  # what is left and right of it is lost; the click is on the right
    mask = obedient(got, clicks((15, 20, 1), (40.5, 20.5, 0)), before=before)
    assert np.array_equal(mask, block(5, 35))


def test_a_positive_click_outside_takes_nothing_away() -> None:
    got = block(30, 50)  # what the new click is on, without half of what was there
    mask = obedient(got, clicks((15, 20, 1), (45.5, 20.5, 1)), before=block(10, 40))
    assert np.array_equal(mask, block(10, 50))


def test_a_negative_click_never_adds_however_many_there_were() -> None:
    """The seventh click begins the dialogue anew where nothing is kept; what was seen is kept."""
    said = [(float(x), 20.5, 1) for x in (12, 15, 18, 21, 24, 27)]
    answers = [[block(10, 12 + 3 * n)] for n in range(1, 7)]
    model = Scripted(*answers, [block(5, 55)], [block(5, 55)])
    kept = replace(PICTURE, turns={})
    shown = predict_in_turn(model, kept, replace(clicks(*said), multimask=False)).masks[0]
    question = replace(clicks(*said, (25.5, 25.5, 0)), multimask=False)
    after = predict_in_turn(model, kept, question).masks[0]
    assert not (after & ~shown).any()
    assert not after[25, 25]


def test_a_click_near_the_rim_of_another_candidate_corrects_the_first() -> None:
    """Only one well inside of where the two differ means the other candidate."""
    whole, part = block(2, 50), block(2, 20)
    for column, chosen in ((48, 0), (35, 1)):
        segmenter = Scripted([whole, part], [whole])
        question = clicks((10, 20, 1), (column, 20, 0), multimask=False)
        predict_in_turn(segmenter, PICTURE, question)
        assert segmenter.asked[1].logits is not None
        assert segmenter.asked[1].logits[0, 0] == pytest.approx(1 + chosen / 10)


def test_a_negative_second_click_adds_nothing_to_what_was_shown() -> None:
    """Another candidate may contradict neither click, and yet have more."""
    shown, other = block(10, 40), block(5, 33)
    model = Scripted([shown, other, other], [block(5, 33)])
    question = replace(clicks((15, 20, 1), (37.5, 20.5, 0)), multimask=False)
    after = predict_in_turn(model, PICTURE, question).masks[0]
    assert not (after & ~shown).any()


def test_a_mask_from_a_box_stays_in_it() -> None:
    box = (10.0, 10.0, 50.0, 30.0)
    everything = np.ones(SHAPE, bool)
    for more in ([], [(30.0, 20.0, 1)]):
        asked = replace(clicks(*more, box=box), multimask=False)
        model = Scripted([everything], [everything])
        mask = predict_in_turn(model, PICTURE, asked).masks[0]
        assert np.array_equal(np.flatnonzero(mask.any(0))[[0, -1]], [8, 51]), "a margin of 5 %"
        assert np.array_equal(np.flatnonzero(mask.any(1))[[0, -1]], [9, 30])
    wider = replace(clicks((55.5, 20.5, 1), box=box), multimask=False)
    mask = predict_in_turn(Scripted([everything], [everything]), PICTURE, wider).masks[0]
    assert mask[20, 55], "a point outside says that the box was too small"
