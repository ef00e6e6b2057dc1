"""Which samples vote, in clear fields and in hazy ones."""

from __future__ import annotations

import pytest
import torch

from sa3d_blender.engine.mask_grid import (
    CLEAR_SHARE,
    HAZY_VOTING_SHARE,
    least_voting_weight,
)


def rays(*weights: float, count: int = 50) -> torch.Tensor:
    """The samples of many equal rays."""
    return torch.tensor(weights).repeat(count)


@pytest.mark.parametrize("weights", [(0.9, 0.04), (0.4, 0.3, 0.04, 0.02), (0.06,) * 12 + (0.03,)])
def test_clear_fields_keep_their_least_weight(weights: tuple[float, ...]) -> None:
    assert least_voting_weight(rays(*weights), 0.05) == 0.05


@pytest.mark.parametrize("seed", range(4))
def test_enough_of_a_hazy_surface_votes(seed: int) -> None:
    torch.manual_seed(seed)
    weights = torch.rand(4000) * 0.06
    assert float(weights[weights > 0.05].sum()) < CLEAR_SHARE * float(weights.sum())
    least = least_voting_weight(weights, 0.05)
    assert least < 0.05
    voting = float(weights[weights > least].sum()) / float(weights.sum())
    assert voting == pytest.approx(HAZY_VOTING_SHARE, abs=0.01)


def test_the_papers_settings_let_all_samples_vote() -> None:
    assert least_voting_weight(rays(0.03, 0.02), 0.0) == 0.0


def test_a_mask_that_shows_nothing_is_no_haze() -> None:
    assert least_voting_weight(torch.empty(0), 0.05) == 0.05
