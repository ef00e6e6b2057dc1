"""TensoRF's factorised grids: plane times line (VM) and line times line times line (CP).

Interpolating the factors and multiplying equals interpolating the product grid, because linear
interpolation along one axis does not mix with the others: a plane (bilinear) times a line (linear)
is exactly trilinear in the outer product of the two. So the density feature, a sum over components,
is one trilinear look-up in a dense volume of one channel. The appearance has too many channels for
that and is needed at few points; it stays factorised.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from .node_grids import axis_corners, rows_of, trilinear, weighted_rows

PLANE_AXES = ((0, 1), (0, 2), (1, 2))
LINE_AXES = (2, 1, 0)
LAYERS_AT_ONCE = 8
MAX_DENSE_CELLS = 96 * 2**20
"""Grids with more nodes than this (384 MiB) are evaluated from their factors."""


class Decomposition:
    """The factors of one quantity (density or appearance), node ``[i, j, k]`` at x_i, y_j, z_k.

    Args:
        planes: three tensors [c_i h w], axes ``(y, x)``, ``(z, x)``, ``(z, y)``; empty for CP.
        lines: three tensors [c_i n] along z, y, x.
        grid_size: nodes along x, y, z.
    """

    def __init__(
        self, planes: list[Tensor], lines: list[Tensor], grid_size: tuple[int, int, int]
    ) -> None:
        self.planes = planes
        self.lines = lines
        self.grid_size = grid_size
        self._plane_rows = [rows_of(plane) for plane in planes]
        self._line_rows = [line.T.contiguous() for line in lines]

    @property
    def channels(self) -> int:
        """Number of products."""
        if self.planes:
            return sum(line.shape[0] for line in self.lines)
        return int(self.lines[0].shape[0])

    def projected(
        self, points: Float[Tensor, "n 3"], basis: Float[Tensor, "c f"]
    ) -> Float[Tensor, "n f"]:
        """The products of the interpolated factors at grid-frame points, times a matrix."""
        corners = [axis_corners(points[:, axis], self.grid_size[axis]) for axis in range(3)]
        lines = [self._line(i, *corners[axis]) for i, axis in enumerate(LINE_AXES)]
        if not self.planes:
            return lines[0].mul_(lines[1]).mul_(lines[2]) @ basis
        total = points.new_zeros(points.shape[0], basis.shape[1])
        start = 0
        for i, (first, second) in enumerate(PLANE_AXES):
            products = self._plane(i, corners[first], corners[second]).mul_(lines[i])
            stop = start + products.shape[1]
            total.addmm_(products, basis[start:stop])
            start = stop
        return total

    def _line(self, i: int, lower: Tensor, fraction: Tensor) -> Tensor:
        last = self.lines[i].shape[1] - 1
        index = torch.stack([lower, (lower + 1).clamp_max(last)], dim=1)
        weights = torch.stack([1 - fraction, fraction], dim=1)
        return weighted_rows(self._line_rows[i], index, weights)

    def _plane(self, i: int, columns: tuple[Tensor, Tensor], rows: tuple[Tensor, Tensor]) -> Tensor:
        (column, u), (row, v) = columns, rows
        height, width = self.planes[i].shape[1:]
        first = row * width + column
        right = (column + 1 < width).long()
        down = (row + 1 < height).long() * width
        index = torch.stack([first, first + right, first + down, first + down + right], dim=1)
        weights = torch.stack([(1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v], dim=1)
        return weighted_rows(self._plane_rows[i], index, weights)

    def layers(self, layers: slice) -> Float[Tensor, "d y x"]:
        """The sum over components at the nodes of some z layers."""
        along_z, along_y, along_x = self.lines
        if not self.planes:
            front = along_z[:, layers, None] * along_y[:, None, :]
            return torch.einsum("czy,cx->zyx", front, along_x)
        total = torch.einsum("cyx,cz->zyx", self.planes[0], along_z[:, layers])
        total += torch.einsum("czx,cy->zyx", self.planes[1][:, layers], along_y)
        total += torch.einsum("czy,cx->zyx", self.planes[2][:, layers], along_x)
        return total


class DensityFeature:
    """The scalar density feature at any point, from a dense volume where that fits in memory."""

    def __init__(self, decomposition: Decomposition) -> None:
        self.decomposition = decomposition
        x, y, z = decomposition.grid_size
        self.volume: Float[Tensor, "z y x"] | None = None
        if x * y * z <= MAX_DENSE_CELLS:
            self.volume = torch.empty(z, y, x, device=decomposition.lines[0].device)
            for start in range(0, z, LAYERS_AT_ONCE):
                part = slice(start, start + LAYERS_AT_ONCE)
                self.volume[part] = decomposition.layers(part)

    def layers(self, layers: slice) -> Float[Tensor, "d y x"]:
        """The feature at the nodes of some z layers."""
        if self.volume is None:
            return self.decomposition.layers(layers)
        return self.volume[layers]

    def __call__(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """The feature at grid-frame points inside [-1, 1]^3."""
        if self.volume is None:
            ones = points.new_ones(self.decomposition.channels, 1)
            return self.decomposition.projected(points, ones).squeeze(1)
        return trilinear(self.volume, points)
