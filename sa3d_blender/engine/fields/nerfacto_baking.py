"""Where a nerfacto model has anything at all; everywhere else it is never asked."""

from __future__ import annotations

import hashlib

import torch
from jaxtyping import Float
from torch import Tensor

from .baked_cells import baked_bitmaps, cell_centers
from .nerfacto_checkpoint import NerfactoNetworks
from .nerfacto_settings import NerfactoSettings
from .occupancy import CellGrid

CELLS = 128
"""Cells along each side of the grid frame."""
EMPTY_ALPHA = 1e-3
"""A cell whose middle is less opaque than this, over the cell's length, counts as empty unless
one of its neighbours is not."""
VERSION = 1
"""Of the cached files' content; files of other versions are not found."""


def occupied_cells(networks: NerfactoNetworks, settings: NerfactoSettings) -> CellGrid:
    """The cells in which the field has density, from the cache or computed and cached.

    The proposal networks are asked everywhere: haze too thin to be seen still draws samples.
    """
    shape = (CELLS, CELLS, CELLS)
    whole = torch.tensor([[-1.0] * 3, [1.0] * 3], device=networks.box.device)

    def make() -> list[Tensor]:
        bits = []
        for points in cell_centers(whole, shape):
            sigma = networks.field((points + 1) / 2)[:, 0].exp() * settings.density_factor
            lengths = cell_lengths(points, networks, settings)
            bits.append((sigma * lengths > EMPTY_ALPHA).view(CELLS, CELLS))
        return [torch.stack(bits)]

    (bitmap,) = baked_bitmaps("nerfacto", _key(networks, settings), ["field"], shape, make)
    scale = torch.full((3,), CELLS / 2, device=whole.device)
    return CellGrid(bitmap.to(whole.device), scale, scale).dilated()


def cell_lengths(
    points: Float[Tensor, "n 3"], networks: NerfactoNetworks, settings: NerfactoSettings
) -> Float[Tensor, " n"]:
    """How far it is through the cells at grid-frame points, field frame.

    Contracted cells are the longer the farther out they are: where the largest coordinate ``m``
    became ``c = 2 - 1/m``, lengths along it are ``1 / (2 - c)^2`` times as long.
    """
    if not settings.contracted:
        side = float((networks.box[1] - networks.box[0]).max()) / CELLS
        return torch.full_like(points[:, 0], side)
    drawn = 2 * points.abs().amax(dim=1)
    return 4 / CELLS / (2 - drawn.clamp_min(1)).square()


def _key(networks: NerfactoNetworks, settings: NerfactoSettings) -> str:
    """A name that is another one for any other weights or settings that matter."""
    box = networks.box.tolist()
    parts = (VERSION, CELLS, EMPTY_ALPHA, settings.density_factor, settings.contracted, box)
    digest = hashlib.sha256(repr(parts).encode())
    for tensor in networks.field.tensors():
        digest.update(str(tuple(tensor.shape)).encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:32]
