"""Rays of a camera and the packed, weighted samples a field turns them into."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ...core.cameras import Camera


@dataclass(frozen=True)
class Rays:
    """Rays in the field frame; directions have unit length."""

    origins: Float[Tensor, "n 3"]
    directions: Float[Tensor, "n 3"]
    per_depth: Float[Tensor, " n"] | None = None
    """Distance along the ray per depth along the camera's axis; None where there is no camera."""

    def __len__(self) -> int:
        return self.origins.shape[0]

    def __getitem__(self, index: slice | Tensor) -> Rays:
        per_depth = None if self.per_depth is None else self.per_depth[index]
        return Rays(self.origins[index], self.directions[index], per_depth)


@dataclass(frozen=True)
class Samples:
    """Samples of many rays in one flat list, ordered by ray and then by depth (as in nerfacc)."""

    ray_index: Int64[Tensor, " s"]
    """Which ray a sample lies on."""
    points: Float[Tensor, "s 3"]
    """Positions in the grid frame, [-1, 1]^3."""
    weights: Float[Tensor, " s"]
    """The paper's omega: transmittance times opacity."""
    depth: Float[Tensor, " s"]
    """Distance from the ray's origin in the field frame."""
    rgb: Float[Tensor, "s 3"] | None
    """Colour in [0, 1], display-referred (sRGB); None when it was not asked for."""
    primitive: Int64[Tensor, " s"] | None = None
    """Number of the Gaussian that a sample is of; None in fields that are not made of any."""


def camera_rays(camera: Camera, *, device: torch.device) -> Rays:
    """One ray through the centre of each pixel, row by row from the top left: [height*width 3]."""
    return pixel_rays(camera, 0, camera.width * camera.height, device=device)


def pixel_rays(camera: Camera, first: int, count: int, *, device: torch.device) -> Rays:
    """Rays through the centres of some pixels, counted row by row from the top left."""
    index = torch.arange(first, min(first + count, camera.width * camera.height))
    x, y = (index % camera.width).double() + 0.5, (index // camera.width).double() + 0.5
    return rays_through(camera, torch.stack([x, y], dim=1), device=device)


def rays_through(camera: Camera, places: Float[Tensor, "n 2"], *, device: torch.device) -> Rays:
    """Rays through any places of a picture, x and y in pixels from the top left.

    Computed in double precision on the CPU: not every accelerator has it.
    """
    x, y = places.double().cpu().unbind(dim=1)
    local = torch.stack(
        [(x - camera.cx) / camera.fl_x, -(y - camera.cy) / camera.fl_y, -torch.ones_like(x)], dim=1
    )
    matrix = torch.as_tensor(camera.field_from_camera)
    directions = torch.nn.functional.normalize(local @ matrix[:3, :3].T, dim=1)
    origins = matrix[:3, 3].expand_as(directions)
    parts = (origins, directions, local.norm(dim=1))
    return Rays(*(part.float().contiguous().to(device) for part in parts))


def first_surface(samples: Samples, rays: int, opacity: float) -> Int64[Tensor, " h"]:
    """Index of the sample in which each ray meets its first surface; of those that meet one.

    Args:
        rays: how many the samples are of.
        opacity: a surface begins where this much of it has been passed.
    """
    weights = precise(samples.weights)
    index = samples.ray_index.to(weights.device)
    total = weights.new_zeros(rays).index_add_(0, index, weights)
    before = (total.cumsum(0) - total)[index]
    reached = (weights.cumsum(0) - before >= opacity).nonzero()[:, 0]
    begins = torch.ones(len(reached), dtype=torch.bool, device=weights.device)
    begins[1:] = index[reached[1:]] != index[reached[:-1]]
    return reached[begins].to(samples.ray_index.device)


def precise(values: Tensor) -> Tensor:
    """In double precision, for sums over millions; on the CPU where the device has none."""
    return (values.cpu() if values.device.type == "mps" else values).double()
