"""DirectVoxGO's two kinds of grids, turned to the axes that the rest of the engine uses.

The file's tensors have axes x, y, z; here volumes have z, y, x. A factored grid has the same three
products as TensoRF's vector-matrix decomposition, in the same order, so it becomes one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from ..components.decomposition import LAYERS_AT_ONCE, Decomposition
from ..components.node_grids import cell_corners, rows_of, weighted_rows
from ..files.checkpoint_file import bad_weights, checked_weight

MAX_NODES = 2**28
"""Largest number of nodes of a density volume (1 GiB) that is computed from factors."""
VECTOR_NAMES = ("z_vec", "y_vec", "x_vec")
"""Each the vector that goes with ``xy_plane``, ``xz_plane`` and ``yz_plane``."""


@runtime_checkable
class FeatureGrid(Protocol):
    """The colour features (``k0``) at any point."""

    channels: int

    def __call__(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n c"]:
        """Features at grid-frame points inside [-1, 1]^3."""
        ...


class DenseFeatures:
    """A volume of several channels between whose nodes is interpolated.

    Args:
        volume: file's axes, channels first.
    """

    def __init__(self, volume: Float[Tensor, "c x y z"]) -> None:
        self.channels = volume.shape[0]
        self._size = (volume.shape[1], volume.shape[2], volume.shape[3])
        self._rows = rows_of(volume.flatten(2))

    def __call__(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n c"]:
        """Features at grid-frame points inside [-1, 1]^3."""
        return weighted_rows(self._rows, *cell_corners(points, self._size))


class FactoredFeatures:
    """Products of planes and vectors, times a matrix.

    Args:
        products: the factors.
        basis: from products to features (the file's ``f_vec``).
    """

    def __init__(self, products: Decomposition, basis: Float[Tensor, "p c"]) -> None:
        self.channels = basis.shape[1]
        self._products = products
        self._basis = basis

    def __call__(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n c"]:
        """Features at grid-frame points inside [-1, 1]^3."""
        return self._products.projected(points, self._basis)


@dataclass(frozen=True)
class GridReader:
    """Grids of a checkpoint's table of tensors, by name."""

    state: dict[str, Any]
    path: Path
    """The file, for messages."""
    device: torch.device

    def weight(self, name: str, shape: tuple[int | None, ...]) -> Tensor:
        """The tensor of that name; raises UserError (``bad_weights``) when it does not fit."""
        return checked_weight(self.state, name, shape, path=self.path).to(self.device)

    def volume(self, name: str) -> Float[Tensor, "z y x"]:
        """A grid of one channel as a volume, factored or not."""
        if f"{name}.xy_plane" not in self.state:
            dense = self.weight(self._dense_name(name), (1, 1, None, None, None))
            self._check_size(tuple(dense.shape[2:]))
            return dense[0, 0].permute(2, 1, 0).contiguous()
        factors = self._factors(name)
        x, y, z = factors.grid_size
        volume = torch.empty(z, y, x, device=self.device)
        for start in range(0, z, LAYERS_AT_ONCE):
            part = slice(start, start + LAYERS_AT_ONCE)
            volume[part] = factors.layers(part)
        return volume

    def features(self, name: str, channels: int) -> FeatureGrid:
        """A grid of several channels; its size may differ from other grids'."""
        if f"{name}.xy_plane" not in self.state:
            dense = self.weight(self._dense_name(name), (1, channels, None, None, None))
            self._check_size(tuple(dense.shape[2:]))
            return DenseFeatures(dense[0])
        factors = self._factors(name)
        basis = self.weight(f"{name}.f_vec", (factors.channels, channels))
        return FactoredFeatures(factors, basis)

    def _dense_name(self, name: str) -> str:
        """Files from before April 2022 keep the grid under its bare name."""
        return f"{name}.grid" if f"{name}.grid" in self.state or name not in self.state else name

    def _factors(self, name: str) -> Decomposition:
        xy = self.weight(f"{name}.xy_plane", (1, None, None, None))[0]
        ranks, x, y = xy.shape
        yz = self.weight(f"{name}.yz_plane", (1, None, y, None))[0]
        rank, _, z = yz.shape
        size = (x, y, z)
        self._check_size(size)
        xz = self.weight(f"{name}.xz_plane", (1, rank, x, z))[0]
        shapes = ((1, ranks, z, 1), (1, rank, y, 1), (1, rank, x, 1))
        vectors = [
            self.weight(f"{name}.{vector}", shape)[0, :, :, 0]
            for vector, shape in zip(VECTOR_NAMES, shapes, strict=True)
        ]
        planes = [plane.transpose(1, 2).contiguous() for plane in (xy, xz, yz)]
        return Decomposition(planes, vectors, size)

    def _check_size(self, size: tuple[int, ...]) -> None:
        if min(size) < 2 or math.prod(size) > MAX_NODES:
            text = "x".join(map(str, size))
            raise bad_weights(self.path, f"its grid of {text} is unbelievably small or large")
