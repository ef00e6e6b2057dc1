"""Vanilla NeRF checkpoints of nerf-pytorch (``.tar``): coarse and fine network, as first published.

After "NeRF: Representing Scenes as Neural Radiance Fields for View Synthesis" (Mildenhall et al.,
ECCV 2020). From where the training cameras stood, samples lie where the authors' renderer puts
them. Nearer and farther cameras, and rays of no camera, walk through the occupied cells instead:
the training's near and far planes would cut into what they look at.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ....core.settings import FieldOptions
from ...run import Run
from ..family import Family, in_torch_file, shared_facts
from ..files.checkpoint_file import Checkpoint
from ..rays import Rays, Samples
from ..sampling.faint_samples import colors_of_samples
from ..sampling.hierarchical import (
    DepthRays,
    Evaluated,
    coarse_depths,
    evaluate,
    heavy_samples,
    with_fine_depths,
)
from ..sampling.marching import Occupancy, march_steps
from ..spaces.ndc import visible_box
from .baking import OccupiedCells, occupied_cells
from .checkpoint import is_nerf, read_networks
from .network import BLOCK, NerfNetwork, fast_network
from .scene import NerfScene, choose_scene
from .settings import read_settings, settings_files
from .spaces import AxisDepthSpace, NdcDepthSpace, space_of
from .visible_box import visible_bounded_box

MIN_WEIGHT = 5e-4
"""Samples of less weight are left out; they would cost a colour each."""
USUAL_DISTANCES = 0.25
"""Cameras whose distance differs from the training's by less than this part of the scene's
radius are sampled like the training's."""


