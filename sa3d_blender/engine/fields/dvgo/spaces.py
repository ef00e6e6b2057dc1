"""Where DirectVoxGO's models place their samples, in each kind of scene."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from ..rays import Rays
from ..scene_choice import SceneChoice
from ..spaces.contraction import ContractedSpace
from ..spaces.even_ndc import EvenNdcSpace
from ..spaces.ndc import NOT_MIRRORED, NdcSpace
from ..spaces.stepped_rays import BoxSpace, Space, SteppedRays
from .checkpoint import LAYERED, DvgoModel


@runtime_checkable
class DvgoSpace(Space, Protocol):
    """A space with what a `DvgoModel` needs besides."""

    box: Float[Tensor, "2 3"]
    """Box of a bounded or unbounded scene, field frame; of a forward-facing one, NDC."""
    density_scale: float
    """From optical length per sample to density per length in the model's space."""


class VoxelBoxSpace(BoxSpace):
    """A bounded scene: a step is a part of a voxel, its optical length the same for all sizes.

    The training's near clip is not in the file. Samples start at the box or at the camera, so
    that cameras may come closer than the training's.
    """

    def __init__(self, model: DvgoModel) -> None:
        self.density_scale = model.interval / model.step
        super().__init__(model.box, near=0.0, step=model.step, distance_scale=self.density_scale)


class _FacingForward(NdcSpace):
    """NDC as DirectVoxGO has it: not mirrored, and colours see the direction before the map."""

    def model_directions(
        self, points: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]
    ) -> Float[Tensor, "n 3"]:
        """Directions as they are: the model was trained in the field frame."""
        return directions


class LayeredSpace(_FacingForward):
    """DirectMPIGO: samples evenly spaced over NDC depth, each of the same optical length."""

    def __init__(self, model: DvgoModel, focal: tuple[float, float]) -> None:
        samples = int((len(model.raw_density) - 1) / model.step) + 1
        self.density_scale = model.interval * (samples - 1) / 2  # NDC is 2 deep
        self._interval = model.interval
        super().__init__(
            model.box, focal=focal, samples=samples, distance_scale=1.0, mirror=NOT_MIRRORED
        )

    def step_rays(self, rays: Rays) -> SteppedRays:
        """Samples at equal NDC distances from the near plane (or the camera) to infinity."""
        stepped = super().step_rays(rays)
        lengths = torch.full_like(stepped.lengths, self._interval)
        return replace(stepped, lengths=lengths, directions=rays.directions)


class VoxelNdcSpace(_FacingForward, EvenNdcSpace):
    """SA3D's forward-facing scenes: the bounded model, its voxels in NDC.

    Steps have the same NDC length on all rays.
    """

    def __init__(self, model: DvgoModel, focal: tuple[float, float]) -> None:
        self.density_scale = model.interval / model.step
        self._step = model.step
        self._interval = model.interval
        super().__init__(model.box, focal=focal, mirror=NOT_MIRRORED)

    def step_rays(self, rays: Rays) -> SteppedRays:
        """Samples at multiples of the step from the box entry, from the camera to infinity."""
        return replace(super().step_rays(rays), directions=rays.directions)

    def even_steps(self, whole: SteppedRays) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
        """Steps of a constant part of NDC, each of the same optical length."""
        return self._step / whole.lengths, torch.full_like(whole.lengths, self._interval)


def space_of(model: DvgoModel, scene: SceneChoice) -> DvgoSpace:
    """The space a model was trained in."""
    if model.contraction is not None:
        nodes = len(model.raw_density[0, 0])
        return ContractedSpace(
            norm=model.contraction.norm,
            center=model.contraction.center,
            radius=model.contraction.radius,
            margin=float(model.box[1, 0]) - 1,
            step=model.voxels_per_step * float(model.box[1, 0] - model.box[0, 0]) / nodes,
            interval=model.interval,
        )
    if scene.ndc_focal is None:
        return VoxelBoxSpace(model)
    kind = LayeredSpace if model.kind == LAYERED else VoxelNdcSpace
    return kind(model, scene.ndc_focal)
