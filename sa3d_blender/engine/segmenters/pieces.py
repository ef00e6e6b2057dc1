"""Leaves out what lies apart from the object: small models see its colour elsewhere, too."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy import ndimage
from torch import Tensor, from_numpy

SMALLEST = 0.3
"""Of the area of a mask's largest piece. An object behind a thin thing keeps both of its halves."""


def without_scraps(
    logits: Float[Tensor, "k s s"], positive: Float[np.ndarray, "n 2"]
) -> Float[Tensor, "k s s"]:
    """Masks without small separate pieces, unless they were clicked on.

    Args:
        positive: places of the positive clicks, x and y in pixels of the logits.

    Returns:
        The logits; of the pieces left out, with the opposite sign.
    """
    rows, columns = np.clip(positive[:, ::-1].astype(int).T, 0, logits.shape[-1] - 1)
    kept = []
    for mask in (logits > 0).cpu().numpy():
        numbers, _ = ndimage.label(mask)
        sizes = np.bincount(numbers.ravel())
        sizes[0] = 0
        keep = sizes >= SMALLEST * sizes.max()
        keep[numbers[rows, columns]] = True
        kept.append(keep[numbers] | ~mask)
    return logits.where(from_numpy(np.stack(kept)).to(logits.device), -logits)
