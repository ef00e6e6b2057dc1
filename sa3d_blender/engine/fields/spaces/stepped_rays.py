"""Rays as rows of samples in the grid frame: straight and equally spaced, or of any shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from ..rays import Rays

PARALLEL = 1e-6
"""Direction components smaller than this stand for zero, as in TensoRF's box test."""


@runtime_checkable
class SampleRows(Protocol):
    """Each ray's samples in a row, numbered by ``k``; what marching needs to know of them."""

    @property
    def lengths(self) -> Float[Tensor, " n"]:
        """Optical length of each ray's first step."""
        ...

    def optical_lengths(self, rows: Tensor, k: Float[Tensor, "a b"]) -> Float[Tensor, " a #b"]:
        """What densities of samples on some rays are multiplied with."""
        ...

    @property
    def first(self) -> Float[Tensor, " n"]:
        """Smallest admissible ``k``, a whole number."""
        ...

    @property
    def last(self) -> Float[Tensor, " n"]:
        """Largest admissible ``k``; smaller than ``first`` for a ray that misses."""
        ...

    @property
    def directions(self) -> Float[Tensor, "n 3"]:
        """Unit directions that the colours depend on (model space)."""
        ...

    @property
    def depth(self) -> Callable[[Tensor, Tensor], Tensor]:
        """Distance from the ray's origin in the field frame, from (ray index [s], ``k`` [s])."""
        ...

    def points(self, ray_index: Tensor, k: Float[Tensor, " s"]) -> Float[Tensor, "s 3"]:
        """Where samples lie, grid frame."""
        ...

    def tiled(self, rows: Tensor, k: Float[Tensor, "a b"]) -> Float[Tensor, "a b 3"]:
        """Where several samples of each of some rays lie, grid frame."""
        ...

    def interval(
        self, box: Float[Tensor, "2 3"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
        """All ``k`` in a grid-frame box lie between these; the first is larger for a miss."""
        ...

    def step_lengths(self) -> Float[Tensor, " n"]:
        """Typical distance between neighbouring samples, grid frame."""
        ...

    def longest_step(self, rows: Tensor, scale: Float[Tensor, " 3"]) -> float:
        """The longest way along any axis, times the axis' scale, between neighbours."""
        ...


@dataclass(frozen=True)
class SteppedRays:
    """Sample ``k`` of ray ``r`` lies at ``origins[r] + k * steps[r]`` (grid frame)."""

    origins: Float[Tensor, "n 3"]
    steps: Float[Tensor, "n 3"]
    lengths: Float[Tensor, " n"]
    """Optical length of one step: what a density is multiplied with."""
    first: Float[Tensor, " n"]
    """Smallest admissible ``k``, a whole number."""
    last: Float[Tensor, " n"]
    """Largest admissible ``k``; smaller than ``first`` for a ray that misses."""
    depth: Callable[[Tensor, Tensor], Tensor]
    """Distance from the ray's origin in the field frame, from (ray index [s], ``k`` [s])."""
    directions: Float[Tensor, "n 3"]
    """Unit directions that the colours depend on (model space)."""

    def optical_lengths(self, rows: Tensor, k: Float[Tensor, "a b"]) -> Float[Tensor, " a #b"]:
        """What densities of samples on some rays are multiplied with."""
        return self.lengths[rows][:, None]

    def points(self, ray_index: Tensor, k: Float[Tensor, " s"]) -> Float[Tensor, "s 3"]:
        """Where samples lie, grid frame."""
        origins = self.origins.index_select(0, ray_index)
        return torch.addcmul(origins, k[:, None], self.steps.index_select(0, ray_index))

    def tiled(self, rows: Tensor, k: Float[Tensor, "a b"]) -> Float[Tensor, "a b 3"]:
        """Where several samples of each of some rays lie, grid frame."""
        return torch.addcmul(self.origins[rows][:, None], k[..., None], self.steps[rows][:, None])

    def interval(
        self, box: Float[Tensor, "2 3"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
        """Where the rays enter and leave a grid-frame box."""
        return box_interval(self.origins, self.steps, box)

    def step_lengths(self) -> Float[Tensor, " n"]:
        """Distance between neighbouring samples, grid frame."""
        return self.steps.norm(dim=1)

    def longest_step(self, rows: Tensor, scale: Float[Tensor, " 3"]) -> float:
        """The longest way along any axis, times the axis' scale, between neighbours."""
        return float((self.steps[rows].abs() * scale).max())


@runtime_checkable
class Space(Protocol):
    """How the field frame, the grid frame and the model's own space hang together."""

    def grid_from_field(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Field frame to grid frame."""
        ...

    def field_from_grid(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Grid frame to field frame."""
        ...

    def step_rays(self, rays: Rays) -> SampleRows:
        """Where the training placed its samples along field-frame rays."""
        ...

    def model_directions(
        self, points: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]
    ) -> Float[Tensor, "n 3"]:
        """Unit model-space directions of field-frame directions at grid-frame points."""
        ...


def box_interval(
    origins: Float[Tensor, "n 3"], steps: Float[Tensor, "n 3"], box: Float[Tensor, "2 3"]
) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """Line parameters at which rays enter and leave a box; entry > exit for a miss."""
    safe = torch.where(steps.abs() < PARALLEL**2, torch.full_like(steps, PARALLEL**2), steps)
    first, second = (box[0] - origins) / safe, (box[1] - origins) / safe
    entry = torch.minimum(first, second).amax(dim=1)
    leave = torch.maximum(first, second).amin(dim=1)
    return entry, leave


class BoxSpace:
    """A bounded scene: the grid frame is the field's box stretched to [-1, 1]^3.

    Samples start where the ray enters the box, or at ``near`` when that is farther. A camera
    inside or close to the box would lose everything nearer than ``near``, so in that case the row
    of samples is continued backwards from ``near`` to the box or the camera. Samples beyond
    ``near`` stay where the training put them.

    Args:
        box: smallest and largest corner, field frame.
        near: the training's near clip in field units.
        step: distance between samples in field units.
        distance_scale: factor on distances in the quadrature.
    """

    def __init__(
        self, box: Float[Tensor, "2 3"], *, near: float, step: float, distance_scale: float
    ) -> None:
        self.box = box
        self.near = near
        self.step = step
        self.distance_scale = distance_scale

    def grid_from_field(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Field frame to grid frame, [-1, 1]^3 inside the box."""
        return (points - self.box[0]) * (2 / (self.box[1] - self.box[0])) - 1

    def field_from_grid(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Grid frame to field frame."""
        return (points + 1) * ((self.box[1] - self.box[0]) / 2) + self.box[0]

    def steps_along(self, directions: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Distance between samples in field units, on rays of these unit directions."""
        return torch.full_like(directions[:, 0], self.step)

    def step_rays(self, rays: Rays) -> SteppedRays:
        """Samples at multiples of the step from the box entry."""
        small = rays.directions == 0
        directions = torch.where(small, torch.full_like(rays.directions, PARALLEL), rays.directions)
        entry, leave = box_interval(rays.origins, directions, self.box)
        visible = entry.clamp_min(0)
        step = self.steps_along(rays.directions)
        back = ((self.near - visible) / step).floor().clamp_min(0) * step
        start = torch.where(visible < self.near, self.near - back, visible)
        last = ((leave - start) / step).floor().clamp(-1, 2**20)
        scale = 2 / (self.box[1] - self.box[0])

        def depth(ray_index: Tensor, k: Tensor) -> Tensor:
            return start[ray_index] + k * step[ray_index]

        return SteppedRays(
            origins=self.grid_from_field(rays.origins + start[:, None] * rays.directions),
            steps=rays.directions * (scale * step[:, None]),
            lengths=step * self.distance_scale,
            first=torch.zeros_like(last),
            last=torch.where(leave > 0, last, torch.full_like(last, -1)),
            depth=depth,
            directions=rays.directions,
        )

    def model_directions(
        self, points: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]
    ) -> Float[Tensor, "n 3"]:
        """Directions as they are: the model was trained in the field frame."""
        return directions
