"""Walking along rays: only through occupied cells, front to back, until they are opaque.

Rays are cut into segments of a few steps. A coarse look-up drops the segments near which nothing
is. The rest is worked off in rounds, the next few segments of all rays at a time, so that the
samples behind an opaque surface are never evaluated.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from ..spaces.stepped_rays import SampleRows
from .occupancy import CellGrid

OPAQUE = 1e-4
"""A ray ends where less than this much light is left."""
MAX_SEGMENT = 16
"""Steps per segment, at most."""
SAMPLES_PER_ROUND = 16
"""Samples per ray and round, roughly."""
MERGED_WEIGHT = 1 / 32
"""Neighbouring samples are merged while together they are no more opaque than this."""
MERGED_SPAN = 0.06
"""Merged samples lie no farther apart than this in the grid frame (3 % of the grid)."""


@runtime_checkable
class Cells(Protocol):
    """Cells of any arrangement."""

    def within(self, points: Float[Tensor, "n 3"]) -> Bool[Tensor, " n"]:
        """Whether the cells hold something, for grid-frame points in the grid or just outside."""
        ...


@dataclass(frozen=True)
class Occupancy:
    """What is known about empty space, from coarse to exact."""

    near: CellGrid
    """Large cells, True within one cell of anything."""
    cells: Cells
    """Small cells that may hold something."""
    bounds: Float[Tensor, "2 3"]
    """Grid-frame box around all of them."""

    @staticmethod
    def of(cells: CellGrid) -> Occupancy:
        """The levels above a bitmap."""
        return Occupancy(cells.halved().dilated(), cells, cells.bounds())


@dataclass(frozen=True)
class WeightedSteps:
    """Samples that carry weight, ordered by ray and then by depth."""

    ray_index: Int64[Tensor, " s"]
    k: Float[Tensor, " s"]
    """Place on the ray in steps; between two steps where several were merged."""
    weights: Float[Tensor, " s"]


@dataclass(frozen=True)
class _Segments:
    """Runs of ``size`` steps, listed by ray and then by depth."""

    size: int
    first_k: Float[Tensor, " m"]
    start: Int64[Tensor, " n"]
    """Where each ray's segments begin in the list."""
    count: Int64[Tensor, " n"]
    last_k: Float[Tensor, " n"]
    """The last admissible step of each ray."""


