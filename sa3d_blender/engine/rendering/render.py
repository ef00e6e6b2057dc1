"""Views of a field: packed samples of a whole picture and the sums over them.

A view's samples are computed once. Its picture, depth, opacity and any rendered mask are sums over
the same samples, so keep the view and reuse it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...core.cameras import Camera
from ..fields.protocol import RadianceField, WholePictureField, looking
from ..fields.rays import Rays, Samples
from ..parallel import in_parallel
from ..run import Run
from .haze import is_vague
from .relief import Relief

Result = TypeVar("Result")

RAYS_PER_CHUNK = 8192
"""Bounds the memory of one step, whatever the picture's size."""
FEWEST_RAYS = 1024
"""Rays of a chunk at least: fewer cost more in overhead than another core saves."""


@dataclass(frozen=True)
class View:
    """What one camera sees. Pictures are row by row from the top left."""

    camera: Camera
    samples: Samples
    """Samples of all pixels; ``ray_index`` is the pixel's number, row * width + column."""
    background: Float[Tensor, " 3"]

    def image(self) -> Float[Tensor, "h w 3"]:
        """The picture over the background, in [0, 1], display-referred.

        Raises:
            ValueError: the view was rendered without colour.
        """
        if self.samples.rgb is None:
            raise ValueError("this view was rendered without colour")
        rest = 1 - self.opacity()[..., None]
        colors = self.render_vectors(self.samples.rgb)
        return (colors + rest * self.background).clamp(0, 1)

    def opacity(self) -> Float[Tensor, "h w"]:
        """The sum of weights, in [0, 1]."""
        return self.render_scalar(torch.ones_like(self.samples.weights))

    def depth(self) -> Float[Tensor, "h w"]:
        """Mean distance from the camera's centre along the ray, field frame; 0 where empty.

        The weighted mean over the ray's samples, so half-seen surfaces keep their distance.
        """
        total = self.render_scalar(self.samples.depth)
        opacity = self.opacity()
        return torch.where(opacity > 0, total / opacity.clamp_min(1e-12), torch.zeros_like(total))

    def relief(self) -> Relief | None:
        """The seen surfaces' shape, for a segmenter; pixels less than half covered are empty.

        None where there are none, or the field is hazy; see `haze.is_vague`.
        """
        distance, opacity = self.depth(), self.opacity()
        solid = (opacity > 0.5) & (distance > 0)
        if is_vague(self.spread()[solid], distance[solid]):
            return None
        camera = self.camera
        rows, columns = np.mgrid[0 : camera.height, 0 : camera.width] + 0.5
        x, y = (columns - camera.cx) / camera.fl_x, (rows - camera.cy) / camera.fl_y
        per_depth = np.sqrt(1 + x**2 + y**2) / distance.clamp(min=1e-9).cpu().numpy()
        nearness = np.where(solid.cpu().numpy(), per_depth, 0.0)
        return Relief(
            nearness.astype(np.float32), (camera.fl_x, camera.fl_y), (camera.cx, camera.cy)
        )

    def spread(self) -> Float[Tensor, "h w"]:
        """Standard deviation of the distances that a pixel's light comes from; 0 where empty."""
        off = self.samples.depth - self.depth().view(-1)[self.samples.ray_index]
        return (self.render_scalar(off**2) / self.opacity().clamp(min=1e-12)).sqrt()

    @cached_property
    def heaviest(self) -> np.ndarray:
        """Index of the heaviest sample of each pixel, -1 without one: [height*width]."""
        result = np.full(self._pixels, -1, dtype=np.int64)
        order = np.argsort(self.samples.weights.cpu().numpy(), kind="stable")
        result[self.samples.ray_index.cpu().numpy()[order]] = order  # the heaviest comes last
        return result

    def render_scalar(self, values: Float[Tensor, " s"]) -> Float[Tensor, "h w"]:
        """The sum of weight times value over each pixel's samples."""
        return self.render_vectors(values[:, None])[..., 0]

    def render_vectors(self, values: Float[Tensor, "s c"]) -> Float[Tensor, "h w c"]:
        """`render_scalar` of several values at once."""
        return ray_sums(self.samples, values, self._pixels).view(*self._shape, -1)

    @property
    def _shape(self) -> tuple[int, int]:
        return self.camera.height, self.camera.width

    @property
    def _pixels(self) -> int:
        return self.camera.height * self.camera.width


@dataclass(frozen=True)
class Picture:
    """What one camera sees, without the samples it was made of."""

    image: Float[Tensor, "h w 3"]
    """Over the background, in [0, 1], display-referred."""
    depth: Float[Tensor, "h w"]
    """As `View.depth`."""
    opacity: Float[Tensor, "h w"]


def to_bytes(image: Tensor) -> np.ndarray:
    """Colours in [0, 1] as bytes."""
    return np.asarray((image.clamp(0, 1) * 255 + 0.5).to(torch.uint8).cpu().numpy())


