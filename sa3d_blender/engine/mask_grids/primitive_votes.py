"""Votes for the Gaussians themselves, where a field is made of them.

A mask grid cuts space; a Gaussian on the border of two nodes is cut with it. But every sample of a
splat says which Gaussian it is of, so each can gather its own votes, with the weights of eq. 6:

    share = (for - lambda * against) / (for + lambda * against)

and it is the object's where that is positive. What no view saw is the object's where the grid is.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from ..fields.protocol import PrimitiveField
from ..rendering.render import View
from .mask_grid import MaskGrid

LEAST_SEEN = 0.01
"""Sum of the weights of all views from which a Gaussian's own votes count."""


def voted_primitives(
    field: PrimitiveField,
    seen: Iterable[tuple[View, Bool[np.ndarray, "_ _"]]],
    grid: MaskGrid,
    values: Float[Tensor, "x y z"],
    negative_weight: float,
) -> Int64[Tensor, " k"]:
    """Numbers of the Gaussians that are an object, in order.

    Args:
        seen: views with their samples, and the accepted masks.
        grid: tells the object's region.
        values: the object on the grid's nodes, positive inside.
        negative_weight: lambda.
    """
    centers = field.primitive_centers()
    for_, against = torch.zeros_like(centers[:, 0]), torch.zeros_like(centers[:, 0])
    for view, mask in seen:
        samples = view.samples
        assert samples.primitive is not None
        covered = torch.from_numpy(np.ascontiguousarray(mask)).to(centers.device).view(-1)
        shown = covered[samples.ray_index].float() * samples.weights
        for_.index_add_(0, samples.primitive, shown)
        against.index_add_(0, samples.primitive, samples.weights - shown)
    voted = for_ > negative_weight * against
    told = for_ + against > LEAST_SEEN
    chosen = torch.where(told, voted, grid.sample(values, centers) > 0)
    chosen &= ((centers >= grid.lower) & (centers <= grid.upper)).all(dim=1)
    return chosen.nonzero()[:, 0]
