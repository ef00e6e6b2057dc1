"""Forward-facing scenes: normalised device coordinates (NDC) of the LLFF family.

A projective map takes the view frustum of one training camera at the origin, from its near plane
to infinity, to a cube; straight rays stay straight. TensoRF's forward-facing model space is
mirrored in x against any real scene, because its pose averaging builds a left-handed frame; here
``field = diag(-1, 1, 1) @ model``, so that the field frame is right-handed.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ....core.cameras import Camera
from ....core.settings import FieldOptions
from ..protocol import RadianceField
from ..rays import Rays
from .stepped_rays import SteppedRays

MAX_NDC_Z = 1 - 1e-5
"""Points beyond this are at infinity; they are mapped back as if they lay here."""
MIN_FORWARD = 1e-6
"""A ray needs at least this much direction along -z to have an NDC image."""

MIRRORED_X, MIRRORED_Y, NOT_MIRRORED = (-1.0, 1.0, 1.0), (1.0, -1.0, 1.0), (1.0, 1.0, 1.0)
"""TensoRF's model space; that of models whose cameras look along +z with y down (their NDC has
the other sign in y only); and that of the other trainings."""


class NdcSpace:
    """The map between field frame, NDC and grid frame, and the training's rows of samples.

    Args:
        box: the model's box in NDC; the grid frame is this box stretched to [-1, 1]^3.
        focal: training focal length in units of half the image (width, height).
        samples: samples per ray, evenly spaced over NDC depth 0 to 1 along the ray.
        distance_scale: factor on NDC distances in the quadrature.
        near: distance of the near plane in field units.
        mirror: signs of the model space's axes against the field frame's, see `MIRRORED_X`.
    """

    def __init__(
        self,
        box: Float[Tensor, "2 3"],
        *,
        focal: tuple[float, float],
        samples: int,
        distance_scale: float,
        near: float = 1.0,
        mirror: tuple[float, float, float] = MIRRORED_X,
    ) -> None:
        self.box = box
        self.focal = focal
        self.samples = samples
        self.distance_scale = distance_scale
        self.near = near
        self._mirror = torch.tensor(mirror, device=box.device)
        self._focal = torch.tensor([-focal[0], -focal[1]], device=box.device)

    def grid_from_field(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Field frame to grid frame. Points at or behind the origin's plane are not a number."""
        model = points * self._mirror
        z = torch.where(model[:, 2:] < 0, model[:, 2:], torch.nan)
        ndc = torch.cat([self._focal * model[:, :2] / z, 1 + 2 * self.near / z], dim=1)
        return self._grid_from_ndc(ndc)

    def field_from_grid(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Grid frame to field frame; infinity is brought to a large finite distance."""
        return self._model_from_grid(points) * self._mirror

    def step_rays(self, rays: Rays) -> SteppedRays:
        """Samples at equal NDC distances from the near plane (or the camera) to infinity."""
        directions = rays.directions * self._mirror
        origins = rays.origins * self._mirror
        forward = directions[:, 2] < -MIN_FORWARD
        dz = torch.where(forward, directions[:, 2], torch.full_like(directions[:, 2], -1.0))
        shift = -(self.near + origins[:, 2]) / dz
        origins = origins + shift[:, None] * directions
        oz = torch.full_like(dz, -self.near)
        lateral = self._focal * (directions[:, :2] / dz[:, None] - origins[:, :2] / oz[:, None])
        ndc_direction = torch.cat([lateral, (-2 * self.near / oz)[:, None]], dim=1)
        ndc_origin = torch.cat(
            [self._focal * origins[:, :2] / oz[:, None], (1 + 2 * self.near / oz)[:, None]], dim=1
        )
        intervals = self.samples - 1
        at_camera = torch.where(shift < 0, -shift * dz / (oz - shift * dz), torch.zeros_like(shift))
        last = torch.where(forward, intervals - 1.0, -1.0)

        def depth(ray_index: Tensor, k: Tensor) -> Tensor:
            along = k / intervals
            return shift[ray_index] + oz[ray_index] * along / ((1 - along) * dz[ray_index])

        return SteppedRays(
            origins=self._grid_from_ndc(ndc_origin),
            steps=ndc_direction * (2 / (self.box[1] - self.box[0]) / intervals),
            lengths=ndc_direction.norm(dim=1) * (self.distance_scale / intervals),
            first=(at_camera * intervals).ceil(),
            last=last,
            depth=depth,
            directions=functional.normalize(ndc_direction, dim=1),
        )

    def model_directions(
        self, points: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]
    ) -> Float[Tensor, "n 3"]:
        """Directions in NDC: the derivative of the map along each direction at its point."""
        x, y, z = self._model_from_grid(points).unbind(dim=1)
        dx, dy, dz = (directions * self._mirror).unbind(dim=1)
        moved = torch.stack(
            [
                -self.focal[0] * (dx * z - x * dz),
                -self.focal[1] * (dy * z - y * dz),
                -2 * self.near * dz,
            ],
            dim=1,
        )
        return functional.normalize(moved, dim=1)

    def _grid_from_ndc(self, ndc: Tensor) -> Tensor:
        return (ndc - self.box[0]) * (2 / (self.box[1] - self.box[0])) - 1

    def _model_from_grid(self, points: Tensor) -> Tensor:
        ndc = (points + 1) * ((self.box[1] - self.box[0]) / 2) + self.box[0]
        z = 2 * self.near / (ndc[:, 2:].clamp_max(MAX_NDC_Z) - 1)
        return torch.cat([ndc[:, :2] * z / self._focal, z], dim=1)


def with_training_camera(options: FieldOptions, camera: Camera) -> FieldOptions:
    """The options, completed with the NDC focal length and aspect of a *training* camera.

    TensoRF and its kin use the horizontal focal length for both axes. What the user set stays.
    The aspect is that of the angles seen: a camera resized to a squeezed picture keeps it.
    """
    focal, aspect = options.ndc_focal, options.ndc_aspect
    seen = (camera.width / camera.fl_x) / (camera.height / camera.fl_y)
    return replace(
        options,
        ndc_focal=2 * camera.fl_x / camera.width if focal is None else focal,
        ndc_aspect=seen if aspect is None else aspect,
    )


def surface_seen(field: RadianceField, rays: Rays) -> Float[Tensor, "n 3"]:
    """Where rays that are mostly covered meet the field, field frame: at their mean depth."""
    samples = field.march(rays, with_color=False)
    opacity = torch.zeros(len(rays), device=field.device)
    opacity.index_add_(0, samples.ray_index, samples.weights)
    depth = torch.zeros_like(opacity)
    depth.index_add_(0, samples.ray_index, samples.weights * samples.depth)
    solid = opacity > 0.5
    return rays.origins[solid] + rays.directions[solid] * (depth / opacity)[solid, None]


def visible_box(field: RadianceField, space: NdcSpace) -> Float[Tensor, "2 3"]:
    """A finite field-frame box around what the cameras of a forward-facing scene see.

    NDC reaches to infinity, so its own box has no finite image. A small picture is taken from the
    origin, where the average training camera stands; the box holds the middle 98 % of its surface
    points on each axis and a margin of 5 %.
    """
    side = torch.linspace(-1, 1, 64, device=field.device)
    y, x = torch.meshgrid(side, side, indexing="ij")
    directions = torch.stack([x / space.focal[0], y / space.focal[1], -torch.ones_like(x)], dim=-1)
    directions = functional.normalize(directions.reshape(-1, 3), dim=1)
    surface = surface_seen(field, Rays(torch.zeros_like(directions), directions))
    if not len(surface):
        return torch.tensor([[-1.0, -1.0, -3.0], [1.0, 1.0, -1.0]], device=field.device)
    low, high = (surface.quantile(q, dim=0) for q in (0.01, 0.99))
    margin = 0.05 * (high - low).clamp_min(1e-3)
    return torch.stack([low - margin, high + margin])
