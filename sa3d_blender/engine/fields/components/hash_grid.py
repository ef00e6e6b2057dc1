"""Multiresolution hash encoding: a position's features from tables of several resolutions.

After "Instant Neural Graphics Primitives with a Multiresolution Hash Encoding" (Mueller et al.,
SIGGRAPH 2022). Two ways of filling the tables exist in published checkpoints and cannot stand in
for each other: tiny-cuda-nn's (positions shifted by half a cell, coarse levels without hashing)
and nerfstudio's own in torch (no shift, every level hashed).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int32
from torch import Tensor

BLOCK = 8192
"""Points per pass; keeps indices and features in the processor's cache."""
PRIMES = (1, 2654435761 - 2**32, 805459861)
"""The hash's factors along x, y, z, as signed 32 bit integers."""
NUDGE = 5e-7
"""Relative error of a growth in float32, somewhat exaggerated."""
MAX_LEVELS = 64
MAX_FEATURES = 16
MAX_LOG2_ROWS = 28
MAX_RESOLUTION = 2**20


@dataclass(frozen=True)
class GridShape:
    """What the sizes of all levels follow from."""

    levels: int
    features: int
    """Per level."""
    log2_rows: int
    """A level has at most 2 to this many rows."""
    base_resolution: int
    """Resolution of the coarsest level."""
    growth: float
    """Factor of the resolution from level to level."""

    @staticmethod
    def between(
        levels: int, features: int, log2_rows: int, base_resolution: int, max_resolution: int
    ) -> GridShape:
        """A shape whose finest level has about the greatest resolution."""
        growth = 1.0
        if levels > 1:
            span = math.log(max_resolution) - math.log(base_resolution)
            growth = math.exp(span / (levels - 1))
        return GridShape(levels, features, log2_rows, base_resolution, growth)

    @property
    def width(self) -> int:
        """Features of all levels."""
        return self.levels * self.features

    def roundings(self) -> tuple[GridShape, ...]:
        """The shape, and what rounding elsewhere may have made of it.

        A level whose resolution is a whole number may come out larger by one; the file's length
        tells.
        """
        grown = (self.growth, self.growth * (1 - NUDGE), self.growth * (1 + NUDGE))
        return tuple(replace(self, growth=growth) for growth in grown)


@dataclass(frozen=True)
class GridLevel:
    """One table. Positions in [0, 1]^3 lie at ``position * scale + shift`` in units of cells."""

    table: Float[Tensor, "rows f"]
    scale: float
    shift: float
    side: int | None
    """Rows per step along y, where rows are cells in order (x fastest); None where they are
    hashed, which takes a power of two of rows."""


