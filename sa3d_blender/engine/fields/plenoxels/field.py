"""Plenoxels (svox2's ``ckpt.npz``): a sparse grid of densities and spherical harmonics.

After "Plenoxels: Radiance Fields without Neural Networks" (Fridovich-Keil, Yu et al., CVPR 2022).
Samples lie where the training put them: half a voxel apart from where a ray enters the grid.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ....core.settings import FieldOptions
from ...run import Run
from ..components.node_grids import trilinear
from ..components.shading import SphericalHarmonics
from ..family import Family, shared_facts
from ..files.checkpoint_file import Checkpoint
from ..sampling.marched_field import MarchedField
from ..sampling.marching import Occupancy
from ..sampling.occupancy import CellGrid, cell_factor, node_cells, slabs_of
from ..spaces.even_ndc import EvenNdcSpace
from ..spaces.ndc import MIRRORED_Y
from ..spaces.stepped_rays import BoxSpace, Space, SteppedRays
from .checkpoint import PlenoxelsModel, open_archive, read_model
from .scene import PlenoxelsScene, TrainingArguments, arguments_file, choose_scene

EMPTY_ALPHA = 1e-5
"""Voxels of which a step is not more opaque than this count as empty."""
MIN_WEIGHT = 1e-5
"""Samples of less weight are left out."""


class PlenoxelsField(MarchedField):
    """A Plenoxels model as a `RadianceField`."""

    family = "plenoxels"

    def __init__(self, model: PlenoxelsModel, scene: PlenoxelsScene) -> None:
        """Prepare a model for marching, where its weights are."""
        self._model, self._scene = model, scene
        super().__init__(
            scene.choice,
            _space(model, scene),
            SphericalHarmonics(model.basis),
            model.box,
            density_scale=1.0,
            min_weight=MIN_WEIGHT,
        )

    def info(self) -> dict[str, Any]:
        """Plain facts for ``sa3d info``."""
        moved = self._scene.field_from_dataset
        return shared_facts(self) | {
            "model": f"{self._model.basis} spherical harmonics",
            "background_layers": self._model.background_layers,
            "grid_size": list(self._model.grid_size),
            "field_from_dataset": None if moved is None else moved.tolist(),
        }

    def _raw_density(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        voxels = self._model.voxels
        return trilinear(voxels.density, voxels.place(points)).relu_()

    def _features(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n c"]:
        return self._model.voxels.harmonics(points)

    def _known_occupancy(self) -> Occupancy:
        """Cells with a voxel dense enough to matter."""
        voxels = self._model.voxels
        z, y, x = voxels.density.shape
        factor = cell_factor((x, y, z))
        faint = EMPTY_ALPHA / _smallest_step(self._model, self._scene)
        dense = (voxels.density[layers] > faint for layers in slabs_of(z, factor))
        cells = node_cells(dense, (x, y, z), factor)
        offset = cells.offset + cells.scale * voxels.offset
        return Occupancy.of(CellGrid(cells.cells, cells.scale * voxels.scale, offset))


class VoxelSpace(BoxSpace):
    """A bounded scene, its voxels possibly longer along some axes; steps are even in voxels."""

    def __init__(self, model: PlenoxelsModel, scene: PlenoxelsScene) -> None:
        super().__init__(model.box, near=scene.near, step=scene.step, distance_scale=1.0)
        self._voxels_per_length = _voxels_per_length(model)

    def steps_along(self, directions: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Field-frame length of a step on rays of these unit directions."""
        return self.step / (directions * self._voxels_per_length).norm(dim=1)


class VoxelNdcSpace(EvenNdcSpace):
    """A forward-facing scene: voxels in NDC of cameras that look along +z with y down."""

    def __init__(
        self, model: PlenoxelsModel, scene: PlenoxelsScene, focal: tuple[float, float]
    ) -> None:
        super().__init__(model.box, focal=focal, mirror=MIRRORED_Y)
        self._half_size = torch.tensor(model.grid_size, device=model.box.device) / 2
        self._step = scene.step

    def even_steps(self, whole: SteppedRays) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
        """Steps of a constant length in voxels; their optical length is that in NDC."""
        per_step = self._step / (whole.steps * self._half_size).norm(dim=1)
        return per_step, per_step * whole.lengths


def _space(model: PlenoxelsModel, scene: PlenoxelsScene) -> Space:
    focal = scene.choice.ndc_focal
    return VoxelSpace(model, scene) if focal is None else VoxelNdcSpace(model, scene, focal)


def _voxels_per_length(model: PlenoxelsModel) -> Float[Tensor, " 3"]:
    size = torch.tensor(model.grid_size, device=model.box.device)
    return size / (model.box[1] - model.box[0])


def _smallest_step(model: PlenoxelsModel, scene: PlenoxelsScene) -> float:
    return scene.step / float(_voxels_per_length(model).max())


def load(
    checkpoint: Checkpoint, options: FieldOptions, *, device: torch.device, run: Run
) -> PlenoxelsField:
    """The field in a Plenoxels file. Raises UserError (``bad_weights``)."""
    model = read_model(checkpoint, device=device, faint=EMPTY_ALPHA)
    scene = choose_scene(model, TrainingArguments(checkpoint.path.parent), options)
    return PlenoxelsField(model, scene)


FAMILY = Family(
    open=open_archive,
    load=load,
    side_files=arguments_file,
)
