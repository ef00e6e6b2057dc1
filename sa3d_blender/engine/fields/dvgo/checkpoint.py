"""What a DirectVoxGO ``*_last.tar`` file says, checked and in plain types.

A torch file despite its name, with ``model_kwargs`` (the model's constructor arguments) and
``model_state_dict`` (the weights). The class follows from the names of the weights: DirectVoxGO
(bounded), DirectMPIGO (forward-facing) or DirectContractedVoxGO (unbounded). SA3D's own files
hold mask grids besides, which are left alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..components.shading import Shader
from ..files.checkpoint_file import Checkpoint, bad_weights, checked_weight
from ..files.checkpoint_numbers import Numbers
from .grids import FeatureGrid, GridReader
from .shading import read_shader

BOUNDED, LAYERED, CONTRACTED = "DirectVoxGO", "DirectMPIGO", "DirectContractedVoxGO"
LAYERED_REFERENCE_DEPTH = 256
"""Layers at which DirectMPIGO's voxels count as of size one."""
MASKS = "seg_mask_grid"
"""Name of SA3D's grids of mask logits."""
NORMS = ("inf", "l2")


@dataclass(frozen=True)
class FreeSpace:
    """The training's own map of what is not empty: the bit of the node nearest to a point."""

    mask: Bool[Tensor, "z y x"]
    scale: Float[Tensor, " 3"]
    shift: Float[Tensor, " 3"]
    """Node numbers are ``point * scale + shift``, model space, x, y, z."""


@dataclass(frozen=True)
class Contraction:
    """An unbounded model's map of all space into its box."""

    norm: str
    """``inf`` (cubes) or ``l2`` (balls)."""
    center: Float[Tensor, " 3"]
    radius: float
    """Half the side of the cube that is not contracted, field frame."""


@dataclass(frozen=True)
class DvgoModel:
    """Everything in the file that rendering needs, on one device."""

    kind: str
    """``DirectVoxGO``, ``DirectMPIGO`` or ``DirectContractedVoxGO``."""
    box: Float[Tensor, "2 3"]
    """Box of the grids, in model space: the field frame, NDC, or contracted space."""
    raw_density: Float[Tensor, "z y x"]
    """What softplus makes the density of; the file's shift is already added."""
    features: FeatureGrid
    shader: Shader
    step: float
    """Distance of samples in model space; DirectMPIGO: in layers."""
    interval: float
    """Optical length of a step: the factor on the density."""
    voxels_per_step: float
    min_alpha: float
    """Samples of less opacity or weight are dropped (``fast_color_thres``)."""
    free_space: FreeSpace | None
    contraction: Contraction | None
    masks: int
    """Mask grids of SA3D in the file, which are not used."""

    @property
    def grid_size(self) -> tuple[int, int, int]:
        """Nodes of the density along x, y, z."""
        z, y, x = self.raw_density.shape
        return x, y, z


