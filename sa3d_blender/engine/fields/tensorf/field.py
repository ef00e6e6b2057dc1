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

from ....core.settings import FieldOptions
from ...run import Run
from ..components.decomposition import DensityFeature
from ..family import Family, in_torch_file, shared_facts
from ..files.checkpoint_file import Checkpoint
from ..sampling.marched_field import MarchedField
from ..sampling.marching import Occupancy
from ..sampling.occupancy import alpha_mask_cells, cell_factor, node_cells, slabs_of
from ..scene_choice import SceneChoice
from ..spaces.ndc import NdcSpace
from ..spaces.stepped_rays import BoxSpace, Space
from .checkpoint import TensorfModel, TensorfParameters, is_tensorf, read_model
from .scene import choose_scene

EMPTY_ALPHA = 1e-4
"""Cells in which no sample is more opaque than this count as empty; TensoRF gives such samples no
colour either."""


class TensorfField(MarchedField):
    """A TensoRF model as a `RadianceField`."""

    family = "tensorf"

    def __init__(self, model: TensorfModel, scene: SceneChoice, *, device: torch.device) -> None:
        """Prepare a model whose weights are on ``device`` for marching."""
        parameters = model.parameters
        self._model = model
        model_box = parameters.box.to(device)
        self._feature = DensityFeature(model.density)
        self._mask = None
        if model.alpha_mask is not None:
            mask = model.alpha_mask
            self._mask = alpha_mask_cells(mask.mask, mask.box, model_box)
        self._empty_feature = _empty_feature(parameters, scene.scene)
        super().__init__(
            scene,
            _space(parameters, scene, model_box),
            model.shader,
            model_box,
            density_scale=parameters.distance_scale,
            min_weight=parameters.min_weight,  # lighter samples have no colour in TensoRF either
        )

    def info(self) -> dict[str, Any]:
        """Plain facts for ``sa3d info``."""
        parameters = self._model.parameters
        return shared_facts(self) | {
            "model": self._model.kind,
            "grid_size": list(parameters.grid_size),
            "shading": parameters.shading,
            "samples_per_ray": parameters.samples,
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

    def _features(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n c"]:
        return self._model.appearance.projected(points, self._model.basis)

    def _known_occupancy(self) -> Occupancy:
        """Cells with a node dense enough to matter, inside the alpha mask if there is one."""
        grid_size = self._model.parameters.grid_size
        factor = cell_factor(grid_size)
        cells = node_cells(self._dense_nodes(factor), grid_size, factor)
        return Occupancy.of(cells if self._mask is None else cells.overlaps(self._mask))

    def _dense_nodes(self, factor: int) -> Iterator[Bool[Tensor, "d y x"]]:
        for layers in slabs_of(self._model.parameters.grid_size[2], factor):
            yield self._feature.layers(layers) > self._empty_feature


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


def load(
    checkpoint: Checkpoint, options: FieldOptions, *, device: torch.device, run: Run
) -> TensorfField:
    """The field in a TensoRF checkpoint. Raises UserError (``bad_weights``)."""
    model = read_model(checkpoint, device=device)
    return TensorfField(model, choose_scene(model.parameters, options), device=device)


FAMILY = Family(open=in_torch_file(is_tensorf), load=load)
