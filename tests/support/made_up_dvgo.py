"""Synthetic DirectVoxGO checkpoints: random weights in the format's own tables."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor

Tables = dict[str, Any]
GRID = (17, 15, 13)
STEP_SIZE = 0.5
STOP = 1e-3
"""A ray ends where less than this much light is left."""
PLANES = {"xy_plane": (0, 1), "xz_plane": (0, 2), "yz_plane": (1, 2)}
VECTORS = {"z_vec": 2, "y_vec": 1, "x_vec": 0}
BOXES = {
    "bounded": [[-1.2, -1.0, -0.8], [1.1, 1.3, 0.9]],
    "ndc": [[-1.3, -1.2, -1.0], [1.2, 1.4, 1.0]],
    "layers": [[-1.3, -1.2, -1.0], [1.2, 1.4, 1.0]],
    "contracted": [[-1.2, -1.2, -1.2], [1.2, 1.2, 1.2]],
}


def make_tables(
    *,
    kind: str = "bounded",
    factored: bool = False,
    colors: str = "direct",
    depth: int = 3,
    mask: bool = True,
    frequencies: int = 3,
    norm: str = "inf",
) -> Tables:
    """The content of a ``.tar`` file with random weights.

    Args:
        kind: ``bounded``, ``ndc`` (SA3D's bounded model in NDC), ``layers`` (DirectMPIGO) or
            ``contracted`` (DirectContractedVoxGO).
        factored: planes and vectors instead of volumes.
        colors: ``direct``, ``tinted`` (added to a stored colour) or ``stored``.
        depth: layers of the colour network.
        norm: of the contraction.
    """
    generator = torch.Generator().manual_seed(9)
    box = torch.tensor(BOXES[kind])
    size = GRID if kind != "contracted" else (16, 16, 16)
    channels = 3 if colors == "stored" else 7
    state = OrderedDict(xyz_min=box[0], xyz_max=box[1])
    state |= _grid("density", 1, size, factored, generator)
    state |= _grid("k0", channels, size, factored, generator)
    state |= _shift(kind, size, generator)
    if kind == "contracted":
        state |= {
            "scene_center": torch.tensor([0.2, -0.1, 0.3]),
            "scene_radius": torch.full((3,), 1.5),
        }
    if colors != "stored":
        inputs = (channels if colors == "direct" else channels - 3) + 3 + 6 * frequencies
        state["viewfreq"] = 2.0 ** torch.arange(frequencies)
        state |= _network(inputs, depth, generator)
    if mask:
        state |= _mask(box, generator)
    kwargs = {
        "xyz_min": box[0].numpy(),
        "xyz_max": box[1].numpy(),
        "num_voxels": math.prod(size),
        "voxel_size_ratio": torch.tensor(1.3),
        "fast_color_thres": 1e-4,
        "rgbnet_dim": 0 if colors == "stored" else channels,
        "rgbnet_direct": colors != "tinted",
        "rgbnet_full_implicit": False,
        "rgbnet_depth": depth,
        "mpi_depth": size[2],
        "contracted_norm": norm,
    }
    return {"global_step": 1, "model_kwargs": kwargs, "model_state_dict": state}


def _grid(
    name: str, channels: int, size: tuple[int, ...], factored: bool, generator: torch.Generator
) -> Tables:
    spread = 4.0 if name == "density" else 1.0
    if not factored:
        grid = torch.randn(1, channels, *size, generator=generator) * spread
        if name == "density":
            grid = _walled(grid, -20.0)
        return {f"{name}.grid": grid}
    ranks = {"xy_plane": 4, "xz_plane": 3, "yz_plane": 3}
    found = {}
    for (plane, (u, v)), (vector, axis) in zip(PLANES.items(), VECTORS.items(), strict=True):
        rank = ranks[plane]
        found[f"{name}.{plane}"] = torch.randn(1, rank, size[u], size[v], generator=generator)
        line = torch.randn(1, rank, size[axis], 1, generator=generator) * spread / 3
        found[f"{name}.{vector}"] = line
    if channels > 1:
        found[f"{name}.f_vec"] = torch.randn(10, channels, generator=generator)
    return found


def _walled(values: Tensor, wall: float) -> Tensor:
    """Another value on the faces.

    The first sample of a ray lies exactly on a face, where rounding decides whether it counts.
    """
    middle = (..., *[slice(1, -1)] * 3)
    walled = torch.full_like(values, wall)
    walled[middle] = values[middle]
    return walled


def _shift(kind: str, size: tuple[int, ...], generator: torch.Generator) -> Tables:
    if kind == "layers":
        return {"act_shift.grid": torch.randn(1, 1, 1, 1, size[2], generator=generator) - 4}
    return {"act_shift": torch.tensor([-3.0])}


def _network(inputs: int, depth: int, generator: torch.Generator) -> Tables:
    names = ["0", *(f"{i}.0" for i in range(2, depth)), str(depth)]
    found = {}
    for i, name in enumerate(names):
        rows, columns = (3 if i == depth - 1 else 16), (inputs if i == 0 else 16)
        weight = torch.randn(rows, columns, generator=generator) * 1.5 / math.sqrt(columns)
        found[f"rgbnet.{name}.weight"] = weight
        found[f"rgbnet.{name}.bias"] = torch.randn(rows, generator=generator) * 0.2
    return found


def _mask(box: Tensor, generator: torch.Generator) -> Tables:
    mask = _walled(torch.rand(10, 8, 9, generator=generator) > 0.4, False)
    scale = (torch.tensor(mask.shape) - 1) / (box[1] - box[0])
    return {
        "mask_cache.mask": mask,
        "mask_cache.xyz2ijk_scale": scale,
        "mask_cache.xyz2ijk_shift": -box[0] * scale,
    }
