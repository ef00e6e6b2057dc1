"""What of the voted nodes is the object, and what are stray pieces beside it."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from scipy import ndimage
from torch import Tensor

SMALLEST_PIECE = 0.1
"""Voted nodes of a separate piece over those of the largest, below which it is no object."""


def main_pieces(share: Float[Tensor, "x y z"]) -> Float[Tensor, "x y z"]:
    """The votes with small separate pieces of the object turned into votes against it."""
    positive = (share > 0).cpu().numpy()
    piece, count = ndimage.label(ndimage.binary_dilation(positive))
    if count < 2:
        return share
    sizes = np.bincount(piece[positive], minlength=count + 1)
    stray = positive & (sizes < SMALLEST_PIECE * sizes.max())[piece]
    return torch.where(torch.from_numpy(stray).to(share.device), -share, share)
