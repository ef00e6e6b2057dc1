"""Where NeRF places its samples: along the camera's axis, or in normalised device coordinates."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from ..rays import Rays
from ..sampling.hierarchical import DepthRays
from ..spaces.ndc import NOT_MIRRORED, NdcSpace
from ..spaces.stepped_rays import BoxSpace
from .scene import NerfScene

STEPS = 512
"""Steps across the box for rays that are not a training camera's."""
FARTHEST_NDC = 1 - 1e-4
"""NDC depths beyond this count as this when a distance is wanted; at 1 it is infinite."""
ASIDE = 1e6
"""Grid-frame position of rays without an image: far from everything."""

DepthFunction = Callable[[Tensor, Tensor], Tensor]


class AxisDepthSpace(BoxSpace):
    """A bounded scene: depth counts along the camera's optical axis."""

    def __init__(self, box: Float[Tensor, "2 3"]) -> None:
        step = float((box[1] - box[0]).norm()) / STEPS
        super().__init__(box, near=0.0, step=step, distance_scale=1.0)

    def depth_rays(self, rays: Rays) -> tuple[DepthRays, DepthFunction]:
        """Rays by depth, and field-frame distances from (ray index [s], depth [s]).

        Rays of no camera have their own direction as the axis.
        """
        per_depth = rays.per_depth
        if per_depth is None:
            per_depth = torch.ones_like(rays.origins[:, 0])
        scale = 2 / (self.box[1] - self.box[0])

        def distance(ray_index: Tensor, z: Tensor) -> Tensor:
            return z * per_depth[ray_index]

        return (
            DepthRays(
                origins=self.grid_from_field(rays.origins),
                directions=rays.directions * per_depth[:, None] * scale,
                lengths=per_depth,
                first=torch.zeros_like(per_depth),
            ),
            distance,
        )


class NdcDepthSpace(NdcSpace):
    """A forward-facing scene: depth 0 is the near plane, 1 is infinity."""

    def __init__(self, box: Float[Tensor, "2 3"], *, focal: tuple[float, float]) -> None:
        super().__init__(box, focal=focal, samples=STEPS, distance_scale=1.0, mirror=NOT_MIRRORED)
        self._whole = NdcSpace(box, focal=focal, samples=2, distance_scale=1.0, mirror=NOT_MIRRORED)

    def depth_rays(self, rays: Rays) -> tuple[DepthRays, DepthFunction]:
        """Rays by depth, and field-frame distances from (ray index [s], depth [s]).

        Those that do not look forwards meet nothing.
        """
        whole = self._whole.step_rays(rays)
        forward = (whole.last >= 0)[:, None]

        def distance(ray_index: Tensor, z: Tensor) -> Tensor:
            return whole.depth(ray_index, z.clamp_max(FARTHEST_NDC))

        index = torch.arange(len(rays), device=rays.origins.device)
        at_near = distance(index, torch.zeros_like(whole.lengths))
        depth_of_camera = torch.where(at_near < 0, self._camera_depth(rays), 0.0)
        return (
            DepthRays(
                origins=torch.where(forward, whole.origins, torch.full_like(whole.origins, ASIDE)),
                directions=whole.steps,
                lengths=whole.lengths,
                first=depth_of_camera,
            ),
            distance,
        )

    def _camera_depth(self, rays: Rays) -> Float[Tensor, " n"]:
        """NDC depth, from 0, of a camera in front of the near plane."""
        z = rays.origins[:, 2].clamp_max(-1e-6)
        return 1 + self.near / z

    def model_directions(
        self, points: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]
    ) -> Float[Tensor, "n 3"]:
        """Directions as they are: NeRF's colours depend on the direction before the NDC map."""
        return directions


def space_of(scene: NerfScene, box: Float[Tensor, "2 3"]) -> AxisDepthSpace | NdcDepthSpace:
    """The space of a scene, its grid frame stretching ``box`` (model space)."""
    if scene.ndc_focal is not None:
        return NdcDepthSpace(box, focal=scene.ndc_focal)
    return AxisDepthSpace(box)
