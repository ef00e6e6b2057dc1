"""Views of a field: packed samples of a whole picture and the sums over them.

A view's samples are computed once. Its picture, depth, opacity and any rendered mask are sums over
the same samples, so keep the view and reuse it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..core.cameras import Camera
from ..core.errors import Cancelled
from .fields.protocol import RadianceField
from .parallel import in_parallel
from .rays import Samples, pixel_rays

RAYS_PER_CHUNK = 8192
"""Bounds the memory of one step, whatever the picture's size."""


@dataclass(frozen=True)
class View:
    """What one camera sees. Pictures are row by row from the top left."""

    camera: Camera
    samples: Samples
    """Of all pixels; ``ray_index`` is the pixel's number, row * width + column."""
    background: Float[Tensor, " 3"]

    def image(self) -> Float[Tensor, "h w 3"]:
        """The picture over the background, in [0, 1], display-referred.

        Raises:
            ValueError: the view was rendered without colour.
        """
        if self.samples.rgb is None:
            raise ValueError("this view was rendered without colour")
        weights = self.samples.weights
        colors = torch.zeros(self._pixels, 3, device=weights.device)
        colors.index_add_(0, self.samples.ray_index, weights[:, None] * self.samples.rgb)
        rest = 1 - self.opacity().reshape(-1, 1)
        return (colors + rest * self.background).clamp(0, 1).view(*self._shape, 3)

    def opacity(self) -> Float[Tensor, "h w"]:
        """The sum of weights, in [0, 1]."""
        return self.render_scalar(torch.ones_like(self.samples.weights))

    def depth(self) -> Float[Tensor, "h w"]:
        """Mean distance from the camera's centre along the ray, field frame; 0 where empty.

        The weighted mean over the ray's samples, not divided by its opacity's lack: half-seen
        surfaces keep their distance.
        """
        total = self.render_scalar(self.samples.depth)
        opacity = self.opacity()
        return torch.where(opacity > 0, total / opacity.clamp_min(1e-12), torch.zeros_like(total))

    def render_scalar(self, values: Float[Tensor, " s"]) -> Float[Tensor, "h w"]:
        """The sum of weight times value over each pixel's samples."""
        summed = torch.zeros(self._pixels, device=values.device)
        summed.index_add_(0, self.samples.ray_index, self.samples.weights * values)
        return summed.view(self._shape)

    @property
    def _shape(self) -> tuple[int, int]:
        return self.camera.height, self.camera.width

    @property
    def _pixels(self) -> int:
        return self.camera.height * self.camera.width


def render_view(
    field: RadianceField,
    camera: Camera,
    *,
    with_color: bool = True,
    on_progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> View:
    """March all of a camera's rays through a field.

    Args:
        field: the field.
        camera: the camera, in the field frame.
        with_color: whether the samples get colours.
        on_progress: called with the finished fraction, in (0, 1], after each chunk of rays.
        cancelled: asked before each chunk.

    Raises:
        Cancelled: ``cancelled`` said so.
    """
    pixels = camera.width * camera.height
    starts = range(0, pixels, RAYS_PER_CHUNK)

    def chunk(first: int) -> Samples:
        if cancelled is not None and cancelled():
            raise Cancelled
        rays = pixel_rays(camera, first, RAYS_PER_CHUNK, device=field.device)
        with torch.no_grad():
            return _moved(field.march(rays, with_color=with_color), first)

    parts = []
    for part in in_parallel(chunk, starts, device=field.device):
        parts.append(part)
        if on_progress is not None:
            on_progress(len(parts) / len(starts))
    return View(camera, joined(parts), field.background)


def _moved(samples: Samples, first: int) -> Samples:
    return Samples(
        samples.ray_index + first, samples.points, samples.weights, samples.depth, samples.rgb
    )


def joined(parts: list[Samples]) -> Samples:
    """Samples of consecutive chunks of rays as one list."""
    colors = [part.rgb for part in parts if part.rgb is not None]
    return Samples(
        torch.cat([part.ray_index for part in parts]),
        torch.cat([part.points for part in parts]),
        torch.cat([part.weights for part in parts]),
        torch.cat([part.depth for part in parts]),
        torch.cat(colors) if len(colors) == len(parts) else None,
    )
