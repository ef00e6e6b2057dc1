"""Instant-NGP's density grid: which cells of nested cubes hold anything.

Cube ``k`` of side ``2^k`` is centred in the unit cube and has 128 cells along each side. What was
never occupied was never trained either: its density means nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import max_pool3d, pad

from ..files.checkpoint_file import bad_weights
from ..sampling.marching import Occupancy
from ..sampling.occupancy import CellGrid
from .networks import binary
from .space import NgpSpace

SIDE = 128
CELLS = SIDE**3
MAX_CASCADES = 8
THINNEST = 0.01
"""Cells of more than this optical thickness count as occupied, or of more than the mean, if that
is less."""


class NestedCells:
    """Bitmaps of nested cubes around the middle of Instant-NGP's world; `Cells`.

    Args:
        bitmaps: finest first; axes k, z, y, x, the field frame's.
        scale, offset: positions relative to the middle, Instant-NGP's units along the field frame's
            axes, are ``points * scale + offset``.
    """

    def __init__(
        self,
        bitmaps: Bool[Tensor, "k z y x"],
        scale: Float[Tensor, " 3"],
        offset: Float[Tensor, " 3"],
    ) -> None:
        self.bitmaps = bitmaps
        self._flat = bitmaps.flatten()
        self._scale, self._offset = scale, offset

    def within(self, points: Float[Tensor, "n 3"]) -> Bool[Tensor, " n"]:
        """Whether the finest cell around each grid-frame point is occupied; False outside."""
        place = torch.addcmul(self._offset, points, self._scale)
        reach = place.abs().amax(dim=1)
        level = (torch.frexp(reach).exponent + 1).clamp(0, len(self.bitmaps) - 1)
        shrunk = place * torch.exp2(-level.float())[:, None]
        cell = ((shrunk + 0.5) * SIDE).floor()
        inside = ((cell >= 0) & (cell < SIDE)).all(dim=1)
        x, y, z = torch.where(inside[:, None], cell, 0.0).long().unbind(dim=1)
        row = ((level * SIDE + z) * SIDE + y) * SIDE + x
        return self._flat.take(row) & inside

    def outermost(self) -> CellGrid:
        """The largest cube, in which every smaller one's cells are marked too."""
        level = len(self.bitmaps) - 1
        per_unit = SIDE / 2**level
        return CellGrid(
            self.bitmaps[level], self._scale * per_unit, self._offset * per_unit + SIDE / 2
        )


def read_cells(
    snapshot: dict[str, Any], space: NgpSpace, middle: Float[Tensor, " 3"], path: Path
) -> NestedCells:
    """The occupied cells of a snapshot; all of them where it has no density grid.

    Args:
        snapshot: the file's table.
        space: the scene's box.
        middle: of Instant-NGP's world, field frame.
        path: the file, for messages.

    Raises:
        UserError: code ``bad_weights``; not as many numbers as some cubes have.
    """
    if snapshot.get("density_grid_size", SIDE) != SIDE:
        raise bad_weights(path, f"its density grid does not have {SIDE} cells along a side")
    values = binary(snapshot, "density_grid_binary", np.dtype("<f2"), path)
    cascades, rest = divmod(len(values), CELLS)
    if rest or cascades > MAX_CASCADES:
        raise bad_weights(path, f"its density grid of {len(values)} numbers is not one")
    box = space.box
    half = (box[1] - box[0]) / 2
    scale, offset = half * space.scale, ((box[0] + box[1]) / 2 - middle) * space.scale
    if not cascades:
        count = max(0, int(np.ceil(np.log2(float((scale + offset.abs()).max()) * 2)))) + 1
        everything = torch.ones(min(count, MAX_CASCADES), SIDE, SIDE, SIDE, dtype=torch.bool)
        return NestedCells(everything.to(box.device), scale, offset)
    grid = torch.from_numpy(values).nan_to_num(0.0).view(cascades, CELLS)
    threshold = min(THINNEST, float(grid[0].clamp_min(0).mean()))
    bitmaps = (grid > threshold)[:, _morton_order()].view(cascades, SIDE, SIDE, SIDE)
    if space.cycled:  # from z, y, x of Instant-NGP's axes to those of the data set's
        bitmaps = bitmaps.permute(0, 2, 3, 1)
    return NestedCells(_with_finer(bitmaps).to(box.device), scale, offset)


def occupancy_of(cells: NestedCells) -> Occupancy:
    """What marching wants to know."""
    outermost = cells.outermost()
    return Occupancy(outermost.halved().dilated(), cells, outermost.bounds())


def _with_finer(bitmaps: Bool[Tensor, "k z y x"]) -> Bool[Tensor, "k z y x"]:
    """Each cube with the next smaller one's cells marked in its middle."""
    found = [bitmaps[0]]
    for bitmap in bitmaps[1:]:
        halved = max_pool3d(found[-1][None, None].float(), 2)[0, 0] > 0
        found.append(bitmap | pad(halved, (SIDE // 4,) * 6))
    return torch.stack(found)


def _morton_order() -> Tensor:
    """Where the cells, in order of z, y, x, are kept: bits of x, y and z in turn."""
    axis = torch.arange(SIDE)
    spread = torch.zeros_like(axis)
    for bit in range(SIDE.bit_length() - 1):
        spread |= ((axis >> bit) & 1) << (3 * bit)
    return (spread | (spread[:, None] << 1) | (spread[:, None, None] << 2)).flatten()
