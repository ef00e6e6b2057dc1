"""Which samples vote, in clear fields and in hazy ones."""

from __future__ import annotations

import torch

from sa3d_blender.engine.fields.rays import Samples
from sa3d_blender.engine.mask_grids.mask_grid import NEARER_SHARE, nearer_samples
from sa3d_blender.engine.rendering.haze import is_faint


def rays(*weights: float, count: int = 50) -> Samples:
    """Many equal rays."""
    number = torch.arange(count).repeat_interleave(len(weights))
    depth = torch.arange(float(len(weights))).repeat(count)
    points = torch.zeros(len(depth), 3)
    return Samples(number, points, torch.tensor(weights).repeat(count), depth, None)


def test_clear_fields_have_heavy_samples() -> None:
    for weights in ((0.9, 0.04), (0.4, 0.3, 0.04, 0.02), (0.06,) * 12 + (0.03,)):
        assert not is_faint(torch.tensor(weights), 0.05)


def test_hazy_fields_have_none_or_few() -> None:
    assert is_faint(torch.full((20,), 0.04), 0.05)
    assert is_faint(torch.tensor([0.3] + [0.04] * 17), 0.05)


def test_the_papers_settings_know_no_haze() -> None:
    assert not is_faint(torch.tensor([0.03, 0.02]), 0.0)


def test_a_mask_that_shows_nothing_is_no_haze() -> None:
    assert not is_faint(torch.empty(0), 0.05)


def nearer(*weights: float) -> list[bool]:
    """Which samples of the first of many equal rays count as nearer."""
    samples = rays(*weights)
    found = nearer_samples(samples)
    return [bool(near) for near in found[samples.ray_index == 0]]


def test_the_nearer_part_of_the_light_is_asked() -> None:
    assert nearer(*[0.04] * 20) == [number < 20 * NEARER_SHARE for number in range(20)]
    assert nearer(0.02, 0.3, 0.04, *[0.04] * 16) == [True] * 9 + [False] * 10
    assert nearer(0.1, 0.1) == [True, False]


def test_a_view_of_nothing() -> None:
    none = Samples(
        torch.empty(0, dtype=torch.long),
        torch.empty(0, 3),
        torch.empty(0),
        torch.empty(0),
        None,
    )
    assert nearer_samples(none).tolist() == []
