"""The order of candidates, and merging those that mean the same object, by hand."""

import numpy as np
import torch

from sa3d_blender.engine.segmenters.consensus import best_first, overlaps, preference

SIZE_WEIGHT = 0.03


def bar(end: int, height: float = 2.0) -> torch.Tensor:
    """Logits of a picture of 4 x 10 pixels, positive in the first columns."""
    return torch.where(torch.arange(10) < end, height, -height).expand(4, 10)


def test_overlaps() -> None:
    masks = torch.stack([bar(4), bar(8), bar(0)]) > 0
    assert torch.allclose(overlaps(masks, bar(8) > 0), torch.tensor([0.5, 1.0, 0.0]))
    assert overlaps(masks[2:], bar(0) > 0) == 0


def test_best_is_merged_with_those_that_mean_the_same() -> None:
    # Of the best, 8 columns, 7 agree (IoU 0.875) and 2 do not (0.25); the single mask has 7, too.
    every = torch.stack([bar(7), bar(2), bar(8), bar(7)])
    drawn, scores = best_first(every, torch.tensor([0.1, 0.6, 0.9, 0.7]), SIZE_WEIGHT)
    assert torch.equal(drawn[0] > 0, bar(7) > 0)
    assert np.isclose(float(drawn[0, 0, 7]), (2 - 2 - 2) / 3)
    assert torch.equal(drawn[1], bar(7))
    assert torch.equal(drawn[2], bar(2))
    assert torch.allclose(scores, torch.tensor([0.9, 0.7, 0.6]))


def test_an_earlier_look_decides_the_order_and_scores_descend() -> None:
    every = torch.stack([bar(0), bar(9), bar(3), bar(1)])
    drawn, scores = best_first(every, torch.tensor([0.0, 0.9, 0.5, 0.4]), SIZE_WEIGHT, bar(3))
    assert torch.equal(drawn[0], bar(3))
    assert torch.equal(drawn[1], bar(9))  # 0.9 + 2 / 3 against 0.4 + 2 / 3
    assert torch.allclose(scores, torch.tensor([0.5, 0.5, 0.4]))


def test_nothing_found_stays_nothing() -> None:
    drawn, _ = best_first(bar(0).expand(4, 4, 10), torch.zeros(4), SIZE_WEIGHT)
    assert drawn.shape == (3, 4, 10)
    assert not (drawn > 0).any()


def test_of_equally_good_masks_the_larger_one_is_meant() -> None:
    part, whole = bar(3), bar(6)
    liked = preference(torch.stack([part, whole]), torch.tensor([0.8, 0.8]), SIZE_WEIGHT)
    assert np.isclose(float(liked[1] - liked[0]), SIZE_WEIGHT * np.log(2))
    every = torch.stack([bar(0), part, whole, bar(1)])
    for lead, expected in ((0.01, whole), (0.05, part)):
        drawn, scores = best_first(every, torch.tensor([0.0, 0.8 + lead, 0.8, 0.1]), SIZE_WEIGHT)
        assert torch.equal(drawn[0], expected)
        assert (scores.diff() <= 0).all()
