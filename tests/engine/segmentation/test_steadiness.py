"""A run ends when views change nothing any more, and not before."""

from __future__ import annotations

import pytest
import torch

from sa3d_blender.core.prompts import Prompt
from sa3d_blender.core.settings import SegmentSettings
from sa3d_blender.engine.mask_grids.mask_grid import MaskGrid
from sa3d_blender.engine.segmentation.object_votes import ObjectVotes
from sa3d_blender.engine.segmentation.steadiness import LEAST_VIEWS, QUIET_VIEWS, Steadiness


def voted(count: int, *, side: int = 10, hazy: bool = False) -> ObjectVotes:
    """An object of so many nodes."""
    ends = torch.tensor([[-1.0] * 3, [1.0] * 3])
    grid = MaskGrid.empty(ends[0], ends[1], (side, side, side))
    object_ = torch.arange(side**3) < count
    grid.votes_for.view(-1)[object_] = 1
    grid.votes_against.view(-1)[~object_] = 1
    prompt = Prompt("a", ((1.0, 1.0),), (1,))
    return ObjectVotes(prompt, SegmentSettings(), grid, ends, hazy=hazy)


def views_until_the_end(counts: list[int], *, hazy: bool = False) -> int | None:
    steadiness = Steadiness()
    for number, count in enumerate(counts, start=1):
        if steadiness.reached([voted(500), voted(count, hazy=hazy)]):
            return number
    return None


@pytest.mark.parametrize(
    ("counts", "end"),
    [
        ([400] * 20, LEAST_VIEWS),
        ([40 * k for k in range(1, 11)] + [400] * 10, 10 + QUIET_VIEWS),
        ([400 + 20 * (k % 2) for k in range(20)], None),
    ],
)
def test_it_ends_after_quiet_views(counts: list[int], end: int | None) -> None:
    """All objects must be still, after a few views in any case."""
    assert views_until_the_end(counts) == end


def test_outlines_in_haze_are_never_enough() -> None:
    assert views_until_the_end([400] * 20, hazy=True) is None


def test_another_region_is_a_change() -> None:
    steadiness = Steadiness()
    for _ in range(LEAST_VIEWS):
        steadiness.reached([voted(400)])
    assert not steadiness.reached([voted(400, side=9)])
