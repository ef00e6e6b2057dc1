"""Connected components that are no part of the object are left out of masks."""

from __future__ import annotations

import numpy as np
import torch

from sa3d_blender.engine.segmenters.mask_components import clicked_components, inside_box


def four_pieces() -> torch.Tensor:
    logits = torch.full((32, 32), -2.0)
    logits[2:12, 2:12] = 3.0  # 100 pixels
    logits[20:28, 2:10] = 3.0  # 64
    logits[2:6, 20:24] = 3.0  # 16
    logits[20:25, 20:25] = 3.0  # 25
    return logits


def test_only_clicked_pieces_stay() -> None:
    logits = torch.stack([four_pieces(), torch.full((32, 32), -2.0)])
    kept = clicked_components(logits, np.array([[21.5, 3.5], [3.0, 3.0], [40.0, 31.0]]))
    assert (kept[0] > 0).sum() == 16 + 100
    assert (kept[0, 20:25, 20:25] == -3).all()
    assert torch.equal(kept[0, :12], logits[0, :12])
    assert torch.equal(kept[1], logits[1])


def test_large_pieces_stay_where_none_was_clicked() -> None:
    logits = four_pieces()[None]
    for clicks in (np.zeros((0, 2)), np.array([[15.0, 15.0]])):
        assert (clicked_components(logits, clicks)[0] > 0).sum() == 100 + 64


def test_nothing_lies_outside_a_box_but_for_a_margin() -> None:
    kept = inside_box(torch.full((1, 50, 50), 2.0), torch.tensor([[10.0, 20.0, 30.0, 60.0]]))
    assert (kept[0] > 0).sum() == (50 - 18) * (31 - 9)
    assert (kept[0, 18:, 9:31] == 2).all()
    assert kept[0, 17, 20] == -2
    assert (inside_box(-torch.ones(1, 9, 9), torch.tensor([[2.0, 2.0, 5.0, 5.0]])) == -1).all()
