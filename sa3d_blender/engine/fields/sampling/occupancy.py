"""Which parts of the grid hold anything: bitmaps that let rays skip the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional

MAX_CELLS = 2**23
"""Bitmaps made here have no more cells than this."""
EXACT_FLOATS = 2**24
"""Cell indices are computed in float32 where it counts exactly: up to here. That is faster."""


class CellGrid:
    """A bitmap over cells that are affine in the grid frame; everything outside is False.

    Args:
        cells: the bitmap, axes z, y, x.
        scale, offset: cell coordinates are ``points * scale + offset``, x, y, z.
    """

    def __init__(
        self,
        cells: Bool[Tensor, "z y x"],
        scale: Float[Tensor, " 3"],
        offset: Float[Tensor, " 3"],
    ) -> None:
        self.cells = cells
        self.scale = scale
        self.offset = offset
        framed = functional.pad(cells, (1, 1, 1, 1, 1, 1))
        depth, height, width = framed.shape
        device = cells.device
        self._flat = framed.flatten()
        self._shift = offset + 1
        self._zero = torch.zeros(3, device=device)
        self._limit = torch.tensor([width - 1.0, height - 1.0, depth - 1.0], device=device)
        self._strides = torch.tensor([1.0, float(width), float(width * height)], device=device)

    def __call__(self, points: Float[Tensor, "n 3"]) -> Bool[Tensor, " n"]:
        """The bit of the cell each grid-frame point lies in."""
        cell = torch.addcmul(self._shift, points, self.scale)
        cell.clamp_(self._zero, self._limit)
        return self._flat.take(self._index(cell.floor_()))

    def within(self, points: Float[Tensor, "n 3"]) -> Bool[Tensor, " n"]:
        """Whether points lie in a True cell, for points in the grid or less than a cell outside.

        Faster than calling the grid, which takes points anywhere.
        """
        cell = torch.addcmul(self._shift, points, self.scale).floor_()
        return self._flat.take(self._index(cell))

    def _index(self, cell: Float[Tensor, "n 3"]) -> Int64[Tensor, " n"]:
        if self._flat.numel() <= EXACT_FLOATS:
            return (cell @ self._strides).long()
        return (cell.long() * self._strides.long()).sum(dim=1)

    def bounds(self) -> Float[Tensor, "2 3"]:
        """The smallest grid-frame box around all True cells; empty (1 > -1) without any."""
        occupied = self.cells.nonzero().flip(1)
        if not len(occupied):
            return torch.stack([self._zero + 1, self._zero - 1])
        corners = torch.stack([occupied.amin(dim=0), occupied.amax(dim=0) + 1])
        return (corners - self.offset) / self.scale

    def dilated(self) -> CellGrid:
        """A grid larger by one cell on all sides, each True cell grown by one to all sides."""
        framed = functional.pad(self.cells, (1, 1, 1, 1, 1, 1))[None, None].float()
        grown = functional.max_pool3d(framed, 3, stride=1, padding=1)
        return CellGrid(grown[0, 0] > 0, self.scale, self.offset + 1)

    def halved(self) -> CellGrid:
        """Cells of twice the size, True where any of the eight is."""
        depth, height, width = self.cells.shape
        padded = functional.pad(
            self.cells[None, None].float(), (0, width % 2, 0, height % 2, 0, depth % 2)
        )
        pooled = functional.max_pool3d(padded, 2)[0, 0] > 0
        return CellGrid(pooled, self.scale / 2, self.offset / 2)

    def overlaps(self, other: CellGrid) -> CellGrid:
        """These cells where, in addition, the other grid has a True cell in the same place."""
        hits = other.cells.float()
        for axis in range(3):
            hits = _any_along(hits, 2 - axis, *self._ranges(other, axis))
        return CellGrid(self.cells & (hits > 0), self.scale, self.offset)

    def _ranges(self, other: CellGrid, axis: int) -> tuple[Tensor, Tensor]:
        """For each cell along an axis: the first and past-the-last cell of the other grid."""
        count = self.cells.shape[2 - axis]
        edges = torch.arange(count + 1, device=self.cells.device)
        points = (edges - self.offset[axis]) / self.scale[axis]
        position = points * other.scale[axis] + other.offset[axis]
        size = other.cells.shape[2 - axis]
        low = (position[:-1] - 1e-3).floor().clamp(0, size).long()
        high = (position[1:] + 1e-3).ceil().clamp(0, size).long()
        return low, high


def _any_along(values: Tensor, dim: int, low: Tensor, high: Tensor) -> Tensor:
    """1 where a range of entries along a dimension holds a non-zero one, else 0."""
    sums = functional.pad((values > 0).float().movedim(dim, -1).cumsum(dim=-1), (1, 0))
    found = sums[..., high.clamp_min(0)] - sums[..., torch.minimum(low, high)]
    return (found > 0).float().movedim(-1, dim)


def alpha_mask_cells(
    mask: Bool[Tensor, "z y x"],
    mask_box: Float[Tensor, "2 3"],
    field_box: Float[Tensor, "2 3"],
) -> CellGrid:
    """Where TensoRF's trilinear alpha mask is positive, as cells in the field's grid frame.

    The mask's nodes lie on its box's corners (another box than the field's). It is positive
    between nodes of which at least one is set, and for one more cell outside the mask's box,
    because interpolation runs out into zeros there.
    """
    framed = functional.pad(mask[None, None].float(), (1, 1, 1, 1, 1, 1))
    cells = functional.max_pool3d(framed, 2, stride=1)[0, 0] > 0
    nodes = torch.tensor(mask.shape[::-1], device=mask.device, dtype=torch.float32)
    per_unit = (nodes - 1) / (mask_box[1] - mask_box[0])
    half = (field_box[1] - field_box[0]) / 2
    center = (field_box[0] + field_box[1]) / 2
    return CellGrid(cells, per_unit * half, (center - mask_box[0]) * per_unit + 1)


def nearest_node_cells(
    mask: Bool[Tensor, "z y x"],
    scale: Float[Tensor, " 3"],
    shift: Float[Tensor, " 3"],
    field_box: Float[Tensor, "2 3"],
) -> CellGrid:
    """A bitmap of nodes, each of which speaks for the points it is nearest to.

    Args:
        mask: the nodes.
        scale, shift: node numbers are ``point * scale + shift``, in the frame of ``field_box``.
        field_box: what the grid frame stretches to [-1, 1]^3.
    """
    half = (field_box[1] - field_box[0]) / 2
    center = (field_box[0] + field_box[1]) / 2
    return CellGrid(mask, half * scale, center * scale + shift + 0.5)


def node_cells(
    slabs: Iterable[Bool[Tensor, "_ y x"]], grid_size: tuple[int, int, int], factor: int
) -> CellGrid:
    """Cells of ``factor`` node intervals that touch at least one True node.

    Args:
        slabs: consecutive z layers; each starts at a multiple of ``factor`` and holds one layer
            more than it advances (the next slab's first), the last ends with the grid.
        grid_size: nodes along x, y, z.
        factor: node intervals per cell.
    """
    pooled = []
    for slab in slabs:
        pads = [-(size - 1) % factor for size in reversed(slab.shape)]
        padded = functional.pad(slab[None, None].float(), (0, pads[0], 0, pads[1], 0, pads[2]))
        pooled.append(functional.max_pool3d(padded, factor + 1, stride=factor)[0, 0] > 0)
    cells = torch.cat(pooled, dim=0)
    scale = torch.tensor(grid_size, device=cells.device, dtype=torch.float32)
    scale = (scale - 1) / (2 * factor)
    return CellGrid(cells, scale, scale.clone())


def slabs_of(layers: int, factor: int) -> Iterator[slice]:
    """Consecutive z layers as `node_cells` wants them, thin enough for the cache."""
    thickness = 8 * factor
    for start in range(0, layers - 1, thickness):
        yield slice(start, min(start + thickness + 1, layers))


def cell_factor(grid_size: tuple[int, int, int]) -> int:
    """The smallest number of node intervals per cell that keeps the bitmap small."""
    factor = 1
    while True:
        x, y, z = (-(-(size - 1) // factor) for size in grid_size)
        if x * y * z <= MAX_CELLS:
            return factor
        factor += 1
