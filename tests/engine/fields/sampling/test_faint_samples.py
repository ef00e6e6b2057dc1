"""Faint samples share their ray's colour; the picture stays what it is, with less work."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from sa3d_blender.core.cameras import read_transforms
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.sampling.faint_samples import colors_of_samples
from sa3d_blender.engine.rendering.render import render_view

TABLETOP = Path(__file__).parents[3] / "data" / "tabletop"
ROWS = torch.tensor([0, 0, 0, 2, 2, 2])
WEIGHTS = torch.tensor([0.5, 0.25, 0.005, 0.004, 0.003, 0.002])
COLORS = torch.tensor([[0.9, 0, 0], [0, 0.9, 0], [0, 0, 0.9], [0.1, 0, 0], [0, 0.2, 0], [0, 0, 0]])


class Counted:
    """Known colours; remembers how many were asked for."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, at: Tensor | slice) -> Tensor:
        self.asked += len(COLORS[at])
        return COLORS[at]


def test_a_faint_sample_takes_the_mean_of_its_ray_and_haze_keeps_its_own() -> None:
    color = Counted()
    found = colors_of_samples(ROWS, WEIGHTS, 0.01, color)
    expected = COLORS.clone()
    expected[2] = (0.5 * COLORS[0] + 0.25 * COLORS[1]) / 0.75
    torch.testing.assert_close(found, expected)
    assert color.asked == 5


def test_without_a_limit_every_sample_has_its_own_color() -> None:
    assert torch.equal(colors_of_samples(ROWS, WEIGHTS, 0.0, Counted()), COLORS)


def test_no_samples() -> None:
    none = torch.zeros(0)
    found = colors_of_samples(none.long(), none, 0.01, lambda at: torch.zeros(0, 3)[at])
    assert found.shape == (0, 3)


def test_the_picture_of_a_field_hardly_changes() -> None:
    field = load_field(TABLETOP / "tabletop.th", FieldOptions(), device=torch.device("cpu"))
    camera = read_transforms(TABLETOP / "transforms_test.json", size=(100, 100))[0]
    every, fewer = render_view(field, camera), render_view(field, camera, faint=0.01)
    error = (every.image() - fewer.image()).square().mean()
    assert -10 * float(error.log10()) > 50
    assert torch.equal(every.samples.weights, fewer.samples.weights)