def march_steps(
    rays: SampleRows,
    density: Callable[[Tensor], Tensor],
    occupancy: Occupancy,
    *,
    min_weight: float,
) -> WeightedSteps:
    """Weights of the samples on the rays, by the quadrature of volume rendering.

    ``w_k = exp(-sum_{m<k} tau_m) * (1 - exp(-tau_k))`` with ``tau = density * length``. Neighbours
    that weigh little are merged into one sample at their weighted mean (see `MERGED_WEIGHT`):
    the sums over a ray stay what they are, with far fewer samples in a hazy field.

    Args:
        rays: where the samples are.
        density: from grid-frame points [n 3] to densities [n].
        occupancy: where the density is not zero.
        min_weight: samples with less weight are left out of the result.
    """
    segments = _find_segments(rays, occupancy)
    per_round = max(1, SAMPLES_PER_ROUND // segments.size)
    span = (MERGED_SPAN / rays.step_lengths()).clamp_min(1)
    passed = torch.zeros_like(rays.lengths)
    active = segments.count.nonzero().squeeze(1)
    found: list[WeightedSteps] = []
    done = 0
    while len(active):
        tile = _tile(rays, segments, active, done, per_round)
        tau = _optical_lengths(rays, tile, density, occupancy.cells)
        found.append(_merged(tile, tau, passed[active], span[active], min_weight))
        passed[active] += tau.sum(dim=1)
        done += per_round
        more = (segments.count[active] > done) & (passed[active] < -math.log(OPAQUE))
        active = active[more]
    return _in_order(found, rays)


def _find_segments(rays: SampleRows, occupancy: Occupancy) -> _Segments:
    """The segments near which anything is."""
    entry, leave = rays.interval(occupancy.bounds)
    first = torch.maximum(rays.first, (entry - 1e-3).ceil())
    last = torch.minimum(rays.last, (leave + 1e-3).floor())
    rows = (last >= first).nonzero().squeeze(1)
    size = _segment_size(rays, rows, occupancy.near)
    counts = torch.div(last[rows] - first[rows], size, rounding_mode="floor") + 1
    longest = int(counts.max()) if len(rows) else 0
    column = torch.arange(longest, device=counts.device)
    middle = first[rows][:, None] + (column * size + (size - 1) / 2)
    middle = torch.minimum(middle, last[rows][:, None])
    points = rays.tiled(rows, middle)
    near = occupancy.near.within(points.view(-1, 3)).view(len(rows), longest)
    row, place = (near & (column < counts[:, None])).nonzero(as_tuple=True)
    count = torch.zeros_like(first, dtype=torch.int64)
    count[rows] = torch.bincount(row, minlength=len(rows))
    return _Segments(
        size=size,
        first_k=first[rows].index_select(0, row) + place * size,
        start=count.cumsum(dim=0) - count,
        count=count,
        last_k=last,
    )


def _segment_size(rays: SampleRows, rows: Tensor, near: CellGrid) -> int:
    """How many steps reach at most one large cell from their middle, on any axis."""
    if not len(rows):
        return 1
    longest = rays.longest_step(rows, near.scale)
    return max(1, min(MAX_SEGMENT, int(2 / max(longest, 1e-6)) + 1))


@dataclass(frozen=True)
class _Tile:
    """The next samples of some rays as a rectangle; not all of its places are samples."""

    rays: Int64[Tensor, " a"]
    k: Float[Tensor, "a b"]
    points: Float[Tensor, "a b 3"]
    valid: Bool[Tensor, "a b"]


def _tile(
    rays: SampleRows, segments: _Segments, active: Tensor, done: int, per_round: int
) -> _Tile:
    place = done + torch.arange(per_round, device=active.device)
    exists = place < segments.count[active][:, None]
    listed = (segments.start[active][:, None] + place).clamp_max_(len(segments.first_k) - 1)
    within = torch.arange(segments.size, device=active.device, dtype=torch.float32)
    last_k = segments.last_k[active][:, None, None]
    k = segments.first_k[listed][..., None] + within
    valid = (k <= last_k) & exists[..., None]
    k = torch.where(valid, k, last_k).flatten(1)  # the rest would lie on other rays' stretches
    return _Tile(active, k, rays.tiled(active, k), valid.flatten(1))


def _optical_lengths(
    rays: SampleRows, tile: _Tile, density: Callable[[Tensor], Tensor], cells: Cells
) -> Float[Tensor, "a b"]:
    points = tile.points.view(-1, 3)
    live = cells.within(points).logical_and_(tile.valid.flatten()).nonzero().squeeze(1)
    tau = torch.zeros(points.shape[0], device=points.device)
    tau.index_copy_(0, live, density(points.index_select(0, live)))
    return tau.view_as(tile.k) * rays.optical_lengths(tile.rays, tile.k)


def _merged(
    tile: _Tile,
    tau: Float[Tensor, "a b"],
    passed: Float[Tensor, " a"],
    span: Float[Tensor, " a"],
    min_weight: float,
) -> WeightedSteps:
    """The tile's samples; neighbours in the same slot of opacity and of distance are one."""
    through = (-(tau.cumsum(dim=1) + passed[:, None])).exp_()
    before = torch.cat([(-passed).exp()[:, None], through[:, :-1]], dim=1)
    weights = before - through
    row, column = (weights > min_weight).nonzero(as_tuple=True)
    place = row * tile.k.shape[1] + column
    weight = weights.flatten().index_select(0, place)
    k = tile.k.flatten().index_select(0, place)
    if not len(k):
        return WeightedSteps(row, k, weight)
    opacity_slot = (1 - before.flatten().index_select(0, place)).div_(MERGED_WEIGHT).floor_()
    distance_slot = (k / span.index_select(0, row)).floor_()
    begins = torch.ones_like(row, dtype=torch.bool)
    begins[1:] = row[1:] != row[:-1]
    begins[1:] |= opacity_slot[1:] != opacity_slot[:-1]
    begins[1:] |= distance_slot[1:] != distance_slot[:-1]
    group = begins.cumsum(dim=0) - 1
    first = begins.nonzero().squeeze(1)
    total = torch.zeros(len(first), device=k.device).index_add_(0, group, weight)
    mean = torch.zeros_like(total).index_add_(0, group, weight * k) / total
    ray_index = tile.rays.index_select(0, row.index_select(0, first))
    return WeightedSteps(ray_index, mean, total)


def _in_order(found: list[WeightedSteps], rays: SampleRows) -> WeightedSteps:
    """All rounds' samples, sorted by ray; within a ray the rounds are in order of depth."""
    device = rays.lengths.device
    if not found:
        none = torch.zeros(0, device=device)
        return WeightedSteps(none.long(), none, none)
    _, order = torch.cat([part.ray_index for part in found]).int().sort(stable=True)
    return WeightedSteps(
        torch.cat([part.ray_index for part in found]).index_select(0, order),
        torch.cat([part.k for part in found]).index_select(0, order),
        torch.cat([part.weights for part in found]).index_select(0, order),
    )
