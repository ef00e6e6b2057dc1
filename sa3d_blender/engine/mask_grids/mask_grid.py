"""Mask inverse rendering: a 2D mask votes, along its pixels' rays, into a 3D grid (paper sec. 2.4).

The loss of eq. 5 is linear in the grid, so its gradient (eq. 6) does not depend on what the grid
already holds. One gradient step of unit size per view therefore equals adding

    omega * ((1 + lambda) * M_SAM - lambda)

to the eight grid nodes around each sample, with trilinear weights. No autograd, no optimiser.
Votes for and against are kept apart, so that lambda and normalisation can be chosen afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn.functional import grid_sample

from ..fields.rays import Samples, precise

PAPER_LAMBDA = 0.15
FEW_VOTES = 0.05
"""Nodes with less than this part of the mean vote are strays: rays that graze an outline."""
FEWEST = 8
"""Nodes along a region's shortest side, at least."""
NEARER_SHARE = 0.6
"""Part of each ray's weight that votes, and is asked, where a field is hazy."""


@dataclass
class MaskGrid:
    """Votes on grid nodes inside an axis-aligned region of the grid frame.

    Nodes sit on the region's faces (``align_corners``); node [0, 0, 0] is at ``lower``.
    """

    lower: Float[Tensor, " 3"]
    """Smallest corner of the region, grid frame."""
    upper: Float[Tensor, " 3"]
    """Largest corner of the region, grid frame."""
    votes_for: Float[Tensor, "x y z"]
    """Sum of omega times trilinear weight over samples whose pixel the mask covers."""
    votes_against: Float[Tensor, "x y z"]
    """Sum of omega times trilinear weight over samples whose pixel the mask does not cover."""
    more_for: float = 0.0
    """What of all votes for counts because somebody was certain; it tells nothing of strays."""
    more_against: float = 0.0
    """Likewise of all votes against."""

    @staticmethod
    def empty(
        lower: Float[Tensor, " 3"],
        upper: Float[Tensor, " 3"],
        shape: tuple[int, int, int],
    ) -> MaskGrid:
        """A grid without votes. Each side of ``shape`` is at least 2."""
        zeros = torch.zeros(shape, device=lower.device)
        return MaskGrid(lower, upper, zeros, zeros.clone())

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of nodes along x, y, z."""
        x, y, z = self.votes_for.shape
        return x, y, z

    def vote(
        self,
        points: Float[Tensor, "s 3"],
        weights: Float[Tensor, " s"],
        covered: Bool[Tensor, " s"],
        more: Float[Tensor, " s"] | None = None,
    ) -> None:
        """Add one view's votes (eq. 6).

        Args:
            points: sample positions, grid frame; those outside the region are ignored.
            weights: omega of each sample.
            covered: whether the sample's pixel lies in the 2D mask.
            more: what is added to the weights where somebody is certain.
        """
        inside = ((points >= self.lower) & (points <= self.upper)).all(dim=1)
        for votes, flags in ((self.votes_for, covered), (self.votes_against, ~covered)):
            chosen = (inside & flags).nonzero()[:, 0]
            node, share = corners(self._node_position(points[chosen]), self.shape)
            amount = share.mul_((weights if more is None else weights + more)[chosen])
            votes.view(-1).index_add_(0, node.view(-1), amount.view(-1))
        if more is not None:
            self.more_for += float(more[inside & covered].sum())
            self.more_against += float(more[inside & ~covered].sum())

    def score(self, negative_weight: float) -> Float[Tensor, "x y z"]:
        """The paper's mask grid m: votes for minus ``negative_weight`` (lambda) times against."""
        return self.votes_for - negative_weight * self.votes_against

    def share(self, negative_weight: float) -> Float[Tensor, "x y z"]:
        """Score over all weighted votes, in [-1, 1]; zero where too few voted to tell.

        Independent of how many views or pixels saw a node, so nodes can be compared and
        interpolated.
        """
        return self._shares(self.votes_for, self.votes_against, negative_weight)

    def share_at(self, points: Float[Tensor, "s 3"], negative_weight: float) -> Float[Tensor, " s"]:
        """`share` of the votes interpolated at grid-frame points; zero outside the region."""
        both = torch.stack([self.votes_for, self.votes_against])
        votes_for, votes_against = self._interpolated(both, points).unbind()
        return self._shares(votes_for, votes_against, negative_weight)

    def _shares(
        self,
        votes_for: Float[Tensor, "*n"],
        votes_against: Float[Tensor, "*n"],
        negative_weight: float,
    ) -> Float[Tensor, "*n"]:
        total = votes_for + negative_weight * votes_against
        score = votes_for - negative_weight * votes_against
        enough = max(self._few_votes(negative_weight), 1e-4)
        return torch.where(total > enough, score / total.clamp(min=1e-6), 0.0)

    def _few_votes(self, negative_weight: float) -> float:
        """The weighted vote of a node below which it is a stray."""
        total = self.votes_for + negative_weight * self.votes_against
        count = int(torch.count_nonzero(total > 1e-4))
        usual = float(total.sum()) - self.more_for - negative_weight * self.more_against
        return FEW_VOTES * max(usual, 0.0) / count if count else 1.0

    def sample(
        self, values: Float[Tensor, "x y z"], points: Float[Tensor, "s 3"]
    ) -> Float[Tensor, " s"]:
        """Trilinear interpolation of node values at grid-frame points; zero outside the region."""
        return self._interpolated(values.float()[None], points)[0]

    def _interpolated(
        self, values: Float[Tensor, "c x y z"], points: Float[Tensor, "s 3"]
    ) -> Float[Tensor, "c s"]:
        place = (points - self.lower) / (self.upper - self.lower) * 2 - 1
        found = torch.zeros(len(values), len(points), device=points.device)
        inside = (place.abs() <= 1).all(dim=1).nonzero()[:, 0]
        near = place[inside].flip(1).view(1, -1, 1, 1, 3)  # grid_sample's order is z, y, x
        found[:, inside] = grid_sample(values[None], near, align_corners=True)[0, :, :, 0, 0]
        return found

    def node_points(self) -> Float[Tensor, "n 3"]:
        """Grid-frame positions of all nodes, x slowest."""
        return region_nodes(self.lower, self.upper, self.shape)

    def _node_position(self, points: Float[Tensor, "s 3"]) -> Float[Tensor, "s 3"]:
        size = torch.tensor(self.shape, device=points.device, dtype=points.dtype)
        return (points - self.lower) / (self.upper - self.lower) * (size - 1)


