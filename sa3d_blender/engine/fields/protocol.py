"""One protocol for every radiance field: rays in, weighted samples out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ...core.cameras import Camera
from ...core.point_cloud import PointCloud
from .rays import Rays, Samples, pixel_rays


@runtime_checkable
class RadianceField(Protocol):
    """A trained field. Nothing downstream knows which kind of NeRF it is."""

    family: str
    """``tensorf``, ``dvgo``, ..."""
    scene: str
    """``bounded``, ``forward_facing`` or ``unbounded``."""
    background: Float[Tensor, " 3"]
    """Colour behind the field, in [0, 1]; a render adds (1 - sum of weights) times it."""
    box: Float[Tensor, "2 3"]
    """Smallest and largest corner of the field, field frame; of an unbounded one, of its middle."""
    pixel_center: float
    """Where the training's rays went through the pixels: 0.5 is their middle, 0 their corner."""
    notes: tuple[str, ...]
    """Guesses that were made on loading and why, one sentence each."""

    @property
    def device(self) -> torch.device:
        """Where the weights live."""
        ...

    def march(self, rays: Rays, *, with_color: bool, faint: float = 0.0) -> Samples:
        """The samples of positive weight along field-frame rays.

        Args:
            rays: unit directions.
            with_color: whether the samples get colours.
            faint: samples lighter than this may share a colour with their ray, where that is
                quicker; see `sampling.faint_samples`.
        """
        ...

    def density(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Volume density at grid-frame points; zero outside the grid and in known empty space.

        It is per unit of *field-frame* length where the field is bounded.
        """
        ...

    def color(
        self, points: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]
    ) -> Float[Tensor, "n 3"]:
        """Colour in [0, 1] at grid-frame points seen along unit field-frame directions."""
        ...

    def grid_from_field(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Field frame to grid frame, [-1, 1]^3."""
        ...

    def field_from_grid(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Grid frame to field frame."""
        ...

    def info(self) -> dict[str, Any]:
        """Plain facts for ``sa3d info``: family, scene, box, grid size, notes, ..."""
        ...


@runtime_checkable
class PictureField(RadianceField, Protocol):
    """A field whose samples depend on the picture they are seen in, not on the rays alone.

    Such are splats: what a Gaussian covers is decided in the picture, for whole pixels. `march`
    serves the rays that belong to none.
    """

    def look(self, camera: Camera, *, with_color: bool) -> Callable[[int, int], Samples]:
        """What a camera sees: a function of a first pixel and a count.

        It gives the samples of so many pixels, counted row by row. Several threads may call it.
        """
        ...


@runtime_checkable
class WholePictureField(RadianceField, Protocol):
    """A field that sometimes has a quicker way to a picture than by its samples."""

    def whole_picture(
        self, camera: Camera
    ) -> tuple[Float[Tensor, "h w 3"], Float[Tensor, "h w"], Float[Tensor, "h w"]] | None:
        """Image over the background, depth along the rays, and opacity; None by samples only."""
        ...


@runtime_checkable
class PrimitiveField(RadianceField, Protocol):
    """A field made of things that can be kept or left out one by one: Gaussians.

    Its samples say which one they are of.
    """

    def primitive_centers(self) -> Float[Tensor, "n 3"]:
        """Where they are, grid frame."""
        ...

    def primitive_points(self, chosen: Bool[Tensor, " n"]) -> PointCloud:
        """Some of them as coloured points, or as many of these as anyone wants to see."""
        ...

    def save_primitives(self, chosen: Bool[Tensor, " n"], path: Path) -> None:
        """Write some of them as a file of the field's own kind; raises UserError."""
        ...


def looking(
    field: RadianceField, camera: Camera, *, with_color: bool, faint: float = 0.0
) -> Callable[[int, int], Samples]:
    """What a camera sees of any field: a function of a first pixel and a count.

    Args:
        field: one that looks itself does so, see `PictureField.look`.
        camera: in the field frame.
        with_color, faint: see `RadianceField.march`.
    """
    if isinstance(field, PictureField):
        return field.look(camera, with_color=with_color)

    def samples(first: int, count: int) -> Samples:
        rays = pixel_rays(camera, first, count, device=field.device)
        return field.march(rays, with_color=with_color, faint=faint)

    return samples