def ray_sums(
    samples: Samples, values: Float[Tensor, "s c"], rays: int
) -> Float[Tensor, "{rays} c"]:
    """The sum of weight times value over each ray's samples."""
    summed = torch.zeros(rays, values.shape[1], device=values.device)
    return summed.index_add_(0, samples.ray_index, samples.weights[:, None] * values)


def render_view(
    field: RadianceField,
    camera: Camera,
    *,
    with_color: bool = True,
    faint: float = 0.0,
    run: Run | None = None,
) -> View:
    """March all of a camera's rays through a field and keep the samples.

    Memory grows with the picture by some 40 bytes per sample (roughly 5 to 50 samples per pixel);
    for large pictures of which only the colours are wanted see `render_picture`.

    Args:
        field: the field.
        camera: the camera, in the field frame.
        with_color: whether the samples get colours.
        faint: samples lighter than this may share a colour with their ray; it is quicker.
        run: checked before each chunk, from other threads, too.

    Raises:
        Cancelled: the run was cancelled.
    """
    parts = list(_chunks(field, camera, with_color, faint, _moved, run or Run()))
    return View(camera, joined(parts), field.background)


def render_picture(
    field: RadianceField,
    camera: Camera,
    *,
    run: Run | None = None,
    stage: str = "",
) -> Picture:
    """The picture, depth and opacity that one camera sees, in memory bounded by the picture's.

    Args:
        field: the field.
        camera: the camera, in the field frame.
        run: checked before each chunk of rays, from other threads, too.
        stage: of the run, which is told after each chunk how many percent are done; none is told
            where it is empty, as for a picture that is a small part of something.

    Raises:
        Cancelled: the run was cancelled.
    """
    whole = field.whole_picture(camera) if isinstance(field, WholePictureField) else None
    if whole is not None:
        return Picture(*whole)
    pixels = camera.width * camera.height
    most = _rays_per_chunk(pixels, field)

    def summed(samples: Samples, first: int) -> Tensor:
        count = min(most, pixels - first)
        rgb = samples.points if samples.rgb is None else samples.rgb
        values = torch.cat(
            [rgb, samples.depth[:, None], torch.ones_like(samples.depth)[:, None]], dim=1
        )
        return ray_sums(samples, values, count)

    sums = torch.cat(list(_chunks(field, camera, True, 0.0, summed, run or Run(), stage)))
    opacity = sums[:, 4]
    image = (sums[:, :3] + (1 - opacity[:, None]) * field.background).clamp(0, 1)
    depth = torch.where(opacity > 0, sums[:, 3] / opacity.clamp_min(1e-12), 0.0)
    shape = (camera.height, camera.width)
    return Picture(image.view(*shape, 3), depth.view(shape), opacity.reshape(shape))


def march_rays(field: RadianceField, rays: Rays, *, with_color: bool) -> Samples:
    """The samples of any rays, marched in chunks on all cores; ``ray_index`` counts ``rays``."""

    def chunk(first: int) -> Samples:
        with torch.no_grad():
            part = rays[first : first + RAYS_PER_CHUNK]
            return _moved(field.march(part, with_color=with_color), first)

    starts = range(0, max(1, len(rays)), RAYS_PER_CHUNK)
    return joined(list(in_parallel(chunk, starts, device=field.device)))


def _moved(samples: Samples, first: int) -> Samples:
    return replace(samples, ray_index=samples.ray_index + first)


def _chunks(
    field: RadianceField,
    camera: Camera,
    with_color: bool,
    faint: float,
    finish: Callable[[Samples, int], Result],
    run: Run,
    stage: str = "",
) -> Iterator[Result]:
    """``finish(samples, first pixel)`` of each chunk of a camera's rays, in order."""
    count = _rays_per_chunk(camera.width * camera.height, field)
    starts = range(0, camera.width * camera.height, count)
    with torch.no_grad():
        seen = looking(field, camera, with_color=with_color, faint=faint)

    def chunk(first: int) -> Result:
        run.check()
        with torch.no_grad():
            return finish(seen(first, count), first)

    for done, result in enumerate(in_parallel(chunk, starts, device=field.device), start=1):
        yield result
        if stage:
            run.progress(stage, round(100 * done / len(starts)), 100, "Rendering")


def _rays_per_chunk(rays: int, field: RadianceField) -> int:
    """So many that also a small picture is work for all cores."""
    cores = torch.get_num_threads() if field.device.type == "cpu" else 1
    return min(RAYS_PER_CHUNK, max(FEWEST_RAYS, -(-rays // cores)))


def joined(parts: list[Samples]) -> Samples:
    """Samples of consecutive chunks of rays as one list."""
    colors = [part.rgb for part in parts if part.rgb is not None]
    primitives = [part.primitive for part in parts if part.primitive is not None]
    return Samples(
        torch.cat([part.ray_index for part in parts]),
        torch.cat([part.points for part in parts]),
        torch.cat([part.weights for part in parts]),
        torch.cat([part.depth for part in parts]),
        torch.cat(colors) if len(colors) == len(parts) else None,
        torch.cat(primitives) if len(primitives) == len(parts) else None,
    )
