"""Which Gaussians are near points in space: cells of space and the Gaussians that reach into each.

Gaussians differ in size by thousands, so there is a grid of cells for each doubling of it, with
cells so large that a Gaussian reaches into three of them along each axis at most. Only cells that
hold something are kept. For the density, which is asked for at millions of points.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from .bounding_tree import extents
from .gaussians import Gaussians

PAIRS = 1 << 20
"""Pairs of point and Gaussian that are looked at together; bounds the memory."""
POINTS = 1 << 17
MEMBERS = 1 << 18
"""Gaussians whose cells are found together; bounds the memory."""
KEY_BITS = 21
"""Of each coordinate of a cell. Cells that share a key only cost time."""


@dataclass(frozen=True)
class Cells:
    """Of one size."""

    side: float
    keys: Int64[Tensor, " c"]
    """Of the cells that hold something, in order."""
    starts: Int64[Tensor, " c"]
    """Where a cell's Gaussians begin in ``members``."""
    counts: Int64[Tensor, " c"]
    members: Tensor
    """Numbers of Gaussians, int32."""


@dataclass(frozen=True)
class PointCells:
    """Cells of all sizes, and the balls in which Gaussians can be seen."""

    means: Float[Tensor, "n 3"]
    reach: Float[Tensor, " n"]
    levels: tuple[Cells, ...]

    @staticmethod
    def of(gaussians: Gaussians) -> PointCells:
        """Of all Gaussians that can be seen."""
        reach = extents(gaussians)
        seen = (reach > 0).nonzero()[:, 0]
        doubling = reach[seen].log2().ceil().long()
        levels = []
        for number in doubling.unique().tolist():
            for members in seen[doubling == number].split(MEMBERS):
                where = gaussians.means[members], reach[members]
                levels.append(_cells(*where, members, 2.0**number))
        return PointCells(gaussians.means, reach, tuple(levels))

    def near(
        self, points: Float[Tensor, "n 3"]
    ) -> Iterator[tuple[Int64[Tensor, " p"], Int64[Tensor, " p"]]]:
        """Pairs of a point's number and a Gaussian's that may reach it, in portions."""
        for first in range(0, len(points), POINTS):
            part = points[first : first + POINTS]
            for cells in self.levels:
                for point, gaussian in _in_cells(cells, part):
                    away = part.index_select(0, point)
                    away -= self.means.index_select(0, gaussian)
                    distance = torch.linalg.vector_norm(away, dim=1)
                    close = distance <= self.reach.index_select(0, gaussian)
                    kept = close.nonzero()[:, 0]
                    yield point.index_select(0, kept) + first, gaussian.index_select(0, kept)


def _cells(
    means: Float[Tensor, "m 3"], reach: Float[Tensor, " m"], members: Tensor, side: float
) -> Cells:
    low = ((means - reach[:, None]) / side).floor().long()
    high = ((means + reach[:, None]) / side).floor().long()
    keys, held = [], []
    for corner in torch.cartesian_prod(*[torch.arange(3, device=means.device)] * 3):
        cell = low + corner
        reached = (cell <= high).all(dim=1)
        keys.append(_key(cell[reached]))
        held.append(members[reached].to(torch.int32))
    key, order = torch.cat(keys).sort()
    unique, counts = key.unique_consecutive(return_counts=True)
    return Cells(side, unique, counts.cumsum(0) - counts, counts, torch.cat(held)[order])


def _in_cells(cells: Cells, points: Float[Tensor, "n 3"]) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs of a point and a Gaussian that reaches into its cell."""
    key = _key((points / cells.side).floor().long())
    place = torch.searchsorted(cells.keys, key).clamp_max(len(cells.keys) - 1)
    met = (cells.keys[place] == key).nonzero()[:, 0]
    place = place[met]
    ends = cells.counts[place].cumsum(0)
    begin = 0
    while begin < len(met):
        before = int(ends[begin - 1]) if begin else 0
        end = max(begin + 1, int(torch.searchsorted(ends, before + PAIRS, right=True)))
        count = cells.counts[place[begin:end]]
        point = met[begin:end].repeat_interleave(count)
        # from a pair's number to that of a member of the point's cell
        shift = cells.starts[place[begin:end]] - (ends[begin:end] - count)
        member = torch.arange(before, before + len(point), device=count.device)
        member += shift.repeat_interleave(count)
        yield point, cells.members.index_select(0, member).long()
        begin = end


def _key(cell: Int64[Tensor, "n 3"]) -> Int64[Tensor, " n"]:
    x, y, z = (cell & ((1 << KEY_BITS) - 1)).unbind(dim=1)
    return (x << 2 * KEY_BITS) | (y << KEY_BITS) | z
