"""Both prompt rules on pictures small enough to check by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from scipy import ndimage

from sa3d_blender.core.prompts import Prompt
from sa3d_blender.engine.segmentation.agreeing_cuts import (
    CutTask,
    cut_all_by_agreement,
    cut_by_agreement,
)
from sa3d_blender.engine.segmentation.self_prompt import (
    KnownPixels,
    agreement,
    confident_points,
    cut_by_confidence,
    deepest_pixel,
)
from sa3d_blender.engine.segmenters.protocol import ImageEmbedding, MaskPrediction
from tests.support.one_by_one import OneByOne

SIDE = 64
EMBEDDING = ImageEmbedding(torch.zeros(1, 1, 1, 1), (SIDE, SIDE), (SIDE, SIDE))


def square(top: int, left: int, size: int) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[top : top + size, left : left + size] = True
    return mask


class Scripted(OneByOne):
    """Answers the n-th question with the n-th masks and remembers the questions."""

    name = "scripted"

    def __init__(self, *answers: list[np.ndarray]) -> None:
        self.answers = list(answers)
        self.asked: list[Prompt] = []

    def embed(self, image: np.ndarray, relief: object = None) -> ImageEmbedding:
        return EMBEDDING

    def answer(self, embedding: ImageEmbedding, prompt: Prompt) -> MaskPrediction:
        self.asked.append(prompt)
        masks = np.stack(self.answers[min(len(self.asked), len(self.answers)) - 1])
        count = len(masks)
        logits = np.full((count, 4, 4), float(len(self.asked)), np.float32)
        return MaskPrediction(masks, np.linspace(1, 0.5, count, dtype=np.float32), logits)


def test_the_deepest_pixel_of_a_square_is_its_middle() -> None:
    assert deepest_pixel(square(10, 20, 9)) == (14, 24, 5.0)
    assert deepest_pixel(square(0, 0, 0))[2] == 0


def test_agreement_ignores_unknown_pixels() -> None:
    known = KnownPixels(square(0, 0, 10), square(0, 10, 10))
    mask = square(0, 0, 10) | square(30, 30, 20)  # the second square is not known
    assert agreement(mask, known) == 1.0
    assert agreement(square(0, 0, 10) | square(0, 10, 10), known) == 0.5


def test_confident_points_are_the_highest_and_apart() -> None:
    score = np.zeros((SIDE, SIDE), np.float32)
    score[20, 20], score[20, 21], score[40, 40] = 0.9, 0.8, 0.5
    # area 2.2: radius 0.8, so the half window is the least, 2: (20, 21) is masked out
    assert confident_points(score, 5) == [(20, 20), (40, 40)]
    assert confident_points(-score, 5) == []


def test_a_first_answer_that_agrees_needs_one_click() -> None:
    known = KnownPixels(square(10, 10, 21), ~square(5, 5, 31))
    segmenter = Scripted([square(50, 50, 5), square(9, 9, 23)])
    cut = cut_by_agreement(segmenter, EMBEDDING, known)
    assert cut.accepted
    assert len(segmenter.asked) == 1
    assert cut.prompt.points == ((20.5, 20.5),)
    assert np.array_equal(cut.mask, square(9, 9, 23))  # the better candidate, not the first


def test_a_spill_is_clicked_away_with_the_logits_fed_back() -> None:
    known = KnownPixels(square(10, 10, 21), ~square(5, 5, 31))
    segmenter = Scripted([square(10, 10, 50)], [square(10, 10, 22)])
    cut = cut_by_agreement(segmenter, EMBEDDING, known)
    assert cut.prompt.labels == (1, 0)
    x, y = cut.prompt.points[1]
    assert known.other[int(y), int(x)]
    assert np.array_equal(np.asarray(segmenter.asked[1].logits), np.ones((4, 4)))
    assert cut.agreement > 0.95


def test_a_hidden_object_and_a_contradiction_do_not_vote() -> None:
    nothing = KnownPixels(square(0, 0, 2), ~square(0, 0, 2))
    assert "hidden" in cut_by_agreement(Scripted([square(0, 0, 9)]), EMBEDDING, nothing).reason
    known = KnownPixels(square(10, 10, 11), ~square(10, 10, 11))
    cut = cut_by_agreement(Scripted([square(30, 30, 20)]), EMBEDDING, known)
    assert "contradicts" in cut.reason
    empty = Scripted([np.zeros((SIDE, SIDE), bool)])
    assert "nothing" in cut_by_agreement(empty, EMBEDDING, known).reason


def test_a_mask_that_is_mostly_new_does_not_vote() -> None:
    known = KnownPixels(square(10, 10, 11), np.zeros((SIDE, SIDE), bool))
    cut = cut_by_agreement(Scripted([square(5, 5, 50)]), EMBEDDING, known)
    assert "seen as the object before" in cut.reason


def test_the_artists_clicks_come_first_and_stay() -> None:
    known = KnownPixels(square(10, 10, 21), ~square(10, 10, 21))
    segmenter = Scripted([square(10, 10, 21)])
    first = Prompt(points=((12.5, 12.5), (50.5, 50.5)), labels=(1, 0))
    cut = cut_by_agreement(segmenter, EMBEDDING, known, first=first)
    assert cut.prompt.points == first.points
    assert cut.prompt.labels == (1, 0)


def test_the_papers_rule_prompts_once_and_always_votes() -> None:
    score = np.where(square(10, 10, 11), 1.0, -1.0).astype(np.float32)
    segmenter = Scripted([square(40, 40, 10)])
    cut = cut_by_confidence(segmenter, EMBEDDING, score)
    assert cut.accepted
    assert cut.agreement == 0
    assert segmenter.asked[0].multimask is False
    assert not cut_by_confidence(segmenter, EMBEDDING, -np.ones((9, 9), np.float32)).accepted


def test_an_answer_stays_while_it_agrees_as_it_did() -> None:
    """One of this run only where nothing is wrong with it."""
    known = KnownPixels(square(10, 10, 21), ~square(10, 10, 21))
    spilled = square(10, 10, 21) | square(31, 10, 5)  # deeper than an edge
    earlier = cut_by_agreement(Scripted([spilled]), EMBEDDING, known)
    assert earlier.agreement < 0.97
    for checked, agreed, asked in ((True, earlier.agreement, 0), (False, 0.0, 1), (True, 1.0, 1)):
        segmenter = Scripted([square(10, 10, 21)])
        before = replace(earlier, agreement=agreed)
        task = CutTask(known, earlier=before, checked=checked)
        (cut,) = cut_all_by_agreement(segmenter, EMBEDDING, [task])
        assert len(segmenter.asked) == asked
        assert np.array_equal(cut.mask, spilled) == (not asked)


def test_several_objects_are_asked_about_together_and_answered_as_alone() -> None:
    """Round by round; what is settled, or hidden, is asked about no more."""
    places = [(4, 4, 9), (40, 8, 15), (20, 40, 11)]
    world = np.zeros((SIDE, SIDE), int)
    for number, place in enumerate(places, start=1):
        world[square(*place)] = number

    class Nearest(Scripted):
        """The object under the first click, with a rim until it is clicked away."""

        def __init__(self) -> None:
            super().__init__()
            self.sizes: list[int] = []

        def answer(self, embedding: ImageEmbedding, prompt: Prompt) -> MaskPrediction:
            (x, y), *denied = prompt.point_array().astype(int)
            mask = world == world[y, x]
            if not denied and world[y, x] == 2:
                mask = ndimage.binary_dilation(mask, iterations=7)
            low = np.full((1, 4, 4), 1.0, np.float32)
            return MaskPrediction(mask[None], np.ones(1, np.float32), low)

        def predict(self, embedding: ImageEmbedding, prompts: Any) -> list[MaskPrediction]:
            self.sizes.append(len(prompts))
            return super().predict(embedding, prompts)

    known = [KnownPixels(world == k, (world != k) & (world > 0)) for k in (1, 2, 3)]
    known[1] = KnownPixels(world == 2, world != 2)
    nothing = KnownPixels(np.zeros_like(world, bool), world > 0)
    together = Nearest()
    cuts = cut_all_by_agreement(together, EMBEDDING, [CutTask(k) for k in (*known, nothing)])
    assert together.sizes == [3, 1]
    assert [cut.accepted for cut in cuts] == [True, True, True, False]
    for cut, alone in zip(cuts, known, strict=False):
        single = cut_by_agreement(Nearest(), EMBEDDING, alone)
        assert np.array_equal(cut.mask, single.mask)
        assert cut.prompt == single.prompt
