"""Rays for small fields, and their images straight from the definition."""

from __future__ import annotations

import torch
from torch import Tensor

from sa3d_blender.engine.fields.protocol import RadianceField
from sa3d_blender.engine.fields.rays import Rays, Samples


def looking_inwards(count: int, *, distance: float = 4.0) -> Rays:
    """Rays from random places around the box towards its middle."""
    generator = torch.Generator().manual_seed(3)
    origins = torch.randn(count, 3, generator=generator)
    origins = distance * origins / origins.norm(dim=1, keepdim=True)
    aims = torch.rand(count, 3, generator=generator) - 0.5
    directions = aims - origins
    return Rays(origins, directions / directions.norm(dim=1, keepdim=True))


def composite(field: RadianceField, samples: Samples, rays: int) -> tuple[Tensor, Tensor]:
    """Images and opacities, straight from the definition."""
    assert samples.rgb is not None
    image, opacity = torch.zeros(rays, 3), torch.zeros(rays)
    image.index_add_(0, samples.ray_index, samples.weights[:, None] * samples.rgb)
    opacity.index_add_(0, samples.ray_index, samples.weights)
    return (image + (1 - opacity[:, None]) * field.background).clamp(0, 1), opacity
