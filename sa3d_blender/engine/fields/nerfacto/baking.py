"""What is known about a nerfacto model before it is asked.

Where it has nothing, it is never asked. Its coarse proposal networks, which only say where on a ray
to look, are looked up in volumes instead: of their answers, small errors do not show.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from ...run import Run
from ..components.node_grids import trilinear
from ..sampling.baked_cells import baked_bitmaps, baked_volumes, cell_centers, weights_key
from ..sampling.occupancy import CellGrid
from .checkpoint import DensityNetwork, NerfactoNetworks
from .settings import NerfactoSettings

CELLS = 128
"""Cells along each side of the grid frame."""
EMPTY_ALPHA = 1e-3
"""A cell whose middle is less opaque than this, over the cell's length, counts as empty unless
one of its neighbours is not."""
PROPOSAL_CELLS = 160
"""Cells along each side of the proposal networks' volumes. Networks whose finest level has more are
asked themselves; in volumes, thin things would be passed over."""
LEAST_LOG = -20.0
"""Logarithms of densities below this are rounded up to it; they fit into half precision."""
MOST_LOG = 15.0
VERSION = 1
"""Version of the cached files' content; files of other versions are not found."""


def occupied_cells(networks: NerfactoNetworks, settings: NerfactoSettings, run: Run) -> CellGrid:
    """The cells in which the field has density, from the cache or computed and cached.

    The proposal networks are asked everywhere: haze too thin to be seen still draws samples.
    """
    shape = (CELLS, CELLS, CELLS)
    whole = torch.tensor([[-1.0] * 3, [1.0] * 3], device=networks.box.device)

    def make() -> list[Tensor]:
        bits = []
        for points in cell_centers(whole, shape, run):
            sigma = networks.field((points + 1) / 2)[:, 0].exp() * settings.density_factor
            lengths = cell_lengths(points, networks, settings)
            bits.append((sigma * lengths > EMPTY_ALPHA).view(CELLS, CELLS))
        return [torch.stack(bits)]

    box = networks.box.tolist()
    parts = (VERSION, CELLS, EMPTY_ALPHA, settings.density_factor, settings.contracted, box)
    key = weights_key(repr(parts), networks.field.tensors())
    (bitmap,) = baked_bitmaps("nerfacto", key, ["field"], shape, make)
    scale = torch.full((3,), CELLS / 2, device=whole.device)
    return CellGrid(bitmap.to(whole.device), scale, scale).dilated()


@dataclass(frozen=True)
class ProposalVolume:
    """A proposal network's density at the middles of cells of the grid frame."""

    logarithm: Float[Tensor, "z y x"]

    def __call__(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """The density between them, the network's own unit; zero outside the grid frame."""
        inside = ((points > -1) & (points < 1)).all(dim=1)
        cells = len(self.logarithm)
        place = (points.nan_to_num(2.0) * (cells / (cells - 1))).clamp(-1, 1)
        return trilinear(self.logarithm, place).exp_() * inside


def proposal_volumes(networks: NerfactoNetworks, run: Run) -> list[ProposalVolume | None]:
    """The coarse proposal networks as volumes, from the cache or computed and cached.

    None stands for networks that are asked themselves: fine ones, and all on graphics cards, where
    asking them costs little.
    """
    device = networks.box.device
    shape = (PROPOSAL_CELLS, PROPOSAL_CELLS, PROPOSAL_CELLS)
    whole = torch.tensor([[-1.0] * 3, [1.0] * 3], device=device)

    def volume(network: DensityNetwork) -> Tensor:
        asked = (network((points + 1) / 2)[:, 0] for points in cell_centers(whole, shape, run))
        return torch.stack([found.view(shape[1:]).clamp(LEAST_LOG, MOST_LOG) for found in asked])

    volumes: list[ProposalVolume | None] = []
    for network in networks.proposals:
        if device.type != "cpu" or network.grid.levels[-1].scale > PROPOSAL_CELLS:
            volumes.append(None)
            continue
        parts = (VERSION, PROPOSAL_CELLS, LEAST_LOG, MOST_LOG)
        key = weights_key(repr(parts), network.tensors())
        make = partial(lambda asked: [volume(asked)], network)
        volumes.append(ProposalVolume(*baked_volumes("nerfacto", key, ["proposal"], shape, make)))
    return volumes


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
