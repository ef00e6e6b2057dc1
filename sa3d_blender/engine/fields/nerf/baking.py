"""What a NeRF's networks leave unsaid and rays should know: where there is anything at all.

The networks can only be asked point by point. Asking once, on a grid of cells, lets every later
view skip the empty ones. The answer is kept in the user's cache folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ...run import Run
from ..sampling.baked_cells import Shape, baked_bitmaps, cell_centers, weights_key
from ..sampling.occupancy import CellGrid
from .network import NerfNetwork, NetworkWeights
from .scene import NerfScene

CELLS = 128
"""Cells along the longest side of the region."""
EMPTY_ALPHA = 1e-3
"""A cell whose middle is less opaque than this, over the cell's length, counts as empty unless
one of its neighbours is not."""
VERSION = 1
"""Version of the cached files' content; files of other versions are not found."""


@dataclass(frozen=True)
class OccupiedCells:
    """Bitmaps over the scene's region, axes z, y, x."""

    coarse: Bool[Tensor, "z y x"]
    fine: Bool[Tensor, "z y x"]
    region: Float[Tensor, "2 3"]
    """The box that the cells divide, model space."""

    def grids(self, box: Float[Tensor, "2 3"]) -> tuple[CellGrid, CellGrid]:
        """Both bitmaps for the grid frame that stretches ``box`` (model space).

        Each True cell is grown by one to all sides.
        """
        cells = torch.tensor(self.fine.shape[::-1], device=box.device)
        per_unit = cells / (self.region[1] - self.region[0])
        scale = per_unit * (box[1] - box[0]) / 2
        offset = ((box[0] + box[1]) / 2 - self.region[0]) * per_unit
        coarse, fine = (CellGrid(b, scale, offset).dilated() for b in (self.coarse, self.fine))
        return coarse, fine


def occupied_cells(
    coarse: NerfNetwork, fine: NerfNetwork, scene: NerfScene, run: Run
) -> OccupiedCells:
    """The cells in which the networks have density, from the cache or computed and cached.

    A cache that is missing, damaged or cannot be written costs time, nothing else.
    """
    region = torch.tensor(scene.region, device=fine.weights.density.bias.device)
    shape = _cells_along(region)

    def make() -> list[Tensor]:
        length = float(((region[1] - region[0]) / torch.tensor(shape[::-1])).max())
        threshold = EMPTY_ALPHA / length

        def dense(network: NerfNetwork, centers: Tensor) -> Tensor:
            return (network.density(centers) > threshold).view(shape[1:])

        return [
            torch.stack([dense(network, c) for c in cell_centers(region, shape, run)])
            for network in (coarse, fine)
        ]

    head = f"{VERSION} {CELLS} {EMPTY_ALPHA} {scene.region}"
    key = weights_key(head, [*_tensors(coarse.weights), *_tensors(fine.weights)])
    found = baked_bitmaps("nerf", key, ("coarse", "fine"), shape, make)
    bitmaps = [bitmap.to(region.device) for bitmap in found]
    return OccupiedCells(bitmaps[0], bitmaps[1], region)


def _cells_along(region: Float[Tensor, "2 3"]) -> Shape:
    """Cells along z, y, x; about cubes."""
    extent = region[1] - region[0]
    x, y, z = (max(1, round(CELLS * float(side / extent.max()))) for side in extent)
    return z, y, x


def _tensors(weights: NetworkWeights) -> Iterator[Tensor]:
    for field in fields(weights):
        value = getattr(weights, field.name)
        for layer in value if field.name == "trunk" else (value,):
            found = (getattr(layer, name, None) for name in ("weight", "bias"))
            yield from (tensor for tensor in found if tensor is not None)
