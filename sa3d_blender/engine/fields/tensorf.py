"""TensoRF checkpoints (``.th``): TensorVMSplit and TensorCP, bounded and forward-facing.

After "TensoRF: Tensorial Radiance Fields" (Chen et al., ECCV 2022). Samples lie where the training
put them, so that a render agrees with the authors' renderer; how they are found is different.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from ...core.settings import FieldOptions
from ..rays import Rays, Samples
from .checkpoint_file import Checkpoint
from .family import Family
from .marching import Occupancy, march_steps
from .ndc import NdcSpace, visible_box
from .occupancy import CellGrid, alpha_mask_cells, cell_factor, node_cells, slabs_of
from .scene_choice import SceneChoice
from .stepped_rays import BoxSpace, Space
from .tensorf_checkpoint import TensorfModel, TensorfParameters, is_tensorf, read_model
from .tensorf_decomposition import DensityFeature
from .tensorf_scene import choose_scene

EMPTY_ALPHA = 1e-4
"""Cells in which no sample is more opaque than this count as empty; TensoRF gives such samples no
colour either."""
COLOR_BATCH = 16_384
"""Samples per pass through the shader; keeps its activations in the processor's cache."""


class TensorfField:
    """A TensoRF model as a `RadianceField`."""

    family = "tensorf"

    def __init__(self, model: TensorfModel, scene: SceneChoice, *, device: torch.device) -> None:
        """Prepare a model whose weights are on ``device`` for marching."""
        parameters = model.parameters
        self.scene = scene.scene
        self.notes = scene.notes
        self.background = torch.full((3,), scene.background, device=device)
        self._device = device
        self._model = model
        model_box = parameters.box.to(device)
        self._space = _space(parameters, scene, model_box)
        self._feature = DensityFeature(model.density)
        self._mask = None
        if model.alpha_mask is not None:
            mask = model.alpha_mask
            self._mask = alpha_mask_cells(mask.mask, mask.box, model_box)
        self._occupancy = Occupancy.of(self._occupied_cells())
        self.box = model_box
        if isinstance(self._space, NdcSpace):
            self.box = visible_box(self, self._space)

    @property
    def device(self) -> torch.device:
        """Where the weights live."""
        return self._device

    def march(self, rays: Rays, *, with_color: bool) -> Samples:
        """The samples along field-frame rays that weigh more than the file's colour threshold.

        Lighter samples have no colour in TensoRF either.
        """
        stepped = self._space.step_rays(rays)
        found = march_steps(
            stepped,
            self._raw_density,
            self._occupancy,
            min_weight=self._model.parameters.min_weight,
        )
        points = stepped.points(found.ray_index, found.k)
        rgb = None
        if with_color:
            rgb = self._shade(points, stepped.directions, found.ray_index)
        depth = stepped.depth(found.ray_index, found.k)
        return Samples(found.ray_index, points, found.weights, depth, rgb)

    def density(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Volume density at grid-frame points; zero outside the grid and in known empty space.

        Per unit of field-frame length in a bounded scene, of NDC length in a forward-facing one;
        includes TensoRF's distance scale.
        """
        inside = (points.abs() <= 1).all(dim=1)  # False for points that are not a number
        usable = torch.where(inside[:, None], points, torch.zeros_like(points))
        sigma = self._raw_density(usable) * self._model.parameters.distance_scale
        return torch.where(inside, sigma, torch.zeros_like(sigma))

    def color(
        self, points: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]
    ) -> Float[Tensor, "n 3"]:
        """Colour in [0, 1] at grid-frame points seen along unit field-frame directions."""
        model_directions = self._space.model_directions(points, directions)
        index = torch.arange(points.shape[0], device=points.device)
        return self._shade(points, model_directions, index).clamp(0, 1)

    def grid_from_field(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Field frame to grid frame, [-1, 1]^3."""
        return self._space.grid_from_field(points)

    def field_from_grid(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Grid frame to field frame."""
        return self._space.field_from_grid(points)

    def info(self) -> dict[str, Any]:
        """Plain facts for ``sa3d info``."""
        parameters = self._model.parameters
        return {
            "family": self.family,
            "model": self._model.kind,
            "scene": self.scene,
            "background": self.background.tolist(),
            "box": self.box.tolist(),
            "grid_size": list(parameters.grid_size),
            "shading": parameters.shading,
            "samples_per_ray": parameters.samples,
            "notes": list(self.notes),
        }

    def _raw_density(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Density without the distance scale at points inside the grid."""
        feature = self._feature(points)
        parameters = self._model.parameters
        if parameters.activation == "relu":
            sigma = feature.relu()
        else:
            sigma = functional.softplus(feature + parameters.density_shift)
        return sigma if self._mask is None else sigma * self._mask(points)

    def _shade(
        self, points: Float[Tensor, "s 3"], directions: Float[Tensor, "r 3"], ray_index: Tensor
    ) -> Float[Tensor, "s 3"]:
        model = self._model
        rgb = torch.empty_like(points)
        per_ray = model.shader.per_ray(directions)
        for start in range(0, points.shape[0], COLOR_BATCH):
            part = slice(start, start + COLOR_BATCH)
            features = model.appearance.projected(points[part], model.basis)
            rgb[part] = model.shader(
                features, points[part], per_ray.index_select(0, ray_index[part])
            )
        return rgb

    def _occupied_cells(self) -> CellGrid:
        """Cells with a node dense enough to matter, inside the alpha mask if there is one."""
        grid_size = self._model.parameters.grid_size
        factor = cell_factor(grid_size)
        cells = node_cells(self._dense_nodes(factor), grid_size, factor)
        return cells if self._mask is None else cells.overlaps(self._mask)

    def _dense_nodes(self, factor: int) -> Iterator[Bool[Tensor, "d y x"]]:
        threshold = _empty_feature(self._model.parameters, self.scene)
        for layers in slabs_of(self._model.parameters.grid_size[2], factor):
            yield self._feature.layers(layers) > threshold


def _empty_feature(parameters: TensorfParameters, scene: str) -> float:
    """The density feature below which one step is less opaque than `EMPTY_ALPHA`."""
    length = parameters.step
    if scene == "forward_facing":
        length = 4 / (parameters.samples - 1)
    sigma = EMPTY_ALPHA / (length * parameters.distance_scale)
    if parameters.activation == "relu":
        return sigma
    return math.log(math.expm1(sigma)) - parameters.density_shift


def _space(parameters: TensorfParameters, scene: SceneChoice, box: Tensor) -> Space:
    if scene.ndc_focal is None:
        return BoxSpace(
            box,
            near=parameters.near_far[0],
            step=parameters.step,
            distance_scale=parameters.distance_scale,
        )
    return NdcSpace(
        box,
        focal=scene.ndc_focal,
        samples=parameters.samples,
        distance_scale=parameters.distance_scale,
    )


def load(checkpoint: Checkpoint, options: FieldOptions, *, device: torch.device) -> TensorfField:
    """The field in a TensoRF checkpoint. Raises UserError (``bad_weights``)."""
    model = read_model(checkpoint, device=device)
    return TensorfField(model, choose_scene(model.parameters, options), device=device)


FAMILY = Family(name="tensorf", title="TensoRF", recognises=is_tensorf, load=load)
