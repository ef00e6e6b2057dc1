"""Several questions about one picture are answered as one at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sa3d_blender.engine.segmenters import load_segmenter
from sa3d_blender.engine.segmenters.closer_look import CloserLook
from sa3d_blender.engine.segmenters.promptable import LOGITS_STRIDE
from sa3d_blender.engine.segmenters.protocol import Question, Segmenter


def points(*places: tuple[float, float, int]) -> dict[str, np.ndarray]:
    return {
        "points": np.array([place[:2] for place in places], np.float32),
        "labels": np.array([place[2] for place in places]),
    }


def questions(side: int) -> list[Question]:
    """Of all kinds; earlier logits have so many pixels each way."""
    logits = np.linspace(-4, 4, side * side, dtype=np.float32).reshape(side, side)
    return [
        Question(**points((30, 40, 1))),
        Question(**points((90, 20, 1), (10, 10, 0))),
        Question(**points((60, 70, 1))),
        Question(box=np.array([20.0, 20.0, 100.0, 90.0], np.float32)),
        Question(**points((50, 50, 1)), logits=logits, multimask=False),
        Question(**points((44, 61, 1)), box=np.array([5.0, 40.0, 70.0, 110.0], np.float32)),
        Question(**points((80, 80, 1)), logits=logits.T.copy(), multimask=False),
        Question(box=np.array([60.0, 8.0, 120.0, 60.0], np.float32)),
    ]


@pytest.fixture(scope="module")
def bundled() -> CloserLook:
    segmenter = load_segmenter("bundled", device=torch.device("cpu"))
    assert isinstance(segmenter, CloserLook)
    return segmenter


@pytest.mark.parametrize("closer", [True, False])
def test_the_answers_are_those_of_one_at_a_time(bundled: CloserLook, closer: bool) -> None:
    segmenter: Segmenter = bundled if closer else bundled.model
    draw = np.random.default_rng(5)
    blocks = draw.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    picture = blocks.repeat(16, axis=0).repeat(16, axis=1)
    asked = questions(bundled.model.input_side // LOGITS_STRIDE)
    together = segmenter.predict_all(segmenter.embed(picture), asked)
    for question, answer in zip(asked, together, strict=True):
        alone = segmenter.predict(segmenter.embed(picture), **vars(question))
        assert answer.masks.shape == alone.masks.shape
        assert np.abs(answer.scores - alone.scores).max() < 1e-4
        assert np.abs(answer.logits - alone.logits).max() < 1e-4 * max(
            1, np.abs(alone.logits).max()
        )
        assert (answer.masks == alone.masks).mean() > 0.9999


def test_no_question_has_no_answer(bundled: CloserLook) -> None:
    assert bundled.predict_all(bundled.embed(np.zeros((64, 64, 3), np.uint8)), []) == []
