"""Mask inverse rendering in hazy fields, whose rays' light comes from many faint samples.

Where a field is solid, one vote per view (eq. 6) says nearly all: a ray's light comes from one
place. In haze it comes from many, and one vote spreads a mask over all of them. So the votes are
repeated here, each with what the rendered mask still lacks. Written with A for the rendering of
eq. 3 (pixels by nodes: omega times the trilinear weight), the paper's step is ``A^T mask``; this is

    m <- clip(m + RELAXATION * C A^T R (mask - A m), 0, 1)

with R and C one over the row and column sums of A: the simultaneous iterative reconstruction
technique of tomography (SIRT; Gilbert 1972), kept between "not the object" and "the object".

Also beyond the paper: the weights are those of the same field `OPACITY_POWER` times as dense. Light
that comes through an occluder's haze would show objects that nothing shows in the masks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from ..rendering.rays import Samples
from ..rendering.render import View, ray_sums
from .mask_grid import MaskGrid

OPACITY_POWER = 2.0
STEPS = 20
"""More change held-out masks by less than 0.01."""
RELAXATION = 1.8
"""Part of a step that is taken; below 2 it converges."""
LEAST_LIGHT = 0.05
"""Of a ray within the region, below which its mask counts less."""
UNSEEN = 1e-3
"""Light on a node, summed over all views, up to which nothing is known of it."""
MOST_SAMPLES = 1_000_000
"""Samples to fit; of more, random pixels are left out. Bounds seconds and memory (24 MB)."""


@dataclass(frozen=True)
class _MaskedRays:
    """The samples of a view that lie in the region, and what their pixels' sums should be."""

    samples: Samples
    wanted: Float[Tensor, " p"]
    light: Float[Tensor, " p"]
    """Each pixel's sum of weights within the region."""

    def lacking(self, grid: MaskGrid, values: Float[Tensor, "x y z"]) -> Float[Tensor, " s"]:
        """What each sample's pixel lacks, over its light, times the sample's weight."""
        shown = grid.sample(values, self.samples.points)[:, None]
        rendered = ray_sums(self.samples, shown, len(self.wanted))[:, 0]
        lack = (self.wanted - rendered) / self.light.clamp(min=LEAST_LIGHT)
        return self.samples.weights * lack[self.samples.ray_index]


def sharpened(view: View) -> View:
    """The view with the weights it would have if the field were `OPACITY_POWER` times as dense.

    Transmittance to that power: exact for the samples at hand.
    """
    samples = view.samples
    weights = samples.weights.double()
    pixels = view.camera.width * view.camera.height
    total = weights.new_zeros(pixels).index_add_(0, samples.ray_index, weights)
    passed = weights.cumsum(0) - (total.cumsum(0) - total)[samples.ray_index]
    behind = (1 - passed).clamp(0, 1)
    before = (1 - passed + weights).clamp(0, 1)
    sharp = (before**OPACITY_POWER - behind**OPACITY_POWER).float()
    return replace(view, samples=replace(samples, weights=sharp))


def fitted_share(
    grid: MaskGrid,
    masks: Sequence[tuple[View, Bool[np.ndarray, "_ _"]]],
    check: Callable[[], None] = lambda: None,
) -> Float[Tensor, "x y z"]:
    """Node values whose renders agree with the masks: 1 the object, -1 not, 0 where none looked.

    Args:
        grid: tells the region and its nodes; its votes are not looked at.
        masks: views as they were rendered, with the accepted 2D masks.
        check: called before each step; what it raises ends the fit.
    """
    rays = _within(grid, masks)
    light = _spread(grid, [view.samples.weights for view in rays], rays)
    values = torch.zeros_like(light)
    for _ in range(STEPS):
        check()
        missing = _spread(grid, [view.lacking(grid, values) for view in rays], rays)
        step = RELAXATION * missing / light.clamp(min=UNSEEN)
        values = (values + step).clamp(0, 1)
    return torch.where(light > UNSEEN, 2 * values - 1, 0.0)


def shown(values: Float[Tensor, " s"], view: View) -> Bool[np.ndarray, "h w"]:
    """The object in a view of a hazy field: pixels more than half of whose light it is.

    Args:
        values: of the view's samples, from 0 (not the object) to 1.
    """
    sharp = sharpened(view)
    object_, opacity = sharp.render_scalar(values), sharp.opacity()
    return np.asarray(((object_ > opacity / 2) & (opacity > 0.5)).cpu().numpy())


def _within(
    grid: MaskGrid, masks: Sequence[tuple[View, Bool[np.ndarray, "_ _"]]]
) -> list[_MaskedRays]:
    every = sum(len(_inside(grid, view.samples)) for view, _ in masks)
    chance = torch.Generator().manual_seed(0)
    found = []
    for view, mask in masks:
        sharp = sharpened(view)
        samples, pixels = sharp.samples, mask.size
        index = _inside(grid, samples)
        if every > MOST_SAMPLES:
            drawn = torch.rand(pixels, generator=chance) < MOST_SAMPLES / every
            index = index[drawn.to(index.device)[samples.ray_index[index]]]
        kept = Samples(
            samples.ray_index[index],
            samples.points[index],
            samples.weights[index],
            samples.depth[index],
            None,
        )
        covered = torch.from_numpy(np.ascontiguousarray(mask)).to(index.device).view(-1)
        light = ray_sums(kept, torch.ones_like(kept.weights)[:, None], pixels)[:, 0]
        found.append(_MaskedRays(kept, sharp.opacity().view(-1) * covered, light))
    return found


def _inside(grid: MaskGrid, samples: Samples) -> Int64[Tensor, " n"]:
    inside = (samples.points >= grid.lower) & (samples.points <= grid.upper)
    return inside.all(dim=1).nonzero()[:, 0]


def _spread(
    grid: MaskGrid, amounts: Sequence[Float[Tensor, " _"]], rays: Sequence[_MaskedRays]
) -> Float[Tensor, "x y z"]:
    """The amounts of all samples on the nodes around them."""
    sums = MaskGrid.empty(grid.lower, grid.upper, grid.shape)
    for amount, view in zip(amounts, rays, strict=True):
        sums.vote(view.samples.points, amount, torch.ones_like(amount, dtype=torch.bool))
    return sums.votes_for