class NerfField:
    """A NeRF as a `RadianceField`."""

    family = "nerf"
    pixel_center = 0.0

    def __init__(
        self, coarse: NerfNetwork, fine: NerfNetwork, scene: NerfScene, occupied: OccupiedCells
    ) -> None:
        """Prepare networks for marching."""
        self.scene = scene.scene
        self.notes = scene.notes
        self._coarse, self._fine, self._choice = coarse, fine, scene
        self._occupied = occupied
        self.background = torch.full((3,), scene.background, device=self.device)
        self._space = self._use_box(occupied.region)
        if isinstance(self._space, NdcDepthSpace):
            self.box = visible_box(self, self._space)
        else:
            self._space = self._use_box(visible_bounded_box(self, scene))

    @property
    def device(self) -> torch.device:
        """Where the weights live."""
        return self._occupied.region.device

    def march(self, rays: Rays, *, with_color: bool, faint: float = 0.0) -> Samples:
        """The samples along field-frame rays that weigh more than `MIN_WEIGHT`."""
        if self._like_training(rays):
            return self._march_like_training(rays, with_color=with_color)
        return self._walk(rays, with_color=with_color, faint=faint)

    def density(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Volume density at grid-frame points; zero outside the grid and in known empty space.

        Per unit of field-frame length in a bounded scene, of NDC length in a forward-facing one.
        """
        live = ((points.abs() <= 1).all(dim=1) & self._fine_cells(points)).nonzero().squeeze(1)
        sigma = torch.zeros(len(points), device=points.device)
        return sigma.index_copy_(0, live, self._raw_density(points.index_select(0, live)))

    def color(
        self, points: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]
    ) -> Float[Tensor, "n 3"]:
        """Colour in [0, 1] at grid-frame points seen along unit field-frame directions."""
        rgb = torch.empty_like(points)
        for start in range(0, len(points), BLOCK):
            part = slice(start, start + BLOCK)
            hidden = self._fine.trunk(self._model_points(points[part]))
            rgb[part] = self._fine.color_of(hidden, self._fine.per_ray(directions[part]))
        return rgb

    def grid_from_field(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Field frame to grid frame, [-1, 1]^3."""
        return self._space.grid_from_field(points)

    def field_from_grid(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Grid frame to field frame."""
        return self._space.field_from_grid(points)

    def info(self) -> dict[str, Any]:
        """Plain facts for ``sa3d info``."""
        scene, weights = self._choice, self._fine.weights
        return shared_facts(self) | {
            "model": f"{len(weights.trunk)} layers of {weights.width}",
            "near_far": list(scene.near_far),
            "samples_per_ray": scene.samples + scene.fine_samples,
            "arithmetic": str(self._fine.dtype).removeprefix("torch."),
        }

    def _use_box(self, box: Float[Tensor, "2 3"]) -> AxisDepthSpace | NdcDepthSpace:
        """Fit everything that counts in the grid frame to a model-space box; returns its space."""
        self.box = box
        self._half, self._center = (box[1] - box[0]) / 2, (box[0] + box[1]) / 2
        self._coarse_cells, self._fine_cells = self._occupied.grids(box)
        self._occupancy = Occupancy.of(self._fine_cells)
        return space_of(self._choice, box)

    def _like_training(self, rays: Rays) -> bool:
        """Whether the rays come from cameras as far away as the training's."""
        if rays.per_depth is None:
            return False
        usual = self._choice.camera_distance
        if usual is None or not len(rays):
            return True
        slack = USUAL_DISTANCES * (self._choice.near_far[1] - self._choice.near_far[0]) / 2
        distances = rays.origins.norm(dim=1)
        return bool(((distances - usual).abs() <= slack).all())

    def _march_like_training(self, rays: Rays, *, with_color: bool) -> Samples:
        by_depth, distance = self._space.depth_rays(rays)
        view = self._fine.per_ray(rays.directions)

        def color(part: Evaluated) -> Tensor:
            return self._fine.color_of(part.hidden, view.index_select(0, part.ray_index))

        z = self._depths(by_depth)
        parts = evaluate(
            by_depth, z, by_depth.optical_lengths(z), self._fine_hidden, self._fine_cells
        )
        samples = heavy_samples(
            parts, MIN_WEIGHT, color if with_color else None, device=self.device
        )
        return replace(samples, depth=distance(samples.ray_index, samples.depth))

    def _depths(self, rays: DepthRays) -> Float[Tensor, "n k"]:
        """Depths of the samples that the fine network is asked at."""
        scene = self._choice
        z = coarse_depths(
            *scene.near_far,
            scene.samples,
            linear_in_disparity=scene.linear_in_disparity,
            device=self.device,
        ).expand(len(rays.lengths), -1)
        if not scene.fine_samples:
            return z
        weights = torch.zeros(z.shape, device=self.device)
        lengths = rays.optical_lengths(z)
        for part in evaluate(rays, z, lengths, self._coarse_hidden, self._coarse_cells):
            weights[part.ray_index, part.column] = part.weights
        return with_fine_depths(z, weights, scene.fine_samples)

    def _walk(self, rays: Rays, *, with_color: bool, faint: float) -> Samples:
        """March in equal steps through the box, whatever the training's near and far."""
        stepped = self._space.step_rays(rays)
        found = march_steps(stepped, self._raw_density, self._occupancy, min_weight=MIN_WEIGHT)
        points = stepped.points(found.ray_index, found.k)
        rgb = None
        if with_color:
            rgb = colors_of_samples(
                found.ray_index,
                found.weights,
                faint,
                lambda at: self.color(points[at], rays.directions[found.ray_index[at]]),
            )
        depth = stepped.depth(found.ray_index, found.k)
        return Samples(found.ray_index, points, found.weights, depth, rgb)

    def _model_points(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Grid frame to the networks' own."""
        return torch.addcmul(self._center, points, self._half)

    def _raw_density(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        return self._fine.density(self._model_points(points))

    def _fine_hidden(self, points: Float[Tensor, "n 3"]) -> tuple[Tensor, Tensor]:
        hidden = [self._fine.trunk(part) for part in self._model_points(points).split(BLOCK)]
        return torch.cat([self._fine.density_of(part) for part in hidden]), torch.cat(hidden)

    def _coarse_hidden(self, points: Float[Tensor, "n 3"]) -> tuple[Tensor, Tensor]:
        sigma = self._coarse.density(self._model_points(points))
        return sigma, sigma


def load(
    checkpoint: Checkpoint, options: FieldOptions, *, device: torch.device, run: Run
) -> NerfField:
    """The field in a nerf-pytorch checkpoint. Raises UserError (``bad_weights``)."""
    coarse_weights, fine_weights = read_networks(checkpoint, device=device)
    settings = read_settings(checkpoint.path.parent)
    scene = choose_scene(settings, options, has_fine=fine_weights is not None)
    coarse = fast_network(coarse_weights)
    fine = coarse if fine_weights is None or not scene.fine_samples else fast_network(fine_weights)
    return NerfField(coarse, fine, scene, occupied_cells(coarse, fine, scene, run))


FAMILY = Family(
    open=in_torch_file(is_nerf),
    load=load,
    side_files=settings_files,
)
