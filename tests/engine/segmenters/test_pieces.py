"""Scraps of masks are left out."""

from __future__ import annotations

import numpy as np
import torch

from sa3d_blender.engine.segmenters.pieces import without_scraps


def test_small_pieces_go_large_and_clicked_ones_stay() -> None:
    logits = torch.full((2, 32, 32), -2.0)
    logits[0, 2:12, 2:12] = 3.0  # 100 pixels
    logits[0, 20:26, 2:8] = 3.0  # 36, large enough
    logits[0, 2:6, 20:24] = 3.0  # 16, clicked on
    logits[0, 20:25, 20:25] = 3.0  # 25, too small
    kept = without_scraps(logits, np.array([[21.5, 3.5], [40.0, 31.0]]))
    assert (kept[0] > 0).sum() == 100 + 36 + 16
    assert (kept[0, 20:25, 20:25] == -3).all()
    assert torch.equal(kept[0, :20], logits[0, :20])
    assert torch.equal(kept[1], logits[1])
    assert (without_scraps(logits, np.zeros((0, 2)))[0] > 0).sum() == 136