class HashGrid:
    """Features of positions, level after level."""

    def __init__(self, levels: list[GridLevel]) -> None:
        """Levels of equally many features, coarse to fine."""
        self.levels = levels
        self.features = levels[0].table.shape[1]
        device = levels[0].table.device
        self._rows = [_whole_rows(level.table) for level in levels]
        self._primes = torch.tensor(PRIMES, dtype=torch.int32, device=device)[:, None]

    @property
    def width(self) -> int:
        """Features of all levels."""
        return self.features * len(self.levels)

    def __call__(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n f"]:
        """The features of positions in [0, 1]^3."""
        found = torch.empty(len(points), self.width, device=points.device)
        for start in range(0, len(points), BLOCK):
            by_axis = points[start : start + BLOCK].T.contiguous()
            for i in range(len(self.levels)):
                columns = slice(i * self.features, (i + 1) * self.features)
                found[start : start + BLOCK, columns] = self._interpolated(i, by_axis)
        return found

    def _interpolated(self, number: int, points: Float[Tensor, "3 n"]) -> Float[Tensor, "n f"]:
        """The mean of the features at a cell's eight corners by the position in the cell."""
        level = self.levels[number]
        place = points * level.scale + level.shift
        cell = place.floor()
        part = place - cell
        x, y, z = torch.stack([1 - part, part], dim=1)
        weights = (x[:, None, None] * y[:, None] * z).view(8, -1, 1)
        rows = self._corner_rows(level, cell.int())
        found = self._rows[number].index_select(0, rows).view(torch.float32)
        return found.view(8, -1, self.features).mul_(weights).sum(dim=0)

    def _corner_rows(self, level: GridLevel, cell: Int32[Tensor, "3 n"]) -> Int32[Tensor, " m"]:
        if level.side is None:
            first = cell * self._primes
            x, y, z = torch.stack([first, first + self._primes], dim=1)
            rows = x[:, None, None] ^ y[:, None] ^ z
            return rows.bitwise_and_(len(level.table) - 1).view(-1)
        x, y, z = cell
        first = x + y * level.side + z * level.side**2
        along_x, along_y, along_z = (
            torch.tensor([0, step], dtype=torch.int32, device=cell.device)
            for step in (1, level.side, level.side**2)
        )
        corners = along_x[:, None, None] + along_y[:, None] + along_z
        return (first + corners.view(8, 1)).view(-1)


def _whole_rows(table: Float[Tensor, "rows f"]) -> Tensor:
    """A table's memory with each row as one element where there is a type of that size.

    Fetching single elements is faster than fetching short rows.
    """
    kinds = {2: torch.int64, 4: torch.complex128}
    kind = kinds.get(table.shape[1])
    if kind is None or (kind.is_complex and table.device.type == "mps"):
        return table
    return table.contiguous().view(kind)[:, 0]


def torch_hash_grid(table: Float[Tensor, "rows f"], shape: GridShape) -> HashGrid:
    """Nerfstudio's own encoding in torch.

    Args:
        table: all levels' rows, one level after the other, 2^log2_rows each.
        shape: its growth is rounded as nerfstudio does, in float32.

    Levels with fewer cells than rows are rearranged so that no hash is needed.
    """
    powers = shape.growth ** torch.arange(shape.levels)
    scales = torch.floor(shape.base_resolution * powers).tolist()
    levels = []
    for scale, rows in zip(scales, table.split(2**shape.log2_rows), strict=True):
        side = int(scale) + 2
        if side**3 > len(rows):
            levels.append(GridLevel(rows, scale, 0.0, None))
        else:
            levels.append(GridLevel(_unhashed(rows, side), scale, 0.0, side))
    return HashGrid(levels)


def _unhashed(table: Float[Tensor, "rows f"], side: int) -> Float[Tensor, "cells f"]:
    """The rows of all cells of a small level in order."""
    axis = torch.arange(side, dtype=torch.int32, device=table.device)
    x, y, z = (axis * prime for prime in PRIMES)
    rows = (x ^ y[:, None] ^ z[:, None, None]) & (len(table) - 1)
    return table.index_select(0, rows.view(-1))


def tcnn_hash_grid(values: Float[Tensor, " n"], shape: GridShape) -> HashGrid:
    """Tiny-cuda-nn's encoding, from as many values as `tcnn_rows` says."""
    levels = []
    for scale, side, rows in tcnn_levels(shape):
        table, values = values[: rows * shape.features], values[rows * shape.features :]
        table = table.view(rows, shape.features)
        if side**3 > rows:
            levels.append(GridLevel(table, scale, 0.5, None))
            continue
        # corners past the last cell begin again at the first row
        reach = side**3 + side**2 + side + 1
        wrapped = torch.arange(reach, device=table.device) % rows
        levels.append(GridLevel(table.index_select(0, wrapped), scale, 0.5, side))
    return HashGrid(levels)


def tcnn_rows(shape: GridShape) -> int:
    """Rows of all levels together, as tiny-cuda-nn allots them."""
    return sum(rows for _, _, rows in tcnn_levels(shape))


def tcnn_levels(shape: GridShape) -> list[tuple[float, int, int]]:
    """Scale, cells along an axis and rows of each level; in float32, as tiny-cuda-nn computes."""
    log2_growth = np.log2(np.float32(shape.growth))
    levels = []
    for i in range(shape.levels):
        grown = np.exp2(np.float32(i) * log2_growth) * np.float32(shape.base_resolution)
        scale = np.float32(grown - np.float32(1))
        side = int(np.ceil(scale)) + 1
        rows = min(-(-(side**3) // 8) * 8, 2**shape.log2_rows)
        levels.append((float(scale), side, rows))
    return levels
