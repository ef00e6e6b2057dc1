"""Haze: a field's light comes from many faint samples along each ray, not from a surface.

The one place that says where a field is hazy. It has three questions, as haze may spoil one thing
and not another: a few heavy samples far apart can vote, and still tell no surface.

* `is_vague`: the spread of the light, over its distance. 0.011 at most was seen in clear fields,
  0.012 to 0.4 in hazy ones. There the segmenter gets no relief (normals and depth).
* `is_faint`: the part of the light that is in heavy samples. 0.63 and more was seen in clear
  fields. Elsewhere the nearer part of each ray's light votes.
* `is_deep`: the spread of the light, over the object's radius. 0.03 to 0.15 was seen in clear
  fields, 0.28 to 1.7 in hazy ones. There an object is found by its outlines.

The spread is the standard deviation of the distances that a pixel's light comes from.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from torch import Tensor

VAGUE, CLEAR, DEEP = 0.012, 0.55, 0.2


def is_vague(spread: Float[Tensor, " p"], distance: Float[Tensor, " p"]) -> bool:
    """Whether slopes of the pixels' mean distances would only mislead.

    Args:
        spread, distance: of the pixels that show something, in the same unit.
    """
    return len(spread) == 0 or float((spread / distance).median()) > VAGUE


def is_faint(weights: Float[Tensor, " s"], heavy: float) -> bool:
    """Whether heavy samples say too little of what was looked at to vote alone.

    Args:
        weights: of the samples that a mask shows.
        heavy: the weight above which samples vote in clear fields.
    """
    return float(weights[weights > heavy].sum()) < CLEAR * float(weights.sum())


def is_deep(spreads: Sequence[Float[Tensor, " _"]], radius: float) -> bool:
    """Whether an object has no surface.

    Args:
        spreads: of the object's pixels in each view.
        radius: the object's, in the same unit.
    """
    medians = [float(spread.median()) for spread in spreads]
    return bool(medians) and float(np.median(medians)) > DEEP * radius
