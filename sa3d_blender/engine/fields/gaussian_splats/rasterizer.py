"""From footprints to the weighted samples of some pixels: alpha blending, front to back.

The arithmetic is the original rasteriser's. Instead of tiles, each footprint is cut into the rows
that it covers, and each row into exactly those pixels where it is not too faint: so no pair of
pixel and Gaussian is looked at in vain. The pairs are blended in portions of bounded size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from ..rays import precise
from .footprints import LEAST_ALPHA, Footprints

MOST_ALPHA = 0.99
LEAST_LIGHT = 1e-4
"""Transmittance below which a pixel counts as full: the Gaussian that would leave less is not
drawn any more."""
PAIRS_PER_PIXEL = 24
"""Of a portion, on average; pixels that are full after one cost little in the next."""
FEWEST_PAIRS = 1 << 16
MIN_WEIGHT = 1e-5
"""Samples of less weight are left out."""


@dataclass(frozen=True)
class Pixels:
    """A run of a picture's pixels, counted row by row from the top left."""

    width: int
    """Of the picture."""
    first: int
    count: int

    @property
    def rows(self) -> tuple[int, int]:
        """The first row and the last one."""
        return self.first // self.width, (self.first + self.count - 1) // self.width


@dataclass(frozen=True)
class Blended:
    """Pairs of pixel and Gaussian that something is seen of, by pixel, the nearest first."""

    pixel: Int64[Tensor, " s"]
    """Counted from the run's first."""
    footprint: Int64[Tensor, " s"]
    weights: Float[Tensor, " s"]
    offsets: Float[Tensor, "s 2"]
    """Of the pixel's centre from the footprint's, in pixels."""


@dataclass(frozen=True)
class Spans:
    """What footprints cover: rows from one on, or the columns of single rows; in their order."""

    footprint: Int64[Tensor, " r"]
    row: Int64[Tensor, " r"]
    first: Int64[Tensor, " r"]
    """The first column."""
    count: Int64[Tensor, " r"]
    """Of rows, or of columns in the row."""

    def __getitem__(self, part: slice) -> Spans:
        return Spans(self.footprint[part], self.row[part], self.first[part], self.count[part])


def blended(shown: Footprints, pixels: Pixels) -> Blended:
    """Which Gaussians some pixels show, and how much of each.

    Gradients reach the footprints where torch records them.
    """
    rows = _rows(shown, pixels)
    portion = max(FEWEST_PAIRS, PAIRS_PER_PIXEL * pixels.count)
    light = shown.opacities.new_ones(pixels.count)
    full = torch.zeros_like(light, dtype=torch.bool)
    parts: list[Blended] = []
    for some in _portions(rows.count, portion):
        spans = _spans(shown, rows[some], pixels)
        for part in _portions(spans.count, portion):
            if full.all():
                return _joined(parts, shown)
            pairs = _pairs(shown, spans[part], pixels, full)
            drawn, light, full = _blend(*pairs, light, full)
            parts.append(drawn)
    return _joined(parts, shown)


def _portions(count: Int64[Tensor, " r"], most: int) -> Iterator[slice]:
    """Parts of a list of numbers that sum up to about ``most``; each has one at least."""
    total = count.cumsum(0)
    begin = 0
    while begin < len(total):
        done = int(total[begin - 1]) if begin else 0
        end = max(begin + 1, int(torch.searchsorted(total, done + most, right=True)))
        yield slice(begin, end)
        begin = end


def _rows(shown: Footprints, pixels: Pixels) -> Spans:
    """The footprints that cover any row of the run, from which row on, and how many."""
    top, bottom = pixels.rows
    middle, half = shown.centers[:, 1].detach(), shown.half_heights().detach()
    # the centre of row r is at r + 0.5
    first = (middle - half - 0.5).ceil().clamp(min=top).long()
    last = (middle + half - 0.5).floor().clamp(max=bottom).long()
    footprint = (last >= first).nonzero()[:, 0]
    first, last = first[footprint], last[footprint]
    return Spans(footprint, first, torch.zeros_like(first), last - first + 1)


