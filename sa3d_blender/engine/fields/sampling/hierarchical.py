"""Hierarchical sampling: a coarse look along each ray decides where the fine samples go.

After "NeRF: Representing Scenes as Neural Radiance Fields for View Synthesis" (Mildenhall et al.,
ECCV 2020), section 5.2, without random numbers, as when NeRF renders test views. Samples in known
empty space and behind opaque surfaces are never evaluated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ..rays import Samples
from .marching import OPAQUE
from .occupancy import CellGrid

PER_ROUND = 8
"""Samples per ray that are evaluated before looking which rays are opaque."""
BEYOND = 1e10
"""Length of the last sample: NeRF lets it stand for everything behind it."""
PDF_FLOOR = 1e-5
"""Added to each coarse weight, so that no part of a ray is left out."""


@runtime_checkable
class PlacedRays(Protocol):
    """Rays on which samples can be placed by their depth."""

    @property
    def first(self) -> Float[Tensor, " n"]:
        """Depth at which each ray begins; samples before it hold nothing."""
        ...

    def points(self, rows: Int64[Tensor, " a"], z: Float[Tensor, "a b"]) -> Float[Tensor, "a b 3"]:
        """Where samples of some rays lie, grid frame."""
        ...


@dataclass(frozen=True)
class DepthRays:
    """The sample at depth ``z`` of ray ``r`` lies at ``origins[r] + z * directions[r]``."""

    origins: Float[Tensor, "n 3"]
    """Grid frame."""
    directions: Float[Tensor, "n 3"]
    """Grid frame, per unit of depth."""
    lengths: Float[Tensor, " n"]
    """Optical length per unit of depth."""
    first: Float[Tensor, " n"]
    """Depth at which the ray begins; samples before it hold nothing."""

    def points(self, rows: Int64[Tensor, " a"], z: Float[Tensor, "a b"]) -> Float[Tensor, "a b 3"]:
        """Where samples of some rays lie, grid frame."""
        return self.origins[rows, None] + z[..., None] * self.directions[rows, None]

    def optical_lengths(self, z: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
        """What densities at sorted depths are multiplied with.

        Each sample speaks for the space up to the next.
        """
        steps = torch.cat([z[:, 1:] - z[:, :-1], torch.full_like(z[:, :1], BEYOND)], dim=1)
        return steps * self.lengths[:, None]


@dataclass(frozen=True)
class Evaluated:
    """Samples that were evaluated; rays and, within a round, depths in order."""

    ray_index: Int64[Tensor, " s"]
    column: Int64[Tensor, " s"]
    """Number of the sample on its ray."""
    points: Float[Tensor, "s 3"]
    """Grid frame."""
    z: Float[Tensor, " s"]
    weights: Float[Tensor, " s"]
    hidden: Tensor
    """What the network gave beside the density [s ...]."""

    def __getitem__(self, rows: Int64[Tensor, " m"]) -> Evaluated:
        return Evaluated(*(getattr(self, f.name).index_select(0, rows) for f in fields(self)))


def coarse_depths(
    near: float, far: float, samples: int, *, linear_in_disparity: bool, device: torch.device
) -> Float[Tensor, " {samples}"]:
    """Depths of the coarse samples, ends included; even in depth or in its inverse."""
    part = torch.linspace(0, 1, samples, device=device)
    if linear_in_disparity:
        return 1 / ((1 - part) / near + part / far)
    return near * (1 - part) + far * part


def with_fine_depths(
    z: Float[Tensor, "n c"], weights: Float[Tensor, "n c"], samples: int
) -> Float[Tensor, "n c+{samples}"]:
    """The depths and ``samples`` more where the weights are, sorted.

    The weights of the inner samples are a piecewise constant density between the middles of
    neighbouring depths; the new depths are its quantiles, ends included.
    """
    edges = (z[:, 1:] + z[:, :-1]) / 2
    mass = weights[:, 1:-1] + PDF_FLOOR
    mass = mass / mass.sum(dim=1, keepdim=True)
    below = torch.cat([torch.zeros_like(mass[:, :1]), mass.cumsum(dim=1)], dim=1)
    wanted = torch.linspace(0, 1, samples, device=z.device).expand(len(z), -1).contiguous()
    place = torch.searchsorted(below, wanted, right=True)
    left, right = (place - 1).clamp_min(0), place.clamp_max(below.shape[1] - 1)
    start, span = below.gather(1, left), below.gather(1, right) - below.gather(1, left)
    span = torch.where(span < PDF_FLOOR, torch.ones_like(span), span)
    first, last = edges.gather(1, left), edges.gather(1, right)
    fine = first + (wanted - start) / span * (last - first)
    return torch.cat([z, fine], dim=1).sort(dim=1).values


def evaluate(
    rays: PlacedRays,
    z: Float[Tensor, "n k"],
    lengths: Float[Tensor, "n k"],
    density: Callable[[Tensor], tuple[Tensor, Tensor]],
    cells: CellGrid | None,
) -> Iterator[Evaluated]:
    """Weights of samples at sorted depths, a few of all rays at a time, front to back.

    Args:
        rays: the rays.
        z: depths.
        lengths: what each sample's density is multiplied with.
        density: from grid-frame points [s 3] to densities [s] and anything else [s ...].
        cells: where the density is not zero; None asks everywhere.
    """
    passed = torch.zeros_like(rays.first)
    active = torch.arange(len(z), device=z.device)
    for start in range(0, z.shape[1], PER_ROUND):
        if not len(active):
            return
        part = z[active, start : start + PER_ROUND]
        place, points = _live_points(rays, active, part, cells)
        sigma, hidden = density(points)
        tau = torch.zeros(part.numel(), device=z.device).index_copy_(0, place, sigma)
        tau = tau.view_as(part) * lengths[active, start : start + PER_ROUND]
        total = passed[active, None] + tau.cumsum(dim=1)
        before = torch.cat([passed[active, None], total[:, :-1]], dim=1)
        weights = (-before).exp() * -torch.expm1(-tau)
        row = torch.div(place, part.shape[1], rounding_mode="floor")
        yield Evaluated(
            active.index_select(0, row),
            start + place % part.shape[1],
            points,
            part.flatten().index_select(0, place),
            weights.flatten().index_select(0, place),
            hidden,
        )
        passed[active] = total[:, -1]
        active = active[total[:, -1] < -math.log(OPAQUE)]


def _live_points(
    rays: PlacedRays, active: Tensor, z: Float[Tensor, "a b"], cells: CellGrid | None
) -> tuple[Int64[Tensor, " s"], Float[Tensor, "s 3"]]:
    """Which samples of some rays may have density, counted row by row, and where they are."""
    points = rays.points(active, z).view(-1, 3)
    live = (z >= rays.first[active, None]).flatten()
    if cells is not None:
        live &= cells(points)
    place = live.nonzero().squeeze(1)
    return place, points.index_select(0, place)


def heavy_samples(
    parts: Iterable[Evaluated],
    min_weight: float,
    color: Callable[[Evaluated], Tensor] | None,
    *,
    device: torch.device,
) -> Samples:
    """The samples that weigh more than ``min_weight``, ordered by ray and then by depth.

    Args:
        parts: from `evaluate`.
        color: colours [m 3] of some samples; None where no colours are wanted.

    Returns:
        Samples whose depth is the rays' own.
    """
    kept, colors = [], [torch.empty(0, 3, device=device)]
    for part in parts:
        heavy = part[(part.weights > min_weight).nonzero().squeeze(1)]
        kept.append((heavy.ray_index, heavy.points, heavy.weights, heavy.z))
        if color is not None:
            colors.append(color(heavy))
    if not kept:
        none = torch.empty(0, device=device)
        kept.append((none.long(), none.view(0, 3), none, none))
    ray_index, points, weights, z = (torch.cat(column) for column in zip(*kept, strict=True))
    ray_index, order = ray_index.sort(stable=True)
    rgb = None if color is None else torch.cat(colors)[order]
    return Samples(ray_index, points[order], weights[order], z[order], rgb)
