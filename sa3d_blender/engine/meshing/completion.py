"""What no view voted on: is it free space, or inside something, and inside what?

Votes land on visible surfaces only. A mesh needs more: the inside of the object, and the places
where it touches something, which nobody sees. Two steps answer that:

* `carve`: a node that some view looks through is free; all others count as solid.
* `fill_solid`: in the solid, the votes' decision is continued smoothly (as the harmonic function
  that takes the voted values on voted nodes and "not the object" on the region's faces), which
  closes the object where it stands on something by the tightest smooth patch.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool3d, interpolate, max_pool2d

from ..fields.protocol import RadianceField
from ..fields.rays import first_surface
from ..mask_grids.mask_grid import region_nodes
from ..parallel import in_parallel
from ..rendering.projection import project
from ..rendering.render import View
from .solid_nodes import slabs

FRONT_OPACITY = 0.15
"""A surface begins where this much opacity has been passed.

One view is enough to make a place free. So it must see nearly all of what lies behind: where a skin
is thin, some view always looks through more of it than the others, and would carve a pit.
"""

CARVED_NODES = 1 << 17
"""Nodes that are looked at in one piece of work."""


def front_depth(view: View) -> Float[Tensor, "h w"]:
    """Distance at which each pixel's ray meets its first surface; infinite where there is none."""
    samples, (height, width) = view.samples, (view.camera.height, view.camera.width)
    first = first_surface(samples, height * width, FRONT_OPACITY)
    depth = samples.depth.new_full((height * width,), torch.inf)
    depth[samples.ray_index[first]] = samples.depth[first]
    return depth.view(height, width)


def carve(
    field: RadianceField,
    views: Iterable[View],
    lower: Float[Tensor, " 3"],
    upper: Float[Tensor, " 3"],
    shape: tuple[int, int, int],
) -> Bool[Tensor, "x y z"]:
    """Which nodes of a region are free space: some view's first surface lies behind them.

    Args:
        views: rendered views with their samples.
        lower, upper: the region, grid frame.
        shape: its nodes.
    """
    first, second = field.field_from_grid(region_nodes(lower, upper, shape, slice(0, 1))[:2])
    spacing = float((second - first).norm())

    def looked_through(view: View) -> tuple[View, Float[Tensor, "h w"]]:
        # the nearest surface around a pixel: silhouettes must not carve the object itself
        depth = -max_pool2d(-front_depth(view)[None], 3, 1, 1)[0]
        return view, depth - 1.5 * spacing

    fronts = list(in_parallel(looked_through, views, device=lower.device))

    def free_in(slab: slice) -> Bool[Tensor, "x y z"]:
        points = field.field_from_grid(region_nodes(lower, upper, shape, slab))
        free = torch.ones(len(points), dtype=torch.bool, device=lower.device)
        left = torch.arange(len(points), device=lower.device)
        for front in fronts:  # what one view looked through needs no other view
            left = left[~_in_front(points[left], front)]
        free[left] = False
        return free.view(-1, *shape[1:])

    return torch.cat(list(in_parallel(free_in, slabs(shape, CARVED_NODES), device=lower.device)))


def _in_front(
    points: Float[Tensor, "n 3"], front: tuple[View, Float[Tensor, "h w"]]
) -> Bool[Tensor, " n"]:
    """Which field-frame points a view has before the depth of its pixels."""
    view, depth = front
    there = project(view.camera, points)
    nearest = depth.reshape(-1)[there.pixel.clamp(min=0)]
    return (there.pixel >= 0) & (there.distance < nearest)


def fill_solid(
    share: Float[Tensor, "x y z"], free: Bool[Tensor, "x y z"]
) -> Float[Tensor, "x y z"]:
    """Continue voted values through the solid; voted nodes keep theirs.

    Relaxes from coarse to fine, as long distances take few steps on coarse nodes.

    Args:
        share: in [-1, 1], zero where nobody voted.
        free: known free space; it neither passes values on nor keeps any but voted ones.
    """
    fixed = share != 0
    open_ = (~free | fixed).float()
    guess: Tensor | None = None
    for factor, steps in ((4, 60), (2, 40), (1, 6)):
        a, b, c = (max(4, side // factor) for side in share.shape)
        size = (a, b, c)
        count = _pooled(fixed.float(), size)
        values = _pooled(share, size) / count.clamp(min=1e-6)
        level_open = (_pooled(open_, size) > 0.25).float()
        if guess is None:
            guess = torch.zeros_like(values)
        else:
            guess = interpolate(guess[None, None], size=size, mode="trilinear", align_corners=True)[
                0, 0
            ]
        guess = _relaxed(values, count > 0, level_open, guess, steps)
    assert guess is not None
    return torch.where(free & ~fixed, torch.zeros_like(guess), guess)


def _pooled(values: Float[Tensor, "x y z"], size: tuple[int, int, int]) -> Float[Tensor, "a b c"]:
    if values.shape == size:
        return values
    return adaptive_avg_pool3d(values[None, None], size)[0, 0]


def _relaxed(
    values: Float[Tensor, "x y z"],
    fixed: Bool[Tensor, "x y z"],
    open_: Float[Tensor, "x y z"],
    guess: Float[Tensor, "x y z"],
    steps: int,
) -> Float[Tensor, "x y z"]:
    """Jacobi steps of the mean over the six open neighbours; the region's faces stay at -1."""
    held = torch.ones_like(fixed)
    held[1:-1, 1:-1, 1:-1] = fixed[1:-1, 1:-1, 1:-1]
    current = torch.where(fixed, values, torch.where(held, -torch.ones_like(values), guess))
    target = current.clone()
    near = _neighbour_sum(open_).clamp(min=1e-6)
    for _ in range(steps):
        mean = _neighbour_sum(current * open_) / near
        current[1:-1, 1:-1, 1:-1] = mean
        current = torch.where(held, target, current)
    return current


def _neighbour_sum(x: Float[Tensor, "x y z"]) -> Float[Tensor, "a b c"]:
    """Sum over the six neighbours of inner nodes."""
    inner = slice(1, -1)
    total = x[2:, inner, inner] + x[:-2, inner, inner]
    total += x[inner, 2:, inner]
    total += x[inner, :-2, inner]
    total += x[inner, inner, 2:]
    total += x[inner, inner, :-2]
    return total
