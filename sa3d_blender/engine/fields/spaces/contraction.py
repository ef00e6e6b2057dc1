"""Unbounded scenes: all of space drawn together into a cube, and rays that bend in it.

After mip-NeRF 360 (Barron et al., CVPR 2022), as DirectVoxGO uses it: inside the unit cube (or
ball) nothing changes; a point of norm ``n > 1`` moves along its radius to ``1 + b - b / n``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..rays import Rays

FARTHEST = 256.0
"""Norm of the farthest points that are told apart; the last samples are about as far."""
FARTHEST_RECIPROCAL = 1 / 128
"""The outer samples' last distance is twice the reciprocal of this."""
INNER_REACH = 2.0
"""Samples are evenly spaced up to this distance from the camera, in inner half sides."""
SPACING = 0.95
"""Part of a step that contracted samples must be apart, at least, outside the inner cube."""


@dataclass(frozen=True)
class BentRays:
    """Rays whose samples lie at tabulated distances and are contracted; `SampleRows`."""

    origins: Float[Tensor, "n 3"]
    """Inner cube's frame: its faces at -1 and 1."""
    straight: Float[Tensor, "n 3"]
    """Unit directions in the same frame."""
    distances: Float[Tensor, "n m"]
    """Distance of sample ``k`` from the origin; the last is repeated."""
    space: ContractedSpace
    lengths: Float[Tensor, " n"]
    first: Float[Tensor, " n"]
    last: Float[Tensor, " n"]
    directions: Float[Tensor, "n 3"]
    longest: Float[Tensor, " n"]
    """No way between neighbouring samples is longer, grid frame."""

    def optical_lengths(self, rows: Tensor, k: Float[Tensor, "a b"]) -> Float[Tensor, " a #b"]:
        """What densities of samples on some rays are multiplied with."""
        return self.lengths[rows][:, None]

    def depth(self, ray_index: Tensor, k: Float[Tensor, " s"]) -> Float[Tensor, " s"]:
        """Distance from the ray's origin in the field frame."""
        return self._distance(ray_index[:, None], k[:, None])[:, 0] * self.space.radius

    def points(self, ray_index: Tensor, k: Float[Tensor, " s"]) -> Float[Tensor, "s 3"]:
        """Where samples lie, grid frame."""
        return self.tiled(ray_index, k[:, None])[:, 0]

    def tiled(self, rows: Tensor, k: Float[Tensor, "a b"]) -> Float[Tensor, "a b 3"]:
        """Where several samples of each of some rays lie, grid frame."""
        distance = self._distance(rows[:, None], k)
        points = torch.addcmul(
            self.origins[rows][:, None], distance[..., None], self.straight[rows][:, None]
        )
        return self.space.contracted(points).div_(self.space.half)

    def interval(
        self, box: Float[Tensor, "2 3"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
        """The whole ray: where a bent one meets a box is not worth finding out."""
        return self.first, self.last

    def step_lengths(self) -> Float[Tensor, " n"]:
        """Typical distance between neighbouring samples, grid frame."""
        return torch.full_like(self.lengths, self.space.step / self.space.half)

    def longest_step(self, rows: Tensor, scale: Float[Tensor, " 3"]) -> float:
        """No less than the way along any axis, times the axis' scale, between neighbours."""
        return float((self.longest[rows] * scale.max()).max())

    def _distance(self, rows: Tensor, k: Float[Tensor, "a b"]) -> Float[Tensor, "a b"]:
        lower = k.floor()
        limit = self.distances.shape[1] - 1
        low = lower.long()
        nearer = self.distances[rows, low]
        return torch.lerp(nearer, self.distances[rows, (low + 1).clamp_max(limit)], k - lower)


class ContractedSpace:
    """The map between field frame and grid frame, and the training's samples.

    Args:
        norm: ``inf`` (cubes) or ``l2`` (balls).
        center: middle of the inner cube, field frame.
        radius: half its side, field frame.
        margin: what the contraction adds to the inner cube's half side, ``b``.
        step: distance of samples in the contracted cube, in inner half sides.
        interval: optical length of a step.
    """

    def __init__(
        self,
        *,
        norm: str,
        center: Float[Tensor, " 3"],
        radius: float,
        margin: float,
        step: float,
        interval: float,
    ) -> None:
        self.norm = norm
        self.center = center
        self.radius = radius
        self.margin = margin
        self.half = 1 + margin
        self.step = step
        self.interval = interval
        self.density_scale = interval / step
        self.box = torch.stack([center - radius, center + radius])
        """The inner cube, field frame: what is outside has no end."""

    def grid_from_field(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Field frame to grid frame: all of space fits."""
        return self.contracted((points - self.center) / self.radius) / self.half

    def field_from_grid(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Grid frame to field frame; infinity is brought to a large finite distance."""
        drawn = points * self.half
        size = self._norm(drawn)
        rest = (self.half - size).clamp_min(self.margin / FARTHEST)
        scale = torch.where(size > 1, self.margin / rest / size.clamp_min(1), 1.0)
        return drawn * scale * self.radius + self.center

    def contracted(self, points: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3"]:
        """The contraction, in the inner cube's frame."""
        size = self._norm(points).clamp_min(1)
        return points * ((self.half - self.margin / size) / size)

    def model_directions(
        self, points: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]
    ) -> Float[Tensor, "n 3"]:
        """Directions as they are: colours depend on those of the field frame."""
        return directions

    def step_rays(self, rays: Rays) -> BentRays:
        """Samples at even distances near the camera and at even reciprocals of them farther off.

        Outside the inner cube only those are kept that are a step apart after the contraction.
        """
        origins = (rays.origins - self.center) / self.radius
        t = self._candidates(origins.device)
        points = torch.addcmul(origins[None], t[:, None, None], rays.directions[None])
        inner = self._norm(points)[..., 0] <= 1
        ways = self.contracted(points).diff(dim=0).norm(dim=2)
        kept = self._far_enough(ways, inner)
        count = kept.sum(dim=0)
        longest = max(1, int(count.max())) if len(rays) else 1
        place = (kept.cumsum(dim=0) - 1).clamp_min(0)
        distances = torch.zeros(len(rays), longest, device=t.device)
        k, ray = kept.nonzero(as_tuple=True)
        distances[ray, place[k, ray]] = t[k]
        past = torch.arange(longest, device=t.device) >= count[:, None]
        distances = torch.where(past, distances.amax(dim=1, keepdim=True), distances)
        return BentRays(
            origins=origins,
            straight=rays.directions,
            distances=distances,
            space=self,
            lengths=torch.full_like(origins[:, 0], self.interval),
            first=torch.zeros_like(origins[:, 0]),
            last=count - 1.0,
            directions=rays.directions,
            longest=self._longest(ways, inner),
        )

    def _candidates(self, device: torch.device) -> Float[Tensor, " m"]:
        """Middles of even intervals of the distance and of its reciprocal."""
        count = int(INNER_REACH / self.step) + 1
        near = torch.linspace(0, INNER_REACH, count + 1, device=device)
        far = INNER_REACH / torch.linspace(1, FARTHEST_RECIPROCAL, count + 1, device=device)
        return torch.cat([(edges[1:] + edges[:-1]) / 2 for edges in (near, far)])

    def _far_enough(
        self, ways: Float[Tensor, "l n"], inner: Bool[Tensor, "m n"]
    ) -> Bool[Tensor, "m n"]:
        """Inner samples, and outer ones a step along the bent ray after the one before."""
        kept = inner.clone()
        passed = torch.zeros_like(ways[0])
        limit = SPACING * self.step
        for i, way in enumerate(ways, start=1):
            passed += way
            reached = passed > limit
            kept[i] |= reached
            passed.masked_fill_(reached, 0)
        return kept

    def _longest(
        self, ways: Float[Tensor, "l n"], inner: Bool[Tensor, "m n"]
    ) -> Float[Tensor, " n"]:
        """Outer samples are left out until the way is a step, so neighbours are a way farther."""
        left_out = torch.where(inner[1:], 0.0, SPACING * self.step)
        return (ways + left_out).amax(dim=0) / self.half

    def _norm(self, points: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 1"]:
        if self.norm == "inf":
            return points.abs().amax(dim=-1, keepdim=True)
        return points.norm(dim=-1, keepdim=True)
