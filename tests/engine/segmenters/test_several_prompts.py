"""Several prompts in one picture are answered as one at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from sa3d_blender.core.prompts import Prompt
from sa3d_blender.engine.segmenters import load_segmenter
from sa3d_blender.engine.segmenters.closer_look import CloserLook
from sa3d_blender.engine.segmenters.promptable import LOGITS_STRIDE
from sa3d_blender.engine.segmenters.protocol import Segmenter


def clicks(*said: tuple[float, float, int], **more: Any) -> Prompt:
    return Prompt(**more).with_clicks(said)


def prompts(side: int) -> list[Prompt]:
    """Of all kinds; earlier logits have so many pixels each way."""
    logits = np.linspace(-4, 4, side * side, dtype=np.float32).reshape(side, side)
    return [
        clicks((30, 40, 1)),
        clicks((90, 20, 1), (10, 10, 0)),
        clicks((60, 70, 1)),
        Prompt(box=(20, 20, 100, 90)),
        clicks((50, 50, 1), logits=logits, multimask=False),
        clicks((44, 61, 1), box=(5, 40, 70, 110)),
        clicks((80, 80, 1), logits=logits.T.copy(), multimask=False),
        Prompt(box=(60, 8, 120, 60)),
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
    asked = prompts(bundled.model.input_side // LOGITS_STRIDE)
    together = segmenter.predict(segmenter.embed(picture), asked)
    for prompt, answer in zip(asked, together, strict=True):
        (alone,) = segmenter.predict(segmenter.embed(picture), [prompt])
        assert answer.masks.shape == alone.masks.shape
        assert np.abs(answer.scores - alone.scores).max() < 1e-4
        assert np.abs(answer.logits - alone.logits).max() < 1e-4 * max(
            1, np.abs(alone.logits).max()
        )
        assert (answer.masks == alone.masks).mean() > 0.9999


def test_no_prompt_has_no_answer(bundled: CloserLook) -> None:
    assert bundled.predict(bundled.embed(np.zeros((64, 64, 3), np.uint8)), []) == []