def _spans(shown: Footprints, rows: Spans, pixels: Pixels) -> Spans:
    """The rows of some footprints one by one, and from which column to which they cover each."""
    footprint = rows.footprint.repeat_interleave(rows.count)
    row = rows.row.repeat_interleave(rows.count) + _counted(rows.count)
    left, right = _columns(shown, footprint, row)
    start, stop = pixels.first, pixels.first + pixels.count - 1
    left = torch.where(row == start // pixels.width, left.clamp_min(start % pixels.width), left)
    right = torch.where(row == stop // pixels.width, right.clamp_max(stop % pixels.width), right)
    left, right = left.clamp_min(0), right.clamp_max(pixels.width - 1)
    covered = (right >= left).nonzero()[:, 0]
    left, right = left[covered], right[covered]
    return Spans(footprint[covered], row[covered], left, right - left + 1)


def _columns(
    shown: Footprints, footprint: Int64[Tensor, " r"], row: Int64[Tensor, " r"]
) -> tuple[Int64[Tensor, " r"], Int64[Tensor, " r"]]:
    """First and last column whose centre lies in the footprint's ellipse."""
    xx, xy, yy = shown.conics.detach().index_select(0, footprint).unbind(dim=1)
    x, y = shown.centers.detach().index_select(0, footprint).unbind(dim=1)
    dy = row + 0.5 - y
    cutoff = shown.cutoffs().detach().index_select(0, footprint)
    inner = (xy * dy).square() - xx * (yy * dy * dy - cutoff)
    half = inner.clamp_min(0).sqrt() / xx
    middle = x - xy * dy / xx - 0.5
    far = 1e9  # beyond any picture, and exact in both types
    left, right = (middle - half).clamp(-far, far), (middle + half).clamp(-far, far)
    return left.ceil().long(), right.floor().long()


def _pairs(
    shown: Footprints,
    spans: Spans,
    pixels: Pixels,
    full: Bool[Tensor, " p"],
) -> tuple[Int64[Tensor, " s"], Int64[Tensor, " s"], Float[Tensor, "s 2"], Float[Tensor, " s"]]:
    """Pixel, footprint, offset and opacity of all pairs that count, sorted by pixel and depth."""
    count = spans.count
    span = torch.arange(len(count), device=count.device).repeat_interleave(count)
    # counted from the run's first pixel
    start = spans.row * pixels.width + spans.first - pixels.first
    pixel = start.index_select(0, span) + _counted(count)
    # pairs come by depth; a stable sort of small numbers is quick
    order = pixel.to(torch.int32).argsort(stable=True)
    order = order[~full.index_select(0, pixel.index_select(0, order))]
    pixel = pixel.index_select(0, order)
    footprint = spans.footprint.index_select(0, span.index_select(0, order))
    place = pixel + pixels.first
    places = torch.stack([place % pixels.width, place // pixels.width], dim=1) + 0.5
    offsets = places - shown.centers.index_select(0, footprint)
    xx, xy, yy = shown.conics.index_select(0, footprint).unbind(dim=1)
    x, y = offsets.unbind(dim=1)
    power = -0.5 * (xx * x * x + yy * y * y) - xy * x * y
    alpha = (shown.opacities.index_select(0, footprint) * power.exp()).clamp_max(MOST_ALPHA)
    kept = ((alpha >= LEAST_ALPHA) & (power <= 0)).nonzero()[:, 0]
    return pixel[kept], footprint[kept], offsets[kept], alpha[kept]


def _blend(
    pixel: Int64[Tensor, " s"],
    footprint: Int64[Tensor, " s"],
    offsets: Float[Tensor, "s 2"],
    alpha: Float[Tensor, " s"],
    light: Float[Tensor, " p"],
    full: Bool[Tensor, " p"],
) -> tuple[Blended, Float[Tensor, " p"], Bool[Tensor, " p"]]:
    """The pairs' weights, and what is left of the light of each pixel."""
    before = light[pixel] * light_before(pixel, alpha)
    drawn = before * (1 - alpha) >= LEAST_LIGHT
    weights = before * alpha * drawn
    left = light - torch.zeros_like(light).index_add(0, pixel, weights)
    full = full.clone()
    full[pixel[~drawn]] = True
    kept = (weights > MIN_WEIGHT).nonzero()[:, 0]
    part = Blended(pixel[kept], footprint[kept], weights[kept], offsets[kept])
    return part, left, full


def light_before(ray: Int64[Tensor, " s"], alpha: Float[Tensor, " s"]) -> Float[Tensor, " s"]:
    """What the samples before each one on its ray let through.

    Args:
        ray: in order; what lies on one ray goes by depth.
        alpha: opacity of each sample, below 1.
    """
    if len(ray) == 0:
        return alpha
    log = precise(1 - alpha).log()
    passed = log.cumsum(0) - log
    starts = torch.ones_like(ray, dtype=torch.bool)
    starts[1:] = ray[1:] != ray[:-1]
    run = (starts.cumsum(0) - 1).to(passed.device)
    earlier = passed[starts.nonzero()[:, 0].to(passed.device)]
    return (passed - earlier[run]).exp().to(alpha)


def _counted(count: Int64[Tensor, " r"]) -> Int64[Tensor, " s"]:
    """0, 1, 2, ... for each of some counts, one after the other."""
    ends = count.cumsum(0)
    total = int(ends[-1]) if len(ends) else 0
    return torch.arange(total, device=count.device) - (ends - count).repeat_interleave(count)


def _joined(parts: list[Blended], shown: Footprints) -> Blended:
    """The portions' pairs by pixel; within one, an earlier portion's come first."""
    if not parts:
        none = shown.index[:0]
        return Blended(none, none, shown.opacities[:0], shown.centers[:0])
    pixel = torch.cat([part.pixel for part in parts])
    order = pixel.argsort(stable=True) if len(parts) > 1 else slice(None)
    return Blended(
        pixel[order],
        torch.cat([part.footprint for part in parts])[order],
        torch.cat([part.weights for part in parts])[order],
        torch.cat([part.offsets for part in parts])[order],
    )
