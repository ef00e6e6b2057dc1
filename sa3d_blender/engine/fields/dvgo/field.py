"""The DirectVoxGO family (``*_last.tar``): voxel grids of density and colour features.

After "Direct Voxel Grid Optimization" (Sun et al., CVPR 2022) and its "Improved" report (2022).
Samples lie where the training put them, so that a render agrees with the authors' renderer; how
they are found is different.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ....core.settings import FieldOptions
from ...run import Run
from ..components.node_grids import trilinear
from ..family import Family, in_torch_file, shared_facts
from ..files.checkpoint_file import Checkpoint
from ..sampling.marched_field import MarchedField
from ..sampling.marching import Occupancy
from ..sampling.occupancy import cell_factor, nearest_node_cells, node_cells, slabs_of
from ..scene_choice import SceneChoice
from .checkpoint import DvgoModel, is_dvgo, read_mask_grids, read_model
from .scene import choose_scene
from .settings import settings_file, told_background, voxels_per_step
from .spaces import space_of

EMPTY_ALPHA = 1e-5
"""Cells in which no sample is more opaque than this count as empty, whatever the file says."""


class DvgoField(MarchedField):
    """A model of the DirectVoxGO family as a `RadianceField`."""

    family = "dvgo"

    def __init__(self, model: DvgoModel, scene: SceneChoice) -> None:
        """Prepare a model for marching, where its weights are."""
        self._model = model
        self._free_space = None
        if model.free_space is not None:
            known = model.free_space
            self._free_space = nearest_node_cells(known.mask, known.scale, known.shift, model.box)
        self._faintest = _raw_density_of(model.min_alpha, model.interval)
        space = space_of(model, scene)
        super().__init__(
            scene,
            space,
            model.shader,
            space.box,
            density_scale=space.density_scale,
            min_weight=model.min_alpha,
        )

    def info(self) -> dict[str, Any]:
        """Plain facts for ``sa3d info``."""
        return shared_facts(self) | {
            "model": self._model.kind,
            "grid_size": list(self._model.grid_size),
            "feature_channels": self._model.features.channels,
            "sa3d_masks": self._model.masks,
        }

    def _raw_density(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Density per optical length at points inside the grid; samples too faint have none."""
        raw = trilinear(self._model.raw_density, points)
        visible = raw > self._faintest
        if self._free_space is not None:
            visible &= self._free_space(points)
        return functional.softplus(raw) * visible

    def _features(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n c"]:
        return self._model.features(points)

    def _known_occupancy(self) -> Occupancy:
        """Cells with a node dense enough to matter, where the training did not find them empty."""
        model = self._model
        threshold = max(self._faintest, _raw_density_of(EMPTY_ALPHA, model.interval))
        factor = cell_factor(model.grid_size)
        volume = model.raw_density
        dense = (volume[layers] > threshold for layers in slabs_of(len(volume), factor))
        cells = node_cells(dense, model.grid_size, factor)
        if self._free_space is not None:
            cells = cells.overlaps(self._free_space)
        return Occupancy.of(cells)


def _raw_density_of(alpha: float, interval: float) -> float:
    """What one step's opacity is before softplus: the inverse of ``1 - exp(-i softplus(x))``."""
    if alpha <= 0:
        return -math.inf
    return math.log(math.expm1(-math.log1p(-alpha) / interval))


def load(
    checkpoint: Checkpoint, options: FieldOptions, *, device: torch.device, run: Run
) -> DvgoField:
    """The field in a DirectVoxGO checkpoint. Raises UserError (``bad_weights``, ``setting``)."""
    voxels, why = voxels_per_step(checkpoint, options)
    model = read_model(checkpoint, voxels_per_step=voxels, device=device)
    options, background = told_background(checkpoint, options)
    notes = [note for note in (why, background) if note]
    return DvgoField(model, choose_scene(model, options, notes))


FAMILY = Family(
    open=in_torch_file(is_dvgo),
    load=load,
    mask_grids=read_mask_grids,
    side_files=settings_file,
)
