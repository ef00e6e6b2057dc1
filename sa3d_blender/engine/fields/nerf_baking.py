"""What a NeRF's networks leave unsaid and rays should know: where there is anything at all.

The networks can only be asked point by point. Asking once, on a grid of cells, lets every later
view skip the empty ones. The answer is kept in the user's cache folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ...core.errors import UserError
from ...core.files import written_whole
from .nerf_network import NerfNetwork, NetworkWeights
from .nerf_scene import NerfScene
from .occupancy import CellGrid
from .user_cache import cache_folder

CELLS = 128
"""Cells along the longest side of the region."""
EMPTY_ALPHA = 1e-3
"""A cell whose middle is less opaque than this, over the cell's length, counts as empty unless
one of its neighbours is not."""
VERSION = 1
"""Of the cached files' content; files of other versions are not found."""


@dataclass(frozen=True)
class OccupiedCells:
    """Bitmaps over the scene's region, axes z, y, x."""

    coarse: Bool[Tensor, "z y x"]
    fine: Bool[Tensor, "z y x"]
    region: Float[Tensor, "2 3"]
    """The box that the cells divide, model space."""

    def grids(self, box: Float[Tensor, "2 3"]) -> tuple[CellGrid, CellGrid]:
        """Both bitmaps for the grid frame that stretches ``box`` (model space), each True cell
        grown by one to all sides."""
        cells = torch.tensor(self.fine.shape[::-1], device=box.device)
        per_unit = cells / (self.region[1] - self.region[0])
        scale = per_unit * (box[1] - box[0]) / 2
        offset = ((box[0] + box[1]) / 2 - self.region[0]) * per_unit
        coarse, fine = (CellGrid(b, scale, offset).dilated() for b in (self.coarse, self.fine))
        return coarse, fine


def occupied_cells(coarse: NerfNetwork, fine: NerfNetwork, scene: NerfScene) -> OccupiedCells:
    """The cells in which the networks have density, from the cache or computed and cached.

    A cache that is missing, damaged or cannot be written costs time, nothing else.
    """
    region = torch.tensor(scene.region, device=fine.weights.density.bias.device)
    shape = _cells_along(region)
    path = cache_folder() / "nerf" / f"{_key(coarse.weights, fine.weights, scene)}.npz"
    found = _cached(path, shape)
    if found is None:
        centers = list(_centers(region, shape))
        length = float(((region[1] - region[0]) / torch.tensor(shape[::-1])).max())
        threshold = EMPTY_ALPHA / length
        found = [
            torch.stack([(network.density(c) > threshold).view(shape[1:]) for c in centers]).cpu()
            for network in (coarse, fine)
        ]
        _keep(path, found)
    bitmaps = [bitmap.to(region.device) for bitmap in found]
    return OccupiedCells(bitmaps[0], bitmaps[1], region)


def _cells_along(region: Float[Tensor, "2 3"]) -> tuple[int, int, int]:
    """Cells along z, y, x; about cubes."""
    extent = region[1] - region[0]
    x, y, z = (max(1, round(CELLS * float(side / extent.max()))) for side in extent)
    return z, y, x


def _centers(
    region: Float[Tensor, "2 3"], shape: tuple[int, int, int]
) -> Iterator[Float[Tensor, "n 3"]]:
    """The middles of one layer of cells after the other, x fastest."""
    x, y, z = (
        region[0, axis]
        + (torch.arange(count, device=region.device) + 0.5)
        * ((region[1, axis] - region[0, axis]) / count)
        for axis, count in enumerate(reversed(shape))
    )
    rows, columns = torch.meshgrid(y, x, indexing="ij")
    for height in z:
        yield torch.stack([columns, rows, height.expand_as(rows)], dim=-1).view(-1, 3)


def _key(coarse: NetworkWeights, fine: NetworkWeights, scene: NerfScene) -> str:
    """A name that is another one for any other weights or region."""
    digest = hashlib.sha256(f"{VERSION} {CELLS} {EMPTY_ALPHA} {scene.region}".encode())
    for weights in (coarse, fine):
        for field in fields(weights):
            value = getattr(weights, field.name)
            for layer in value if field.name == "trunk" else (value,):
                for tensor in (getattr(layer, name, None) for name in ("weight", "bias")):
                    if tensor is not None:
                        digest.update(str(tuple(tensor.shape)).encode())
                        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:32]


def _cached(path: Path, shape: tuple[int, int, int]) -> list[Tensor] | None:
    count = shape[0] * shape[1] * shape[2]
    try:
        with np.load(path, allow_pickle=False) as file:
            packed = [file[name] for name in ("coarse", "fine")]
    except Exception:  # the reader raises whatever the damage happens to trigger
        return None
    if any(bits.dtype != np.uint8 or bits.shape != (-(-count // 8),) for bits in packed):
        return None
    bitmaps = [np.unpackbits(bits)[:count].astype(bool).reshape(shape) for bits in packed]
    return [torch.from_numpy(bitmap) for bitmap in bitmaps]


def _keep(path: Path, bitmaps: list[Bool[Tensor, "z y x"]]) -> None:
    coarse, fine = (np.packbits(bitmap.numpy().reshape(-1)) for bitmap in bitmaps)
    with suppress(UserError, OSError), written_whole(path) as temporary:
        np.savez_compressed(temporary, coarse=coarse, fine=fine)
