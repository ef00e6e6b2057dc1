"""Which Gaussians are near rays that belong to no picture: a tree of balls around groups of them.

Every level has an eighth of the balls of the one below it; a search goes down level by level with
all rays at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from ..rays import Rays
from .footprints import LEAST_ALPHA
from .gaussians import Gaussians

BRANCHES = 8
TOP = 64
"""Balls of the highest level, at most."""
PAIRS = 1 << 20
"""Pairs of question and ball that are looked at together; bounds the memory."""
MORTON_BITS = 16
"""Bits of each coordinate that the order of the Gaussians looks at."""
SIZE_STEP = 2
"""Gaussians of sizes that differ by less than so many doublings are grouped together."""
Near = Callable[[Int64[Tensor, " p"], Float[Tensor, "p 3"], Float[Tensor, " p"]], Tensor]
"""Whether some of the questions, by number, are near balls of these centres and radii."""


@dataclass(frozen=True)
class BoundingTree:
    """Balls around the Gaussians, then around eight of those, and so on."""

    order: Int64[Tensor, " n"]
    """Numbers of the Gaussians in the lowest level's order."""
    centers: list[Tensor]
    """[m 3] of each level, the lowest first; field frame."""
    radii: list[Tensor]
    """[m] of each level."""

    @staticmethod
    def of(gaussians: Gaussians) -> BoundingTree:
        """Around where each Gaussian's opacity is at least that which is drawn."""
        reach = extents(gaussians)
        order = _spatial_order(gaussians.means, reach)
        centers, radii = [gaussians.means[order]], [reach[order]]
        while len(centers[-1]) > TOP:
            center, radius = _grouped(centers[-1], radii[-1])
            centers.append(center)
            radii.append(radius)
        return BoundingTree(order, centers, radii)

    def near_rays(self, rays: Rays) -> Iterator[tuple[Int64[Tensor, " p"], Int64[Tensor, " p"]]]:
        """Pairs of a ray's number and a Gaussian's that may reach it, in portions."""

        def near(which: Tensor, center: Tensor, radius: Tensor) -> Bool[Tensor, " p"]:
            away = center - rays.origins[which]
            along = (away * rays.directions[which]).sum(dim=1)
            beside = away.square().sum(dim=1) - along.square()
            return (beside <= radius.square()) & (along >= -radius)

        yield from self._search(len(rays), near)

    def _search(self, count: int, near: Near) -> Iterator[tuple[Tensor, Tensor]]:
        """Each question's pairs come in one portion, and the questions in order."""
        device = self.order.device
        top = len(self.centers) - 1
        balls = torch.arange(len(self.centers[top]), device=device)
        step = max(1, PAIRS // max(1, len(balls)))
        for first in range(0, count, step):
            some = torch.arange(first, min(first + step, count), device=device)
            question = some.repeat_interleave(len(balls))
            yield from self._below(top, question, balls.repeat(len(some)), near)

    def _below(
        self, level: int, question: Tensor, ball: Tensor, near: Near
    ) -> Iterator[tuple[Tensor, Tensor]]:
        kept = near(question, self.centers[level][ball], self.radii[level][ball]).nonzero()[:, 0]
        question, ball = question[kept], ball[kept]
        if level == 0:
            yield question, self.order[ball]
            return
        for part in _portions(question, PAIRS // BRANCHES):
            children = ball[part, None] * BRANCHES + torch.arange(BRANCHES, device=ball.device)
            asked = question[part, None].expand_as(children)
            there = children < len(self.centers[level - 1])
            yield from self._below(level - 1, asked[there], children[there], near)


def extents(gaussians: Gaussians) -> Float[Tensor, " n"]:
    """Distance from each centre beyond which a Gaussian is too faint to be drawn."""
    cut = 2 * (gaussians.opacities() / LEAST_ALPHA).clamp_min(1).log()
    return cut.sqrt() * gaussians.log_scales.amax(dim=1).exp()


def _portions(question: Int64[Tensor, " p"], most: int) -> Iterator[slice]:
    """Parts of about so many pairs in which no question is cut in two."""
    begin = 0
    while begin < len(question):
        end = min(begin + most, len(question))
        if end < len(question):
            last = question[end - 1]
            end = int(torch.searchsorted(question, last, right=False))
            if end <= begin:  # one question has more than that
                end = int(torch.searchsorted(question, last, right=True))
        yield slice(begin, end)
        begin = end


def _spatial_order(means: Float[Tensor, "n 3"], reach: Float[Tensor, " n"]) -> Int64[Tensor, " n"]:
    """Neighbours of about the same size together: by size, then along Morton's curve."""
    if len(means) == 0:
        return torch.zeros(0, dtype=torch.long, device=means.device)
    size = (reach.clamp_min(1e-12).log2() / SIZE_STEP).floor()
    key = (size.amax() - size).long() << (3 * MORTON_BITS)
    # drawn together around the middle, as a few Gaussians far off would leave the others one cell
    middle = means.median(dim=0).values
    away = (means - middle).abs().amax(dim=1, keepdim=True)
    drawn = (means - middle) / (away + away.median().clamp_min(1e-12))
    cells = ((drawn + 1) / 2 * (1 << MORTON_BITS)).long().clamp(0, (1 << MORTON_BITS) - 1)
    for axis in range(3):
        for bit in range(MORTON_BITS):
            key |= (cells[:, axis] >> bit & 1) << (3 * bit + axis)
    return key.argsort()


def _grouped(
    centers: Float[Tensor, "n 3"], radii: Float[Tensor, " n"]
) -> tuple[Float[Tensor, "m 3"], Float[Tensor, " m"]]:
    """Balls around groups of neighbouring balls."""
    missing = -len(centers) % BRANCHES
    centers = torch.cat([centers, centers[-1:].expand(missing, 3)]).view(-1, BRANCHES, 3)
    radii = torch.cat([radii, radii[-1:].expand(missing)]).view(-1, BRANCHES)
    middle = (centers.amin(dim=1) + centers.amax(dim=1)) / 2
    reach = (centers - middle[:, None]).norm(dim=2) + radii
    return middle, reach.amax(dim=1) * (1 + 1e-6)
