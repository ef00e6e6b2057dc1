"""NDC with voxels in it: samples at even steps from where a ray enters the box."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from ..rays import Rays
from .ndc import NdcSpace
from .stepped_rays import SteppedRays, box_interval

NEAREST_INFINITY = 1 - 1e-5
"""No samples beyond this part of the way to infinity: they would lie behind the camera."""


class EvenNdcSpace(NdcSpace, ABC):
    """Forward-facing scenes whose samples are spaced by the voxels, not by the ray's length.

    Args:
        box: the model's box in NDC.
        focal, mirror: as in `NdcSpace`.
    """

    def __init__(
        self,
        box: Float[Tensor, "2 3"],
        *,
        focal: tuple[float, float],
        mirror: tuple[float, float, float],
    ) -> None:
        super().__init__(box, focal=focal, samples=2, distance_scale=1.0, mirror=mirror)

    @abstractmethod
    def even_steps(self, whole: SteppedRays) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
        """Each ray's step and its optical length.

        The step is a part of the way from the near plane to infinity.

        Args:
            whole: the rays with that way as their only step; ``lengths`` is its length in NDC.
        """

    def step_rays(self, rays: Rays) -> SteppedRays:
        """Samples at multiples of the step from the box entry, from the camera to infinity."""
        whole = super().step_rays(rays)
        per_step, lengths = self.even_steps(whole)
        box = torch.tensor([[-1.0] * 3, [1.0] * 3], device=self.box.device)
        entry, leave = box_interval(whole.origins, whole.steps, box)
        start = entry.clamp_min(0)
        z = rays.origins[:, 2].clamp_max(-1e-6)
        camera = (1 + self.near / z).clamp_min(0)
        last = ((leave.clamp_max(NEAREST_INFINITY) - start) / per_step).floor()

        def depth(ray_index: Tensor, k: Tensor) -> Tensor:
            return whole.depth(ray_index, start[ray_index] + k * per_step[ray_index])

        return SteppedRays(
            origins=whole.origins + start[:, None] * whole.steps,
            steps=whole.steps * per_step[:, None],
            lengths=lengths,
            first=((camera - start) / per_step).ceil().clamp_min(0),
            last=torch.where(whole.last >= 0, last, torch.full_like(last, -1)),
            depth=depth,
            directions=whole.directions,
        )
