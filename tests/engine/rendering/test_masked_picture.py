"""Pictures with masks: the same in bands as at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sa3d_blender.core.cameras import Camera
from sa3d_blender.core.errors import Cancelled
from sa3d_blender.engine.rendering import masked_picture
from sa3d_blender.engine.rendering.masked_picture import render_with_masks
from sa3d_blender.engine.rendering.render import render_view
from sa3d_blender.engine.segmentation.result import SegmentedObject
from tests.support.made_up_fields import HazyBalls

FROM_ABOVE = np.diag([1.0, 1, 1, 1]) + np.outer([0, 0, 2.0, 0], [0, 0, 0, 1])


@pytest.mark.parametrize("hazy", [False, True])
def test_bands_leave_no_seam(monkeypatch: pytest.MonkeyPatch, hazy: bool) -> None:
    monkeypatch.setattr(masked_picture, "BAND_PIXELS", 500)
    values = torch.full((8, 8, 8), -1.0)
    values[4:] = 1.0
    corner = torch.full((3,), 0.9)
    half = SegmentedObject("half", -corner, corner, values, values < 0, level=50.0, hazy=hazy)
    camera = Camera(60, 47, 50.0, 52.0, 31.0, 22.0, FROM_ABOVE)
    picture, (mask,) = render_with_masks(HazyBalls(), camera, [half])
    view = render_view(HazyBalls(), camera)
    assert torch.allclose(picture.image, view.image(), atol=1e-4)
    assert torch.allclose(picture.depth, view.depth(), atol=1e-3)
    assert torch.allclose(picture.opacity, view.opacity(), atol=1e-4)
    assert 100 < mask.sum() < mask.size / 2
    assert (mask != half.mask(view)).sum() <= 2


def test_a_cancel_is_heard_in_the_first_band() -> None:
    camera = Camera(60, 47, 50.0, 52.0, 31.0, 22.0, FROM_ABOVE)
    with pytest.raises(Cancelled):
        render_with_masks(HazyBalls(), camera, [], cancelled=lambda: True)