def nearer_samples(samples: Samples) -> Bool[Tensor, " s"]:
    """The samples of the nearer part of each ray's light: in haze, all that tells of the surface.

    What lies behind the middle of a ray's light is as far from the surface as the haze is deep. It
    would vote for whatever is behind the object.

    Args:
        samples: of a view, ordered by ray and depth.
    """
    before, total = _light_before(samples)
    return before <= NEARER_SHARE * total


def _light_before(samples: Samples) -> tuple[Float[Tensor, " s"], Float[Tensor, " s"]]:
    """Each sample's ray's weight up to the sample's middle, and in all."""
    rays = int(samples.ray_index.max()) + 1 if len(samples.ray_index) else 0
    weights = precise(samples.weights)
    index = samples.ray_index.to(weights.device)
    total = weights.new_zeros(rays).index_add_(0, index, weights)
    earlier_rays = (total.cumsum(0) - total)[index]
    before = weights.cumsum(0) - weights / 2 - earlier_rays
    device = samples.weights.device
    return before.float().to(device), total[index].float().to(device)


def corners(
    position: Float[Tensor, "s 3"], shape: tuple[int, int, int]
) -> tuple[Int64[Tensor, "8 s"], Float[Tensor, "8 s"]]:
    """Flat node indices of the cell around each position and their trilinear weights, by corner.

    Args:
        position: in units of nodes, from 0 to shape - 1.
        shape: nodes along x, y, z.

    >>> node, share = corners(torch.tensor([[0.25, 0.0, 0.0]]), (2, 2, 2))
    >>> node[[0, 4], 0].tolist(), share[[0, 4], 0].tolist()
    ([0, 4], [0.75, 0.25])
    """
    count_y, count_z = shape[1:]
    first, fraction = [], []
    for axis, side in enumerate(shape):
        place = position[:, axis]
        cell = place.long().clamp_(0, side - 2)
        first.append(cell)
        fraction.append((place - cell).clamp_(0, 1))
    origin = (first[0] * count_y + first[1]) * count_z + first[2]
    strides = (count_y * count_z, count_z, 1)
    node = position.new_empty((8, len(position)), dtype=torch.long)
    share = position.new_empty((8, len(position)))
    x, y, z = ((1 - f, f) for f in fraction)
    for k in range(8):
        i, j, n = k >> 2, k >> 1 & 1, k & 1
        torch.add(origin, i * strides[0] + j * strides[1] + n, out=node[k])
        torch.mul(x[i] * y[j], z[n], out=share[k])
    return node, share


def region_nodes(
    lower: Float[Tensor, " 3"],
    upper: Float[Tensor, " 3"],
    shape: tuple[int, int, int],
    slab: slice = slice(None),
) -> Float[Tensor, "n 3"]:
    """Grid-frame positions of a region's nodes, x slowest.

    Args:
        slab: which nodes along x; all of them if not given.
    """
    axes = [
        torch.linspace(float(lo), float(hi), count, device=lower.device)
        for lo, hi, count in zip(lower, upper, shape, strict=True)
    ]
    axes[0] = axes[0][slab]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 3)


def region_shape(extent: Float[Tensor, " 3"], resolution: int) -> tuple[int, int, int]:
    """Nodes per axis so that cells are about cubes and the longest side has ``resolution``."""
    longest = float(extent.max())
    x, y, z = (
        max(FEWEST, min(resolution, round(resolution * float(side) / longest))) for side in extent
    )
    return x, y, z
