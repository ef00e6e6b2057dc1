"""One click on a thing with nothing around it means the whole of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sa3d_blender.core.prompts import Prompt
from sa3d_blender.engine.segmenters.free_standing import standing_first
from sa3d_blender.engine.segmenters.protocol import ImageEmbedding, MaskPrediction

CLICK = Prompt().with_clicks([(10.5, 10.5, 1)])


def square(size: int) -> np.ndarray:
    mask = np.zeros((40, 40), bool)
    mask[8 : 8 + size, 8 : 8 + size] = True
    return mask


def answer(scores: tuple[float, float]) -> MaskPrediction:
    """A part first, then the whole."""
    masks = np.stack([square(8), square(19)])
    return MaskPrediction(masks, np.array(scores), np.where(masks, 1.0, -1.0))


def picture(solid: np.ndarray | None) -> ImageEmbedding:
    return ImageEmbedding(torch.zeros(1, 1, 1, 1), (40, 40), (40, 40), solid=solid)


def test_the_whole_of_what_stands_free_comes_first() -> None:
    found = standing_first(answer((0.6, 0.55)), picture(square(20)), CLICK)
    assert (found.masks[0] == square(19)).all()
    assert (found.masks[1] == square(8)).all()
    assert (np.diff(found.scores) <= 0).all()
    assert (found.logits[0] > 0).sum() == 19**2


@pytest.mark.parametrize(
    ("scores", "solid", "question"),
    [
        ((0.9, 0.5), square(20), CLICK),  # the model is sure of the part
        ((0.6, 0.55), np.ones((40, 40), bool), CLICK),  # it stands in a room
        ((0.6, 0.55), None, CLICK),  # it is a photograph
        ((0.6, 0.55), square(30), CLICK),  # it stands on something
        ((0.6, 0.55), square(20), CLICK.and_click(30, 30, 0)),
    ],
)
def test_else_the_model_decides(
    scores: tuple[float, float], solid: np.ndarray | None, question: Prompt
) -> None:
    found = standing_first(answer(scores), picture(solid), question)
    assert (found.masks[0] == square(8)).all()
