"""Pictures with masks: the same in bands as at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sa3d_blender.core.cameras import Camera
from sa3d_blender.core.errors import Cancelled
from sa3d_blender.engine.mask_grids.result import SegmentedObject
from sa3d_blender.engine.rendering.render import render_view
from sa3d_blender.engine.run import Run
from sa3d_blender.engine.segmentation import masked_picture
from sa3d_blender.engine.segmentation.masked_picture import render_with_masks
from tests.support.made_up_fields import HazyBalls

FROM_ABOVE = np.diag([1.0, 1, 1, 1]) + np.outer([0, 0, 2.0, 0], [0, 0, 0, 1])


CAMERA = Camera(60, 47, 50.0, 52.0, 31.0, 22.0, FROM_ABOVE)


@pytest.fixture(autouse=True)
def small_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight rows each; the last has less."""
    monkeypatch.setattr(masked_picture, "BAND_PIXELS", 500)


def half_space(hazy: bool) -> SegmentedObject:
    """What lies to the right."""
    values = torch.full((8, 8, 8), -1.0)
    values[4:] = 1.0
    corner = torch.full((3,), 0.9)
    return SegmentedObject("half", -corner, corner, values, values < 0, level=50.0, hazy=hazy)


@pytest.mark.parametrize("hazy", [False, True])
def test_bands_leave_no_seam(hazy: bool) -> None:
    half = half_space(hazy)
    picture, (mask,) = render_with_masks(HazyBalls(), CAMERA, [half])
    view = render_view(HazyBalls(), CAMERA)
    assert torch.allclose(picture.image, view.image(), atol=1e-4)
    assert torch.allclose(picture.depth, view.depth(), atol=1e-3)
    assert torch.allclose(picture.opacity, view.opacity(), atol=1e-4)
    assert 100 < mask.sum() < mask.size / 2
    assert (mask != half.mask(view)).sum() <= 2


def test_a_cancel_is_heard_in_every_band() -> None:
    asked: list[bool] = []

    def cancelled() -> bool:
        asked.append(True)
        return len(asked) == 3  # a band has one chunk of rays

    with pytest.raises(Cancelled):
        render_with_masks(HazyBalls(), CAMERA, [half_space(False)], run=Run(is_cancelled=cancelled))
    assert len(asked) == 3