def is_dvgo(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint has the tables of the DirectVoxGO family."""
    data = checkpoint.data
    if not isinstance(data, dict):
        return False
    return isinstance(data.get("model_kwargs"), dict) and "model_state_dict" in data


def read_model(
    checkpoint: Checkpoint, *, voxels_per_step: float, device: torch.device
) -> DvgoModel:
    """Check and take apart a checkpoint of the DirectVoxGO family.

    Args:
        checkpoint: the file's content.
        voxels_per_step: distance of samples, which the file does not say.
        device: where the weights go.

    Raises:
        UserError: code ``bad_weights`` when anything is missing, of the wrong size, not finite or
            not supported.
    """
    path, kwargs = checkpoint.path, checkpoint.data["model_kwargs"]
    state = checkpoint.data["model_state_dict"]
    if not isinstance(state, dict):
        raise bad_weights(path, "its table of weights is not one")
    kind = _kind(state)
    numbers = Numbers(kwargs, path)
    reader = GridReader(state, path, device)
    box = _box(state, kwargs, path)
    raw = _raw_density(reader, kind, numbers)
    features, shader = read_shader(reader, kwargs)
    step, interval = _stepping(kind, numbers, box, voxels_per_step)
    return DvgoModel(
        kind=kind,
        box=box.to(device),
        raw_density=raw,
        features=features,
        shader=shader,
        step=step,
        interval=interval,
        voxels_per_step=voxels_per_step,
        min_alpha=numbers.one("fast_color_thres", low=0.0, high=0.5),
        free_space=_free_space(reader),
        contraction=_contraction(reader, kwargs) if kind == CONTRACTED else None,
        masks=_count_masks(state),
    )


def read_mask_grids(checkpoint: Checkpoint) -> list[Float[Tensor, "x y z"]]:
    """The mask logits that SA3D's own code added, per object; none where there is no dense grid.

    Raises:
        UserError: code ``bad_weights``.
    """
    state = checkpoint.data["model_state_dict"]
    if not isinstance(state, dict) or f"{MASKS}.grid" not in state:
        return []
    reader = GridReader(state, checkpoint.path, torch.device("cpu"))
    return list(reader.weight(f"{MASKS}.grid", (1, None, None, None, None))[0].float())


def _kind(state: dict[str, Any]) -> str:
    if "scene_center" in state:
        return CONTRACTED
    return LAYERED if "act_shift.grid" in state else BOUNDED


def _box(state: dict[str, Any], kwargs: dict[str, Any], path: Path) -> Float[Tensor, "2 3"]:
    corners = []
    for name in ("xyz_min", "xyz_max"):
        if name in state:
            corners.append(checked_weight(state, name, (3,), path=path))
        else:
            corners.append(torch.tensor(Numbers(kwargs, path).many(name, 3)))
    box = torch.stack(corners)
    if not (box[1] > box[0]).all():
        raise bad_weights(path, "its box is empty")
    if "scene_center" in state and not (torch.equal(box[0], -box[1]) and box[1].min() > 1):
        raise bad_weights(path, "its box is not a contracted one")
    return box


def _raw_density(reader: GridReader, kind: str, numbers: Numbers) -> Float[Tensor, "z y x"]:
    raw = reader.volume("density")
    if kind == LAYERED:  # one shift per layer, between whose nodes is interpolated as well
        return raw.add_(reader.weight("act_shift.grid", (1, 1, 1, 1, raw.shape[0])).view(-1, 1, 1))
    if "act_shift" in reader.state:
        return raw.add_(reader.weight("act_shift", (1,)))
    alpha = numbers.one("alpha_init", low=1e-12, high=1 - 1e-6)
    return raw.add_(math.log(1 / (1 - alpha) - 1))


def _stepping(
    kind: str, numbers: Numbers, box: Float[Tensor, "2 3"], voxels: float
) -> tuple[float, float]:
    """Distance of samples in model space and their optical length."""
    if kind == LAYERED:
        layers = numbers.one("mpi_depth", low=2.0, high=4096.0)
        return voxels, voxels * LAYERED_REFERENCE_DEPTH / layers
    count = numbers.one("num_voxels", low=8.0, high=2.0**32)
    size = (float((box[1] - box[0]).double().prod()) / count) ** (1 / 3)
    ratio = numbers.one("voxel_size_ratio", low=1e-3, high=1e3)
    return voxels * size, voxels * ratio


def _free_space(reader: GridReader) -> FreeSpace | None:
    mask = reader.state.get("mask_cache.mask")
    if mask is None:
        return None
    plain = isinstance(mask, Tensor) and mask.layout == torch.strided and not mask.is_meta
    if not plain or mask.dtype != torch.bool or mask.ndim != 3 or not mask.numel():
        raise bad_weights(reader.path, "its map of empty space is not one")
    if mask.numel() > mask.untyped_storage().nbytes():
        raise bad_weights(reader.path, "its map of empty space is not as large as it claims")
    return FreeSpace(
        mask.permute(2, 1, 0).contiguous().to(reader.device),
        reader.weight("mask_cache.xyz2ijk_scale", (3,)),
        reader.weight("mask_cache.xyz2ijk_shift", (3,)),
    )


def _contraction(reader: GridReader, kwargs: dict[str, Any]) -> Contraction:
    norm = kwargs.get("contracted_norm", "inf")
    if norm not in NORMS:
        raise bad_weights(reader.path, f"its contraction {norm!r} is none of {', '.join(NORMS)}")
    radius = reader.weight("scene_radius", (3,))
    if not (radius > 0).all() or float(radius.max() / radius.min()) > 1 + 1e-4:
        raise bad_weights(reader.path, "its scene's radius is not the same along all axes")
    return Contraction(norm, reader.weight("scene_center", (3,)), float(radius.mean()))


def _count_masks(state: dict[str, Any]) -> int:
    grid = state.get(f"{MASKS}.grid", state.get(f"{MASKS}.xy_plane"))
    return int(grid.shape[1]) if isinstance(grid, Tensor) and grid.ndim > 1 else 0
