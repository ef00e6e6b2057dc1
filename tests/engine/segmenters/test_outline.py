"""Outlines drawn along the picture's edges."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch.nn.functional import avg_pool2d, binary_cross_entropy_with_logits, interpolate

from sa3d_blender.core.prompts import Prompt
from sa3d_blender.engine.segmenters.outline import Outline
from tests.support.small_segmenter import small_segmenter


def test_untrained_outline_only_enlarges() -> None:
    torch.manual_seed(0)
    outline = Outline(12, 8)
    logits = torch.randn(2, 3, 32, 32)
    drawn = outline(outline.embed(torch.randn(2, 12, 16, 16)), logits)
    enlarged = interpolate(logits, scale_factor=2.0, mode="bilinear", align_corners=False)
    assert torch.allclose(drawn, enlarged, atol=1e-6)


def test_outline_learns_to_follow_an_edge_that_coarse_logits_miss() -> None:
    """The features say which side of a slanted edge a pixel is on; the logits only roughly do."""
    torch.manual_seed(0)
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")

    def example(slope: float, shift: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        sharp = (columns + slope * rows > shift).float()[None, None]
        shallow = torch.nn.functional.pixel_unshuffle(sharp, 4)
        blurred = avg_pool2d(sharp, 15, 1, 7, count_include_pad=False)
        return sharp, shallow, avg_pool2d(blurred, 2) * 8 - 3

    outline = Outline(16, 16)
    optimizer = torch.optim.Adam(outline.parameters(), lr=1e-2)
    rng = np.random.default_rng(0)
    for _ in range(80):
        sharp, shallow, logits = example(rng.uniform(-0.5, 0.5), rng.uniform(20, 45))
        loss = binary_cross_entropy_with_logits(outline(outline.embed(shallow), logits), sharp)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    sharp, shallow, logits = example(0.3, 33.0)
    coarse = interpolate(logits, scale_factor=2.0, mode="bilinear", align_corners=False)
    wrong_before = ((coarse > 0) != (sharp > 0)).sum()
    wrong_after = ((outline(outline.embed(shallow), logits) > 0) != (sharp > 0)).sum()
    assert wrong_before > 100
    assert wrong_after < 0.2 * wrong_before


def test_segmenter_draws_outlines_and_feeds_them_back() -> None:
    """Masks are the drawn logits, the low-resolution logits are their means."""
    model = small_segmenter()
    torch.nn.init.normal_(model.outline.write.weight, std=0.5)
    segmenter = model.as_segmenter(torch.device("cpu"))
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    embedding = segmenter.embed(image)
    click = Prompt(points=((30.0, 20.0),), labels=(1,))
    (answer,) = segmenter.predict(embedding, [click])
    low = torch.from_numpy(answer.logits)
    assert low.shape == (3, 16, 16)
    share = avg_pool2d(torch.from_numpy(answer.masks).float()[None], 4)[0]
    assert (low[share == 1] > 0).all()
    assert (low[share == 0] <= 0).all()
    correction = replace(click, logits=answer.logits[0], multimask=False)
    (again,) = segmenter.predict(embedding, [correction])
    assert again.logits.shape == (1, 16, 16)
