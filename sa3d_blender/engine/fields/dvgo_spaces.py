"""Where DirectVoxGO's models place their samples, in each kind of scene."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from .dvgo_checkpoint import DvgoModel
from .scene_choice import SceneChoice
from .stepped_rays import BoxSpace, Space


@runtime_checkable
class DvgoSpace(Space, Protocol):
    """A space with what a `DvgoModel` needs besides."""

    density_scale: float
    """From optical length per sample to density per length in the model's space."""

    def field_box(self) -> Float[Tensor, "2 3"]:
        """Smallest and largest corner of the field, field frame."""
        ...


class VoxelBoxSpace(BoxSpace):
    """A bounded scene: a step is a part of a voxel, its optical length the same for all sizes.

    The training's near clip is not in the file. Samples start at the box or at the camera, so
    that cameras may come closer than the training's.
    """

    def __init__(self, model: DvgoModel) -> None:
        self.density_scale = model.interval / model.step
        super().__init__(model.box, near=0.0, step=model.step, distance_scale=self.density_scale)

    def field_box(self) -> Float[Tensor, "2 3"]:
        """The model's own box."""
        return self.box


def space_of(model: DvgoModel, scene: SceneChoice) -> DvgoSpace:
    """The space a model was trained in."""
    return VoxelBoxSpace(model)
