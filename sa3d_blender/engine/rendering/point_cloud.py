"""Coloured points on what a field shows: a stand-in to find the way around in it.

Rays look from where photographs were taken, or from where they usually are; a point lies where a
ray meets its first surface. Density alone would not do: what counts as a surface differs from
field to field, and nobody saw what lies inside of things.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ...core.cameras import Camera
from ...core.point_cloud import PointCloud
from ..fields.protocol import PrimitiveField, RadianceField
from ..fields.rays import Rays, first_surface
from ..parallel import in_parallel
from ..run import Run

RAYS_PER_CHUNK = 4096
FIRST_RAYS = 8192
"""Sent everywhere, to find out where anything is."""
AROUND = 0.1
"""The other rays pass a known point in a cube of this part of the box."""
RAYS_PER_POINT = 3
"""Rays are spread unevenly over the surfaces; points are not."""
SURFACE_OPACITY = 0.5
"""A surface is where this much of the light is stopped."""
LOWEST = -0.15
"""Sine of how far from below a bounded scene is looked at; few photographs are."""
PARALLAX = 0.2
"""Sideways reach of a forward-facing scene's cameras over the distance of what is nearest."""
ORBIT = 0.8
"""Distance of an unbounded scene's cameras from the middle, over half its box."""
FARTHEST = 3.0
"""Points farther from the middle than this times half the box would dwarf the rest."""
TOO_NEAR = 0.02
"""Nearer than this part of half the box a camera stands in something."""


def sample_surface(
    field: RadianceField,
    cameras: Sequence[Camera] = (),
    *,
    count: int = 30_000,
    seconds: float = 1.0,
    run: Run | None = None,
) -> PointCloud:
    """Points on a field's visible surfaces, evenly spaced, with the colours seen there.

    Args:
        cameras: training cameras, when known; only what they see is sampled then.
        count: at most so many points.
        seconds: no more rays are sent after this time, as a slow field takes long for few; what
            was begun is finished, and there are points whenever there is a surface.

    Raises:
        Cancelled: the run was cancelled.
    """
    run = run or Run()
    if isinstance(field, PrimitiveField):  # it knows where it is without looking
        return _middles(field, count)
    generator = torch.Generator().manual_seed(0)
    give_up_at = time.perf_counter() + seconds
    rays = _rays(field, cameras, FIRST_RAYS, generator)
    points, directions = _surfaces(field, rays, give_up_at, run)
    placed = field.field_from_grid(points)
    if len(placed) and time.perf_counter() < give_up_at:
        near = None if cameras else placed.double().cpu()
        rays = _rays(field, cameras, RAYS_PER_POINT * count, generator, near=near)
        more = _surfaces(field, rays, give_up_at, run)
        points, directions = torch.cat([points, more[0]]), torch.cat([directions, more[1]])
        placed = field.field_from_grid(points)
    kept = _near_the_middle(field, placed).nonzero()[:, 0]
    chosen, spacing = evenly_spaced(placed[kept].cpu().numpy().astype(np.float32), count)
    index = kept[torch.from_numpy(chosen).to(kept.device)]
    with torch.no_grad():
        rgb = field.color(points[index], directions[index]).clamp(0, 1).cpu().numpy()
    run.check()
    return PointCloud(
        placed[index].cpu().numpy().astype(np.float32), (rgb * 255 + 0.5).astype(np.uint8), spacing
    )


def _middles(field: PrimitiveField, count: int) -> PointCloud:
    """The middles of what a field is made of, evenly spaced."""
    everything = torch.ones(len(field.primitive_centers()), dtype=torch.bool, device=field.device)
    cloud = field.primitive_points(everything)
    near = _near_the_middle(field, torch.from_numpy(cloud.points).to(field.device))
    kept = near.nonzero()[:, 0].cpu().numpy()
    chosen, spacing = evenly_spaced(cloud.points[kept], count)
    return PointCloud(cloud.points[kept[chosen]], cloud.colors[kept[chosen]], spacing)


def evenly_spaced(
    points: Float[np.ndarray, "n 3"], count: int
) -> tuple[Int64[np.ndarray, " m"], float]:
    """Which points to keep, one per cell of a grid, so that at most ``count`` are left.

    Returns:
        Their indices, and the side of a cell.
    """
    if len(points) == 0:
        return np.zeros(0, np.int64), 1.0
    low = points.min(axis=0)
    extent = max(float((points - low).max()), 1e-6)
    fine, coarse = extent / 1000, extent
    kept = _one_per_cell(points - low, fine)
    if len(kept) <= count:  # too few to thin out; the drawn size still has to cover the gaps
        return kept, extent / max(1.0, len(kept)) ** 0.5
    for _ in range(12):
        side = (fine * coarse) ** 0.5
        kept = _one_per_cell(points - low, side)
        if len(kept) > count:
            fine = side
        else:
            coarse = side
    return _one_per_cell(points - low, coarse), coarse


