"""One protocol for every radiance field: rays in, weighted samples out."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from .rays import Rays, Samples


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
