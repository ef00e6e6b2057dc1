"""Bitmaps of where networks have density: asked once on a grid of cells, kept for the next time.

Networks can only be asked point by point. Asking at the middles of all cells once lets every later
view skip the empty ones. The answer is kept in the user's cache folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ...core.errors import UserError
from ...core.files import written_whole
from ...core.user_cache import cache_folder, mark_used, prune_cache

Shape = tuple[int, int, int]
"""Cells along z, y, x."""


def baked_bitmaps(
    family: str, key: str, names: Sequence[str], shape: Shape, make: Callable[[], list[Tensor]]
) -> list[Bool[Tensor, "z y x"]]:
    """Bitmaps from the cache, or made and cached; on the CPU.

    The cache is kept small: see `core.user_cache`.

    A cache that is missing, damaged or cannot be written costs time, nothing else.

    Args:
        family: folder in the cache.
        key: another one for any other content.
        names: of the bitmaps in the cached file.
        make: computes them, one per name.
    """
    path = cache_folder() / family / f"{key}.npz"
    found = _cached(path, names, shape)
    if found is not None:
        mark_used(path)
    else:
        found = [bitmap.cpu() for bitmap in make()]
        _keep(path, names, found)
    return found


def cell_centers(region: Float[Tensor, "2 3"], shape: Shape) -> Iterator[Float[Tensor, "n 3"]]:
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


def _cached(path: Path, names: Sequence[str], shape: Shape) -> list[Tensor] | None:
    count = shape[0] * shape[1] * shape[2]
    try:
        with np.load(path, allow_pickle=False) as file:
            packed = [file[name] for name in names]
    except Exception:  # the reader raises whatever the damage happens to trigger
        return None
    if any(bits.dtype != np.uint8 or bits.shape != (-(-count // 8),) for bits in packed):
        return None
    bitmaps = [np.unpackbits(bits)[:count].astype(bool).reshape(shape) for bits in packed]
    return [torch.from_numpy(bitmap) for bitmap in bitmaps]


def _keep(path: Path, names: Sequence[str], bitmaps: list[Tensor]) -> None:
    packed = {
        name: np.packbits(bitmap.numpy().reshape(-1))
        for name, bitmap in zip(names, bitmaps, strict=True)
    }
    with suppress(UserError, OSError), written_whole(path) as temporary:
        np.savez_compressed(temporary, **packed)
    prune_cache()
