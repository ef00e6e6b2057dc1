"""A Plenoxels file made of another field: its densities and colours at the voxels' middles.

    python -m tests.support.resampled_plenoxels CHECKPOINT OUT.npz [VOXELS]

Colours are fitted by spherical harmonics of degree 2 over directions all around.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.protocol import RadianceField
from tests.support.plain_plenoxels import harmonics, write

DIRECTIONS = 40
FAINTEST = 0.5
"""Voxels of less density, per unit of length, are left out."""


def resampled(field: RadianceField, path: Path, voxels: int = 64) -> Path:
    """Write a bounded field as a Plenoxels file.

    Args:
        field: its box becomes the file's.
        path: of the file.
        voxels: along each side of the box.
    """
    axis = (torch.arange(voxels) + 0.5) / voxels * 2 - 1
    layers = []
    for x in axis:
        y, z = torch.meshgrid(axis, axis, indexing="ij")
        layers.append(field.density(torch.stack([x.expand_as(y), y, z], dim=-1).view(-1, 3)))
    density = torch.cat(layers)
    there = (density > FAINTEST).nonzero().squeeze(1)
    links = torch.full((voxels**3,), -1, dtype=torch.int32)
    links[there] = torch.arange(len(there), dtype=torch.int32)
    place = torch.stack([there // voxels**2, there // voxels % voxels, there % voxels], dim=1)
    low, high = field.box.numpy()
    arrays = {
        "radius": (high - low) / 2,
        "center": (high + low) / 2,
        "links": links.view(voxels, voxels, voxels).numpy(),
        "density_data": density[there, None].numpy(),
        "sh_data": _fitted(field, axis[place]).astype(np.float16),
        "basis_type": 1,
    }
    return write(path, arrays)


def _fitted(field: RadianceField, points: torch.Tensor) -> np.ndarray:
    """Coefficients [n 27] of the colours at grid-frame points."""
    generator = np.random.default_rng(0)
    directions = generator.normal(size=(DIRECTIONS, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    basis = np.linalg.pinv(np.array([harmonics(d) for d in directions]))
    total = np.zeros((len(points), 3, 9))
    for number, direction in enumerate(directions):
        seen = torch.from_numpy(direction).float().expand_as(points)
        color = field.color(points, seen).double().numpy() - 0.5
        total += color[:, :, None] * basis[None, None, :, number]
    return total.reshape(len(points), 27)


if __name__ == "__main__":
    checkpoint, out, *count = sys.argv[1:]
    source = load_field(Path(checkpoint), FieldOptions(), device=torch.device("cpu"))
    resampled(source, Path(out), *map(int, count))