def _one_per_cell(offsets: Float[np.ndarray, "n 3"], side: float) -> Int64[np.ndarray, " m"]:
    x, y, z = (offsets / side).astype(np.int64).T
    _, first = np.unique((x << 42) + (y << 21) + z, return_index=True)
    return np.asarray(np.sort(first), dtype=np.int64)


def _surfaces(
    field: RadianceField, rays: Rays, give_up_at: float, run: Run
) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n 3"]]:
    """Grid-frame points where rays meet their first surface, and those rays' directions."""

    def meet(first: int) -> tuple[Tensor, Tensor] | None:
        if run.is_cancelled() or (first and time.perf_counter() > give_up_at):
            return None
        with torch.no_grad():
            return _surfaces_of_chunk(field, rays[first : first + RAYS_PER_CHUNK])

    starts = range(0, len(rays), RAYS_PER_CHUNK)
    found = [hit for hit in in_parallel(meet, starts, device=field.device) if hit is not None]
    run.check()
    points, directions = (torch.cat(parts) for parts in zip(*found, strict=True))
    return points, directions


def _surfaces_of_chunk(
    field: RadianceField, rays: Rays
) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n 3"]]:
    samples = field.march(rays, with_color=False)
    first = first_surface(samples, len(rays), SURFACE_OPACITY)
    too_near = TOO_NEAR * _half_box(field) if field.scene != "forward_facing" else 0.0
    first = first[samples.depth[first] > too_near]
    return samples.points[first], rays.directions[samples.ray_index[first]]


def _half_box(field: RadianceField) -> float:
    return float((field.box[1] - field.box[0]).max()) / 2


def _near_the_middle(field: RadianceField, points: Float[Tensor, "n 3"]) -> Tensor:
    """Points that are no farther off than an artist wants to see."""
    usable = points.isfinite().all(dim=1)
    if field.scene == "forward_facing":  # the box is what is seen, but for a few points behind
        return usable & ((points >= field.box[0]) & (points <= field.box[1])).all(dim=1)
    away = (points - field.box.mean(dim=0)).abs().amax(dim=1)
    return usable & (away <= FARTHEST * _half_box(field))


def _rays(
    field: RadianceField,
    cameras: Sequence[Camera],
    count: int,
    generator: torch.Generator,
    *,
    near: Float[Tensor, "n 3"] | None = None,
) -> Rays:
    """Random rays, so that any part of them sees all of the scene.

    Args:
        near: aim near these points, field frame, as elsewhere is nothing.
    """
    if cameras:
        return _camera_rays(cameras, count, generator, field.device)
    uniform = torch.rand(count, 6, generator=generator, dtype=torch.float64)
    low, high = field.box.double().cpu()
    half = float((high - low).max()) / 2
    aims = low + uniform[:, :3] * (high - low)
    if near is not None:
        known = near[torch.randint(len(near), (count,), generator=generator)]
        aims = known + AROUND * 2 * half * (uniform[:, :3] - 0.5)
    if field.scene == "forward_facing":
        nearest = max(-float(high[2]), 1e-3)
        origins = (uniform[:, 3:] - 0.5) * (2 * PARALLAX * nearest)
        origins[:, 2] = 0.0
        if near is None:
            aims[:, 2] = low[2]  # through the near part of the box go rays that no camera has
        return _looking(origins, aims, field.device)
    bounded = field.scene == "bounded"
    height = LOWEST + uniform[:, 3] * ((1.0 if bounded else 0.8) - LOWEST)
    angle = 2 * torch.pi * uniform[:, 4]
    level = (1 - height**2).sqrt()
    away = torch.stack([level * angle.cos(), level * angle.sin(), height], dim=1)
    if bounded:  # from outside of the box, along all lines alike
        origins = aims + 2 * 3**0.5 * half * away
    else:
        origins = (low + high) / 2 + ORBIT * half * away
    return _looking(origins, aims, field.device)


def _camera_rays(
    cameras: Sequence[Camera], count: int, generator: torch.Generator, device: torch.device
) -> Rays:
    """Rays through random places of random cameras' pictures."""
    uniform = torch.rand(count, 2, generator=generator, dtype=torch.float64)
    which = torch.randint(len(cameras), (count,), generator=generator)
    lens = torch.tensor(
        [[c.width / c.fl_x, c.cx / c.fl_x, c.height / c.fl_y, c.cy / c.fl_y] for c in cameras],
        dtype=torch.float64,
    )[which]
    x = uniform[:, 0] * lens[:, 0] - lens[:, 1]
    y = uniform[:, 1] * lens[:, 2] - lens[:, 3]
    local = torch.stack([x, -y, -torch.ones_like(x)], dim=1)
    matrices = torch.from_numpy(np.stack([c.field_from_camera for c in cameras]))[which]
    origins = matrices[:, :3, 3]
    ways = (matrices[:, :3, :3] @ local[:, :, None])[:, :, 0]
    return _looking(origins, origins + ways, device)


def _looking(
    origins: Float[Tensor, "n 3"], aims: Float[Tensor, "n 3"], device: torch.device
) -> Rays:
    directions = torch.nn.functional.normalize(aims - origins, dim=1)
    return Rays(origins.float().to(device), directions.float().to(device))
