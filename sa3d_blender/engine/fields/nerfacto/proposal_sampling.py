"""Where a nerfacto model looks along a ray: a few cheap networks propose, one after the other.

After "Mip-NeRF 360" (Barron et al., CVPR 2022) as nerfstudio does it when it renders test views:
without random numbers. Rays are cut into bins; a network's weights in them say where the next,
fewer bins lie.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

PADDING = 0.01
"""Added to each bin's weight, so that no part of a ray is left out."""


@dataclass(frozen=True)
class Spacing:
    """A ray's parameter from 0 to 1 and the distance it stands for, field frame."""

    far: float
    piecewise: bool
    """Even up to a distance of 1, then even in the reciprocal; else even all the way."""

    def distance(self, s: Tensor) -> Tensor:
        """Distances of parameters, any shape."""
        if not self.piecewise:
            return s * self.far
        reach = self.far / 2 if self.far < 1 else 1 - 1 / (2 * self.far)
        s = s * reach
        return torch.where(s < 0.5, 2 * s, 1 / (2 - 2 * s))


def first_edges(rays: int, bins: int, *, device: torch.device) -> Float[Tensor, "n e"]:
    """Edges, as parameters, of even bins."""
    return torch.linspace(0, 1, bins + 1, device=device).expand(rays, -1)


def next_edges(
    edges: Float[Tensor, "n e"], weights: Float[Tensor, "n k"], bins: int
) -> Float[Tensor, "n f"]:
    """Edges of as many bins of equal share of the weights, which are spread evenly in their bins.

    The new edges are the middles of ``bins + 1`` equal shares.
    """
    mass = weights + PADDING
    below = (mass / mass.sum(dim=1, keepdim=True)).cumsum(dim=1).clamp_max_(1)
    below = torch.cat([torch.zeros_like(below[:, :1]), below], dim=1)
    count = bins + 1
    wanted = torch.linspace(0, 1 - 1 / count, count, device=edges.device) + 1 / (2 * count)
    wanted = wanted.expand(len(edges), -1).contiguous()
    right = torch.searchsorted(below, wanted, right=True)
    left, right = (right - 1).clamp_min_(0), right.clamp_max_(below.shape[1] - 1)
    start, end = below.gather(1, left), below.gather(1, right)
    part = ((wanted - start) / (end - start)).nan_to_num_(0.0).clamp_(0, 1)
    return torch.lerp(edges.gather(1, left), edges.gather(1, right), part)
