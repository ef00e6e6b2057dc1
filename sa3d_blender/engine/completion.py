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
from torch.nn.functional import avg_pool3d, interpolate, max_pool2d

from .fields.protocol import RadianceField
from .mask_grid import region_nodes
from .render import View

CHUNK = 1 << 20
FRONT_OPACITY = 0.3
"""A surface begins where this much opacity has been passed."""


def front_depth(view: View) -> Float[Tensor, "h w"]:
    """Distance at which each pixel's ray meets its first surface; infinite where there is none."""
    samples, camera = view.samples, view.camera
    pixels = camera.width * camera.height
    device = samples.weights.device
    passed = samples.weights.double().cumsum(0)
    total = torch.zeros(pixels, dtype=torch.float64, device=device)
    total.index_add_(0, samples.ray_index, samples.weights.double())
    before = (total.cumsum(0) - total)[samples.ray_index]
    reached = (passed - before) >= FRONT_OPACITY
    depth = torch.full((pixels,), torch.inf, device=device)
    depth.scatter_reduce_(0, samples.ray_index[reached], samples.depth[reached], "amin")
    return depth.view(camera.height, camera.width)


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
    nodes = region_nodes(lower, upper, shape)
    points = torch.cat([field.field_from_grid(part) for part in nodes.split(CHUNK)])
    spacing = float((points[1] - points[0]).norm())
    free = torch.zeros(len(points), dtype=torch.bool, device=points.device)
    for view in views:
        # the nearest surface around a pixel: silhouettes must not carve the object itself
        depth = -max_pool2d(-front_depth(view)[None], 3, 1, 1)[0]
        free |= _in_front(points, view, depth - 1.5 * spacing)
    return free.view(shape)


def _in_front(
    points: Float[Tensor, "n 3"], view: View, depth: Float[Tensor, "h w"]
) -> Bool[Tensor, " n"]:
    camera = view.camera
    matrix = torch.as_tensor(camera.field_from_camera, dtype=points.dtype, device=points.device)
    offset = points - matrix[:3, 3]
    local = offset @ matrix[:3, :3]
    ahead = -local[:, 2]
    column = (camera.cx + camera.fl_x * local[:, 0] / ahead).floor().long()
    row = (camera.cy - camera.fl_y * local[:, 1] / ahead).floor().long()
    seen = (ahead > 0) & (column >= 0) & (column < camera.width)
    seen &= (row >= 0) & (row < camera.height)
    index = (row * camera.width + column).clamp(0, camera.width * camera.height - 1)
    return seen & (offset.norm(dim=1) < depth.reshape(-1)[index])


def fill_solid(
    share: Float[Tensor, "x y z"], free: Bool[Tensor, "x y z"], *, steps: int = 120
) -> Float[Tensor, "x y z"]:
    """Continue voted values through the solid; voted nodes keep theirs.

    Args:
        share: in [-1, 1], zero where nobody voted.
        free: known free space; it neither passes values on nor keeps any but voted ones.
        steps: relaxation steps at half resolution; the full resolution takes a tenth.
    """
    fixed = share != 0
    half = _halved(share, fixed, free)
    rough = _relax(half[0], half[1], half[2], torch.zeros_like(half[0]), steps)
    guess = interpolate(rough, size=share.shape, mode="trilinear", align_corners=True)
    open_ = (~free | fixed)[None, None].float()
    values = _relax(
        share[None, None], fixed[None, None].float(), open_, guess, max(4, steps // 10)
    )[0, 0]
    return torch.where(free & ~fixed, torch.zeros_like(values), values)


def _halved(
    share: Float[Tensor, "x y z"], fixed: Bool[Tensor, "x y z"], free: Bool[Tensor, "x y z"]
) -> tuple[Tensor, Tensor, Tensor]:
    size = [max(4, side // 2) for side in share.shape]

    def pool(values: Tensor) -> Tensor:
        return torch.nn.functional.adaptive_avg_pool3d(values[None, None].float(), size)

    count = pool(fixed)
    mean = pool(share) / count.clamp(min=1e-6)
    return mean, (count > 0).float(), (pool(~free | fixed) > 0.25).float()


def _relax(values: Tensor, fixed: Tensor, open_: Tensor, guess: Tensor, steps: int) -> Tensor:
    """Jacobi steps of the mean over open neighbours; faces of the region are held at -1."""
    face = torch.ones_like(values)
    face[..., 1:-1, 1:-1, 1:-1] = 0
    held = torch.maximum(fixed, face * open_)
    target = torch.where(fixed > 0, values, -torch.ones_like(values))
    current = torch.where(held > 0, target, guess)
    near = avg_pool3d(open_, 3, 1, 1, count_include_pad=False).clamp(min=1e-6)
    for _ in range(steps):
        mean = avg_pool3d(current * open_, 3, 1, 1, count_include_pad=False) / near
        current = torch.where(held > 0, target, mean)
    return current
