"""What fields on a grid have in common, whatever their grids are made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ..components.shading import Shader
from ..rays import Rays, Samples
from ..scene_choice import SceneChoice
from ..spaces.ndc import NdcSpace, visible_box
from ..spaces.stepped_rays import Space
from .faint_samples import colors_of_samples
from .marching import Occupancy, march_steps

COLOR_BATCH = 16_384
"""Samples per pass through the shader; keeps its activations in the processor's cache."""


class MarchedField(ABC):
    """A `RadianceField` whose samples lie at even steps and whose empty space is known in cells."""

    family: str
    pixel_center = 0.5

    def __init__(
        self,
        scene: SceneChoice,
        space: Space,
        shader: Shader,
        box: Float[Tensor, "2 3"],
        *,
        density_scale: float,
        min_weight: float,
    ) -> None:
        """Prepare for marching; what `_raw_density` and `_known_occupancy` need is there already.

        Args:
            scene: what kind of scene it is, and the guesses made about it.
            space: where the samples lie.
            shader: colours from features.
            box: the model's own box.
            density_scale: what `_raw_density` is multiplied with for `density`.
            min_weight: samples that weigh less are left out.
        """
        self.scene = scene.scene
        self.notes = scene.notes
        self.background = torch.full((3,), scene.background, device=box.device)
        self._space, self._shader = space, shader
        self._density_scale, self._min_weight = density_scale, min_weight
        self._occupancy = self._known_occupancy()
        self.box = box
        if isinstance(space, NdcSpace):
            self.box = visible_box(self, space)

    @property
    def device(self) -> torch.device:
        """Where the weights live."""
        return self.background.device

    def march(self, rays: Rays, *, with_color: bool, faint: float = 0.0) -> Samples:
        """The samples along field-frame rays that weigh more than the file's threshold."""
        stepped = self._space.step_rays(rays)
        found = march_steps(
            stepped, self._raw_density, self._occupancy, min_weight=self._min_weight
        )
        points = stepped.points(found.ray_index, found.k)
        rgb = None
        if with_color:
            rgb = colors_of_samples(
                found.ray_index,
                found.weights,
                faint,
                lambda at: self._shade(points[at], stepped.directions, found.ray_index[at]),
            )
        depth = stepped.depth(found.ray_index, found.k)
        return Samples(found.ray_index, points, found.weights, depth, rgb)

    def density(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Volume density at grid-frame points; zero outside the grid and in known empty space.

        Per unit of field-frame length in a bounded scene, of the model's own space (NDC or
        contracted) in others.
        """
        inside = (points.abs() <= 1).all(dim=1)  # False for points that are not a number
        usable = torch.where(inside[:, None], points, torch.zeros_like(points))
        sigma = self._raw_density(usable) * self._density_scale
        return torch.where(inside, sigma, torch.zeros_like(sigma))

    def color(
        self, points: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]
    ) -> Float[Tensor, "n 3"]:
        """Colour in [0, 1] at grid-frame points seen along unit field-frame directions."""
        index = torch.arange(points.shape[0], device=points.device)
        model_directions = self._space.model_directions(points, directions)
        return self._shade(points, model_directions, index).clamp(0, 1)

    def grid_from_field(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Field frame to grid frame, [-1, 1]^3."""
        return self._space.grid_from_field(points)

    def field_from_grid(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Grid frame to field frame."""
        return self._space.field_from_grid(points)

    @abstractmethod
    def info(self) -> dict[str, Any]:
        """Plain facts for ``sa3d info``."""

    @abstractmethod
    def _raw_density(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Density per optical length at points inside the grid."""

    @abstractmethod
    def _features(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n c"]:
        """What the shader makes colours of."""

    @abstractmethod
    def _known_occupancy(self) -> Occupancy:
        """Where anything is dense enough to matter."""

    def _shade(
        self, points: Float[Tensor, "s 3"], directions: Float[Tensor, "r 3"], ray_index: Tensor
    ) -> Float[Tensor, "s 3"]:
        rgb = torch.empty_like(points)
        per_ray = self._shader.per_ray(directions)
        for start in range(0, points.shape[0], COLOR_BATCH):
            part = slice(start, start + COLOR_BATCH)
            view = per_ray.index_select(0, ray_index[part])
            rgb[part] = self._shader(self._features(points[part]), points[part], view)
        return rgb
