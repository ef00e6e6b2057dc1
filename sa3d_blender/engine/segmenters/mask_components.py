"""Connected components of masks that are no part of the object are left out.

Small models see the object's colour elsewhere, too.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy import ndimage
from torch import Tensor, from_numpy, ones_like
from torch import bool as bool_type

SMALLEST = 0.5
"""Share of the largest component's area below which one is left out where none was clicked."""


BOX_MARGIN = 0.05
"""By so much of their width and height artists' boxes may be too tight."""


def inside_box(
    logits: Float[Tensor, "k s s"], corners: Float[Tensor, "1 4"]
) -> Float[Tensor, "k s s"]:
    """Masks without what lies outside a box.

    Args:
        corners: x0, y0, x1, y1 in pixels of the logits.

    Returns:
        The logits; outside the box none is positive.
    """
    x0, y0, x1, y1 = corners[0].tolist()
    across, down = BOX_MARGIN * (x1 - x0), BOX_MARGIN * (y1 - y0)
    outside = ones_like(logits[0], dtype=bool_type)
    rows = slice(max(0, round(y0 - down)), max(0, round(y1 + down)))
    columns = slice(max(0, round(x0 - across)), max(0, round(x1 + across)))
    outside[rows, columns] = False
    return logits.where(~outside, -logits.abs())


def clicked_components(
    logits: Float[Tensor, "k s s"], positive: Float[np.ndarray, "n 2"]
) -> Float[Tensor, "k s s"]:
    """Masks of only those connected components that were clicked on, or the large if none was.

    An object that something stands in front of loses its other half thereby; another click brings
    it back. Far more often the other piece is another object of the same colour.

    Args:
        positive: places of the positive clicks, x and y in pixels of the logits.

    Returns:
        The logits; of the pieces left out, with the opposite sign.
    """
    rows, columns = np.clip(positive[:, ::-1].astype(int).T, 0, logits.shape[-1] - 1)
    kept = []
    for mask in (logits > 0).cpu().numpy():
        numbers, count = ndimage.label(mask)
        clicked = numbers[rows, columns]
        keep = np.zeros(count + 1, bool)
        keep[clicked] = True
        if not clicked.any():
            sizes = np.bincount(numbers.ravel(), minlength=count + 1)
            sizes[0] = 0
            keep = sizes >= SMALLEST * sizes.max()
        kept.append(keep[numbers] | ~mask)
    return logits.where(from_numpy(np.stack(kept)).to(logits.device), -logits)
