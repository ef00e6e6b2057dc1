"""Colours for the samples that a picture is made of, and a guess for those that hardly show."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int64
from torch import Tensor

LEAST_COLORED = 0.5
"""Share of a ray's weight that must get colours of its own, or all of it does."""


def colors_of_samples(
    ray_index: Int64[Tensor, " s"],
    weights: Float[Tensor, " s"],
    faint: float,
    color: Callable[[Int64[Tensor, " m"] | slice], Float[Tensor, "m 3"]],
) -> Float[Tensor, "s 3"]:
    """Colours of all samples, where those lighter than ``faint`` take their ray's mean colour.

    Half of a clear field's samples weigh less than 0.01, and 2 % of the weight together: most of
    what a colour network works on does not show. A ray that is hazy throughout, so that faint
    samples make up most of it, gets all its colours.

    Args:
        ray_index: the samples' rays, in order.
        weights: their weights.
        faint: 0 for all colours as they are.
        color: the colours of some samples, given their places in the list.

    >>> weights, zeros = torch.tensor([0.6, 0.004, 0.004]), torch.zeros(3)
    >>> colors_of_samples(torch.tensor([0, 0, 2]), weights, 0.01, lambda at: at[:, None] + zeros)
    tensor([[0., 0., 0.],
            [0., 0., 0.],
            [2., 2., 2.]])
    """
    if not faint:
        return color(slice(None))
    rays = int(ray_index[-1]) + 1 if len(ray_index) else 0
    heavy = weights >= faint
    total, shown = torch.zeros(2, rays, device=weights.device).unbind()
    total.index_add_(0, ray_index, weights)
    shown.index_add_(0, ray_index, weights * heavy)
    heavy |= (shown < LEAST_COLORED * total).index_select(0, ray_index)
    place = heavy.nonzero().squeeze(1)
    own = color(place)
    at, weight = ray_index.index_select(0, place), weights.index_select(0, place)
    mean = torch.zeros(rays, 3, device=weights.device).index_add_(0, at, weight[:, None] * own)
    mean /= torch.zeros(rays, device=weights.device).index_add_(0, at, weight)[:, None]
    return mean.index_select(0, ray_index).index_copy_(0, place, own)
