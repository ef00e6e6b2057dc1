"""Instant-NGP's world, its steps along rays, and the way back to the data set's coordinates.

Instant-NGP scales and shifts a data set into the unit cube and renames its axes. Here the field
frame is the data set's own (that of its ``transforms.json``), and the grid frame is the scene's
box along the same axes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..rays import Rays
from ..spaces.stepped_rays import BoxSpace, box_interval

SMALLEST_STEP = math.sqrt(3) / 1024
"""Instant-NGP's units."""
LARGEST_STEP = math.sqrt(3)
CONE = 1 / 256
"""Steps of scenes larger than the unit cube grow by this part of the distance."""
CYCLE = [1, 2, 0]
"""Instant-NGP's x, y, z are the data set's y, z, x."""


@dataclass(frozen=True)
class Stepping:
    """Distances (Instant-NGP's units) that lie one step apart have numbers 1 apart."""

    cone: float

    def number(self, t: Tensor) -> Tensor:
        """The number of a distance, not whole."""
        if not self.cone:
            return t / SMALLEST_STEP
        rate, (near, far) = self._rate, self._bounds
        middle = t.clamp(near, far).log() / rate
        return (
            middle
            + (t.clamp_max(near) - near) / SMALLEST_STEP
            + (t.clamp_min(far) - far) / LARGEST_STEP
        )

    def distance(self, number: Tensor) -> Tensor:
        """The distance of a number."""
        if not self.cone:
            return number * SMALLEST_STEP
        rate, (near, far) = self._rate, self._bounds
        first, last = math.log(near) / rate, math.log(far) / rate
        middle = (number.clamp(first, last) * rate).exp()
        return (
            middle
            + (number.clamp_max(first) - first) * SMALLEST_STEP
            + (number.clamp_min(last) - last) * LARGEST_STEP
        )

    @property
    def _rate(self) -> float:
        return math.log1p(self.cone)

    @property
    def _bounds(self) -> tuple[float, float]:
        """Up to the first distance steps are smallest, from the second on largest."""
        return SMALLEST_STEP / self._rate, LARGEST_STEP / self._rate


@dataclass(frozen=True)
class ConeRays:
    """Rays whose steps grow with the distance; `SampleRows`."""

    origins: Float[Tensor, "n 3"]
    """Grid frame."""
    straight: Float[Tensor, "n 3"]
    """Grid frame per unit of Instant-NGP's length."""
    start: Float[Tensor, " n"]
    """Number, see `Stepping`, of the sample ``k = 0``."""
    first: Float[Tensor, " n"]
    last: Float[Tensor, " n"]
    lengths: Float[Tensor, " n"]
    """Length of the first step."""
    directions: Float[Tensor, "n 3"]
    """Instant-NGP's axes."""
    stepping: Stepping
    scale: float
    """Instant-NGP's units per field unit."""

    def depth(self, ray_index: Tensor, k: Float[Tensor, " s"]) -> Float[Tensor, " s"]:
        """Distance from the ray's origin in the field frame."""
        return self.stepping.distance(self.start[ray_index] + k) / self.scale

    def points(self, ray_index: Tensor, k: Float[Tensor, " s"]) -> Float[Tensor, "s 3"]:
        """Where samples lie, grid frame."""
        return self.tiled(ray_index, k[:, None])[:, 0]

    def tiled(self, rows: Tensor, k: Float[Tensor, "a b"]) -> Float[Tensor, "a b 3"]:
        """Where several samples of each of some rays lie, grid frame."""
        t = self.stepping.distance(self.start[rows, None] + k)
        return torch.addcmul(
            self.origins[rows][:, None], t[..., None], self.straight[rows][:, None]
        )

    def optical_lengths(self, rows: Tensor, k: Float[Tensor, "a b"]) -> Float[Tensor, "a b"]:
        """Way to the next sample, Instant-NGP's units."""
        number = self.start[rows, None] + k
        return self.stepping.distance(number + 1) - self.stepping.distance(number)

    def interval(
        self, box: Float[Tensor, "2 3"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
        """Where the rays enter and leave a grid-frame box; the first is larger for a miss."""
        entry, leave = box_interval(self.origins, self.straight, box)
        missed = (entry > leave) | (leave < 0)
        first, last = (self.stepping.number(t.clamp_min(0)) - self.start for t in (entry, leave))
        return first, torch.where(missed, first - 2, last)

    def step_lengths(self) -> Float[Tensor, " n"]:
        """Distance between the last samples, grid frame: the largest."""
        rows = torch.arange(len(self.start), device=self.start.device)
        last = self.optical_lengths(rows, self.last.clamp_min(0)[:, None])[:, 0]
        return last * self.straight.norm(dim=1)

    def longest_step(self, rows: Tensor, scale: Float[Tensor, " 3"]) -> float:
        """No less than the way along any axis, times the axis' scale, between neighbours."""
        last = self.optical_lengths(rows, self.last[rows].clamp_min(0)[:, None])
        return float((last * self.straight[rows].abs() * scale).max())


class NgpSpace:
    """The scene's box in the data set's coordinates.

    Args:
        box: field frame.
        scale: Instant-NGP's units per field unit.
        cone: growth of the steps with the distance; 0 for equal steps.
        cycled: whether Instant-NGP renamed the axes.
    """

    def __init__(
        self, box: Float[Tensor, "2 3"], *, scale: float, cone: float, cycled: bool
    ) -> None:
        self.box, self.scale, self.cycled = box, scale, cycled
        self._straight = BoxSpace(box, near=0.0, step=SMALLEST_STEP / scale, distance_scale=scale)
        self._stepping = Stepping(cone)

    def grid_from_field(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Field frame to grid frame, [-1, 1]^3 inside the box."""
        return self._straight.grid_from_field(points)

    def field_from_grid(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Grid frame to field frame."""
        return self._straight.field_from_grid(points)

    def step_rays(self, rays: Rays) -> ConeRays:
        """Samples a step apart from half a step behind the box's entry, or the camera in it."""
        entry, leave = (
            t.clamp_min(0) * self.scale
            for t in box_interval(rays.origins, rays.directions, self.box)
        )
        start = self._stepping.number(entry) + 0.5
        last = (self._stepping.number(leave) - start).floor().clamp(-1, 2**20)
        per_unit = 2 / (self.box[1] - self.box[0]) / self.scale
        return ConeRays(
            origins=self.grid_from_field(rays.origins),
            straight=rays.directions * per_unit,
            start=start,
            first=torch.zeros_like(last),
            last=torch.where(leave > entry, last, torch.full_like(last, -1)),
            lengths=self._stepping.distance(start + 1) - self._stepping.distance(start),
            directions=self.model_directions(rays.origins, rays.directions),
            stepping=self._stepping,
            scale=self.scale,
        )

    def model_directions(
        self, points: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]
    ) -> Float[Tensor, "n 3"]:
        """Directions by Instant-NGP's axes."""
        return directions[:, CYCLE] if self.cycled else directions
