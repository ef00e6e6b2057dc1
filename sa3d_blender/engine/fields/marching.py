"""Walking along rays: only through occupied cells, front to back, until they are opaque.

Rays are cut into segments of a few steps. A coarse look-up drops the segments near which nothing
is. The rest is worked off in rounds, the next few segments of all rays at a time, so that the
samples behind an opaque surface are never evaluated.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from .occupancy import CellGrid
from .stepped_rays import SteppedRays, box_interval

OPAQUE = 1e-4
"""A ray ends where less than this much light is left."""
MAX_SEGMENT = 16
"""Steps per segment, at most."""
SAMPLES_PER_ROUND = 16
"""Samples per ray and round, roughly."""


@dataclass(frozen=True)
class Occupancy:
    """What is known about empty space, from coarse to exact."""

    near: CellGrid
    """Large cells, True within one cell of anything."""
    cells: CellGrid
    """Small cells that may hold something."""

    @staticmethod
    def of(cells: CellGrid) -> Occupancy:
        """The levels above a bitmap."""
        return Occupancy(near=cells.halved().dilated(), cells=cells)


@dataclass(frozen=True)
class WeightedSteps:
    """Samples that carry weight, ordered by ray and then by depth."""

    ray_index: Int64[Tensor, " s"]
    k: Int64[Tensor, " s"]
    """Number of the sample on its ray."""
    points: Float[Tensor, "s 3"]
    """Grid frame."""
    weights: Float[Tensor, " s"]


@dataclass(frozen=True)
class _Segments:
    """Runs of ``size`` steps, listed by ray and then by depth."""

    size: int
    first_k: Int64[Tensor, " m"]
    start: Int64[Tensor, " n"]
    """Where each ray's segments begin in the list."""
    count: Int64[Tensor, " n"]


def march_steps(
    rays: SteppedRays,
    density: Callable[[Tensor], Tensor],
    occupancy: Occupancy,
    *,
    min_weight: float,
) -> WeightedSteps:
    """Weights of the samples on the rays, by the quadrature of volume rendering.

    ``w_k = exp(-sum_{m<k} tau_m) * (1 - exp(-tau_k))`` with ``tau = density * length``.

    Args:
        rays: where the samples are.
        density: from grid-frame points [n 3] to densities [n].
        occupancy: where the density is not zero.
        min_weight: samples with less weight are left out of the result.
    """
    segments = _find_segments(rays, occupancy)
    per_round = max(1, SAMPLES_PER_ROUND // segments.size)
    passed = torch.zeros_like(rays.lengths)
    active = segments.count.nonzero().squeeze(1)
    found: list[WeightedSteps] = []
    done = 0
    while len(active):
        tile = _tile(rays, segments, active, done, per_round)
        tau = _optical_lengths(rays, tile, density, occupancy.cells)
        found.append(_kept(tile, tau, passed[active], min_weight))
        passed[active] += tau.sum(dim=1)
        done += per_round
        more = (segments.count[active] > done) & (passed[active] < -math.log(OPAQUE))
        active = active[more]
    return _in_order(found, rays)


def _find_segments(rays: SteppedRays, occupancy: Occupancy) -> _Segments:
    """The segments near which anything is."""
    entry, leave = box_interval(rays.origins, rays.steps, occupancy.cells.bounds())
    limit = 2.0**30
    first = torch.maximum(rays.first, (entry - 1e-3).ceil().clamp(-limit, limit).long())
    last = torch.minimum(rays.last, (leave + 1e-3).floor().clamp(-limit, limit).long())
    rows = (last >= first).nonzero().squeeze(1)
    size = _segment_size(rays.steps[rows], occupancy.near)
    counts = (last[rows] - first[rows]) // size + 1
    longest = int(counts.max()) if len(rows) else 0
    column = torch.arange(longest, device=counts.device)
    middle = first[rows][:, None] + column * size + (size - 1) / 2
    points = torch.addcmul(
        rays.origins[rows][:, None], middle[..., None].float(), rays.steps[rows][:, None]
    )
    near = occupancy.near(points.view(-1, 3)).view(len(rows), longest)
    row, place = (near & (column < counts[:, None])).nonzero(as_tuple=True)
    count = torch.zeros_like(first)
    count[rows] = torch.bincount(row, minlength=len(rows))
    return _Segments(
        size=size,
        first_k=first[rows][row] + place * size,
        start=count.cumsum(dim=0) - count,
        count=count,
    )


def _segment_size(steps: Float[Tensor, "n 3"], near: CellGrid) -> int:
    """How many steps reach at most one large cell from their middle, on any axis."""
    if not len(steps):
        return 1
    longest = float((steps.abs() * near.scale).max())
    return max(1, min(MAX_SEGMENT, int(2 / max(longest, 1e-6)) + 1))


@dataclass(frozen=True)
class _Tile:
    """The next samples of some rays as a rectangle; not all of its places are samples."""

    rays: Int64[Tensor, " a"]
    k: Int64[Tensor, "a b"]
    points: Float[Tensor, "a b 3"]
    valid: Bool[Tensor, "a b"]


def _tile(
    rays: SteppedRays, segments: _Segments, active: Tensor, done: int, per_round: int
) -> _Tile:
    place = done + torch.arange(per_round, device=active.device)
    valid = place < segments.count[active][:, None]
    listed = (segments.start[active][:, None] + place).clamp_max(len(segments.first_k) - 1)
    within = torch.arange(segments.size, device=active.device)
    k = (segments.first_k[listed][..., None] + within).flatten(1)
    valid = valid.repeat_interleave(segments.size, dim=1) & (k <= rays.last[active][:, None])
    points = torch.addcmul(
        rays.origins[active][:, None], k[..., None].float(), rays.steps[active][:, None]
    )
    return _Tile(active, k, points, valid)


def _optical_lengths(
    rays: SteppedRays, tile: _Tile, density: Callable[[Tensor], Tensor], cells: CellGrid
) -> Float[Tensor, "a b"]:
    points = tile.points.view(-1, 3)
    live = (cells(points) & tile.valid.flatten()).nonzero().squeeze(1)
    tau = torch.zeros(points.shape[0], device=points.device)
    tau[live] = density(points[live])
    return tau.view_as(tile.k) * rays.lengths[tile.rays][:, None]


def _kept(
    tile: _Tile, tau: Float[Tensor, "a b"], passed: Float[Tensor, " a"], min_weight: float
) -> WeightedSteps:
    before = passed[:, None] + tau.cumsum(dim=1) - tau
    weights = (-before).exp() * -torch.expm1(-tau)
    row, column = (weights > min_weight).nonzero(as_tuple=True)
    return WeightedSteps(
        tile.rays[row], tile.k[row, column], tile.points[row, column], weights[row, column]
    )


def _in_order(found: list[WeightedSteps], rays: SteppedRays) -> WeightedSteps:
    """All rounds' samples, sorted by ray; within a ray the rounds are in order of depth."""
    if not found:
        device = rays.lengths.device
        none = torch.zeros(0, dtype=torch.int64, device=device)
        return WeightedSteps(
            none, none, torch.zeros(0, 3, device=device), torch.zeros(0, device=device)
        )
    ray_index = torch.cat([part.ray_index for part in found])
    ray_index, order = ray_index.sort(stable=True)
    return WeightedSteps(
        ray_index,
        torch.cat([part.k for part in found])[order],
        torch.cat([part.points for part in found])[order],
        torch.cat([part.weights for part in found])[order],
    )
