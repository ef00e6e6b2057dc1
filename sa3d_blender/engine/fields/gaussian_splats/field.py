"""3D Gaussian splats as a radiance field.

After "3D Gaussian Splatting for Real-Time Radiance Field Rendering" (Kerbl et al., SIGGRAPH 2023).
The field frame is the file's. A camera's picture is made as by the original rasteriser; a Gaussian
that a pixel shows is one sample, at the place of its ray where the Gaussian's response is greatest.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ....core.cameras import Camera
from ....core.point_cloud import PointCloud
from ....core.settings import FieldOptions
from ...run import Run
from ..family import Family
from ..files.checkpoint_file import Checkpoint
from ..rays import Rays, Samples, pixel_rays, precise
from .footprints import footprints
from .gaussians import Gaussians
from .gsplat_pictures import GsplatPictures, WholePicture
from .loose_rays import CloseBy
from .ply_file import BAND_ZERO, write_gaussians
from .rasterizer import Pixels, blended
from .scene import SplatScene, choose_scene, side_files, training_cameras
from .splat_files import SplatFile, open_splat

MOST_POINTS, OPAQUE = 60_000, 0.3
"""Of a splat as points, and opacity of a Gaussian that is one."""


class SplatField:
    """Gaussians as a `RadianceField`; what they show depends on the picture: `PictureField`."""

    family = "gaussian_splats"
    pixel_center = 0.5

    def __init__(self, gaussians: Gaussians, scene: SplatScene) -> None:
        """Prepare Gaussians for rendering, where they are."""
        self.gaussians, self._details = gaussians, scene
        self.scene, self.notes = scene.kind, scene.notes
        self._space = scene.space
        self.box = scene.space.box
        self.background = torch.full((3,), scene.background, device=gaussians.means.device)
        self._near = scene.near
        self._searching = Lock()
        self._gsplat = GsplatPictures(gaussians, self.background, self._near)

    @property
    def device(self) -> torch.device:
        """Where the Gaussians live."""
        return self.gaussians.means.device

    def look(self, camera: Camera, *, with_color: bool) -> Callable[[int, int], Samples]:
        """A function of a first pixel and a count that gives their samples; see `PictureField`."""
        shown = footprints(self.gaussians, camera, near=self._near, with_color=with_color)

        def samples(first: int, count: int) -> Samples:
            rays = pixel_rays(camera, first, count, device=self.device)
            pairs = blended(shown, Pixels(camera.width, first, len(rays)))
            footprint, ray = pairs.footprint, pairs.pixel
            bent = (pairs.offsets * shown.slopes.index_select(0, footprint)).sum(dim=1)
            along = (shown.depths.index_select(0, footprint) + bent).clamp_min(self._near)
            assert rays.per_depth is not None
            depth = along * rays.per_depth[ray]
            colors = None if shown.colors is None else shown.colors.index_select(0, footprint)
            return self._packed(rays, ray, depth, pairs.weights, shown.index[footprint], colors)

        return samples

    def whole_picture(self, camera: Camera) -> WholePicture | None:
        """What a camera sees, by gsplat where it can be used; see `WholePictureField`."""
        return self._gsplat.picture(camera, self._own_image)

    def march(self, rays: Rays, *, with_color: bool, faint: float = 0.0) -> Samples:
        """The samples of rays that belong to no picture: without the pixels' low-pass filter.

        ``faint`` changes nothing: a colour costs little here.
        """
        ray, gaussian, depth, weights = self._close_by.along(rays)
        colors = None
        if with_color:
            colors = self.gaussians.colors(rays.directions[ray], gaussian)
        return self._packed(rays, ray, depth, weights, gaussian, colors)

    def density(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Sum of the Gaussians' opacities at grid-frame points.

        A stand-in for a density, which splats have none of.
        """
        return self._close_by.opacity_at(self.field_from_grid(points))

    def color(
        self, points: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]
    ) -> Float[Tensor, "n 3"]:
        """Mean colour of the Gaussians at grid-frame points, by their opacity there.

        The background's where there are none.
        """
        rgb, total = self._close_by.color_at(self.field_from_grid(points), directions)
        some = total[:, None] > 0
        return torch.where(some, rgb / total.clamp_min(1e-12)[:, None], self.background).clamp(0, 1)

    def grid_from_field(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Field frame to grid frame."""
        return self._space.grid_from_field(points)

    def field_from_grid(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Grid frame to field frame."""
        return self._space.field_from_grid(points)

    def primitive_centers(self) -> Float[Tensor, "n 3"]:
        """Centres of the Gaussians, grid frame."""
        return self.grid_from_field(self.gaussians.means)

    def primitive_points(self, chosen: Bool[Tensor, " n"]) -> PointCloud:
        """Middles of some of the Gaussians in their plain colours; of many, a random part."""
        opaque = chosen & (self.gaussians.opacities() >= OPAQUE)
        index = (opaque if opaque.any() else chosen).nonzero()[:, 0]
        count = len(index)
        some = torch.randperm(count, generator=torch.Generator().manual_seed(0))[:MOST_POINTS]
        part = self.gaussians[index[some.to(index.device)]]
        flat = (0.5 + BAND_ZERO * part.harmonics[:, 0]).clamp(0, 1) * 255 + 0.5
        size = float(part.log_scales.mean(dim=1).exp().median()) if count else 1.0
        # fewer points on the same surfaces are farther apart
        spacing = 2 * size * (count / max(1, len(part))) ** 0.5
        return PointCloud(part.means.cpu().numpy(), flat.to(torch.uint8).cpu().numpy(), spacing)

    def save_primitives(self, chosen: Bool[Tensor, " n"], path: Path) -> None:
        """Write some of the Gaussians as a ``.ply`` in the original layout.

        Raises:
            UserError: the file cannot be written.
        """
        write_gaussians(self.gaussians[chosen.nonzero()[:, 0]], path)

    def info(self) -> dict[str, Any]:
        """Plain facts for ``sa3d info``."""
        moved = self._details.field_from_dataset
        return {
            "family": self.family,
            "model": f"{len(self.gaussians)} Gaussians, "
            f"spherical harmonics of degree {self.gaussians.degree}",
            "scene": self.scene,
            "background": self.background.tolist(),
            "box": self.box.tolist(),
            "gaussians": len(self.gaussians),
            "field_from_dataset": None if moved is None else moved.tolist(),
            "notes": list(self.notes),
        }

    def _own_image(self, camera: Camera) -> Float[Tensor, "h w 3"]:
        """A small picture, over the background."""
        count = camera.width * camera.height
        with torch.no_grad():
            seen = self.look(camera, with_color=True)(0, count)
        assert seen.rgb is not None
        sums = torch.zeros(count, 4, device=self.device)
        values = torch.cat([seen.rgb, torch.ones_like(seen.depth)[:, None]], dim=1)
        sums.index_add_(0, seen.ray_index, seen.weights[:, None] * values)
        image = sums[:, :3] + (1 - sums[:, 3:]) * self.background
        return image.clamp(0, 1).view(camera.height, camera.width, 3)

    @cached_property
    def _made_close_by(self) -> CloseBy:
        return CloseBy.of(self.gaussians)

    @property
    def _close_by(self) -> CloseBy:
        with self._searching:  # several threads may ask first
            return self._made_close_by

    def _packed(
        self,
        rays: Rays,
        ray: Tensor,
        depth: Float[Tensor, " s"],
        weights: Float[Tensor, " s"],
        gaussian: Tensor,
        colors: Float[Tensor, "s 3"] | None,
    ) -> Samples:
        """Sorted by ray and depth: blending went by the centres' depths."""
        farthest = float(depth.max()) + 1 if len(depth) else 1.0
        order = (precise(ray) * farthest + precise(depth)).argsort().to(ray.device)
        ray, depth = ray[order], depth[order]
        ways = rays.directions.index_select(0, ray)
        points = rays.origins.index_select(0, ray) + depth[:, None] * ways
        return Samples(
            ray,
            self.grid_from_field(points),
            weights[order],
            depth,
            None if colors is None else colors[order],
            gaussian[order],
        )


def load(
    checkpoint: Checkpoint, options: FieldOptions, *, device: torch.device, run: Run
) -> SplatField:
    """The field in a file of Gaussians. Raises UserError (``bad_weights``)."""
    file: SplatFile = checkpoint.data
    gaussians, notes = file.read()
    scene = choose_scene(gaussians, file, options, notes)
    return SplatField(gaussians.to(device), scene.to(device))


FAMILY = Family(
    open=open_splat,
    load=load,
    training_cameras=training_cameras,
    side_files=side_files,
)
