"""What networks answer on a grid of cells: asked once, kept for the next time.

Networks can only be asked point by point. Asking at the middles of all cells once lets every later
view skip the empty ones, or look up what need not be exact. The answers are kept in the user's
cache folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ....core.errors import UserError
from ....core.files import written_whole
from ....core.user_cache import cache_folder, mark_used, prune_cache
from ...run import Run

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
    count = shape[0] * shape[1] * shape[2]

    def packed() -> list[np.ndarray]:
        return [np.packbits(bitmap.cpu().numpy().reshape(-1)) for bitmap in make()]

    found = _cached(family, key, names, ((-(-count // 8),), np.uint8), packed)
    bitmaps = [np.unpackbits(bits)[:count].astype(bool).reshape(shape) for bits in found]
    return [torch.from_numpy(bitmap) for bitmap in bitmaps]


def baked_volumes(
    family: str, key: str, names: Sequence[str], shape: Shape, make: Callable[[], list[Tensor]]
) -> list[Float[Tensor, "z y x"]]:
    """Volumes of numbers from the cache, or made and cached; see `baked_bitmaps`.

    The cache keeps them in half precision.
    """

    def rounded() -> list[np.ndarray]:
        return [volume.cpu().numpy().astype(np.float16) for volume in make()]

    found = _cached(family, key, names, (shape, np.float16), rounded)
    return [torch.from_numpy(volume).float() for volume in found]


def weights_key(head: str, tensors: Iterable[Tensor]) -> str:
    """A key for the cache, which is another one for any other weights.

    Args:
        head: whatever else the baked content depends on.
        tensors: the weights, in an order that stays.
    """
    digest = hashlib.sha256(head.encode())
    for tensor in tensors:
        digest.update(str(tuple(tensor.shape)).encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:32]


def cell_centers(
    region: Float[Tensor, "2 3"], shape: Shape, run: Run
) -> Iterator[Float[Tensor, "n 3"]]:
    """The middles of one layer of cells after the other, x fastest.

    Args:
        region: smallest and largest corner of all cells.
        shape: their number along each axis.
        run: is told before each layer; a cancel ends the baking there.
    """
    x, y, z = (
        region[0, axis]
        + (torch.arange(count, device=region.device) + 0.5)
        * ((region[1, axis] - region[0, axis]) / count)
        for axis, count in enumerate(reversed(shape))
    )
    rows, columns = torch.meshgrid(y, x, indexing="ij")
    for height in z:
        run.progress("load", 0, 1, "Preparing it, only this first time")
        yield torch.stack([columns, rows, height.expand_as(rows)], dim=-1).view(-1, 3)


def _cached(
    family: str,
    key: str,
    names: Sequence[str],
    wanted: tuple[tuple[int, ...], type],
    make: Callable[[], list[np.ndarray]],
) -> list[np.ndarray]:
    """Arrays of the wanted shape and kind from a file of the cache, or made and put there."""
    path = cache_folder() / family / f"{key}.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            found = [file[name] for name in names]
    except Exception:  # the reader raises whatever the damage happens to trigger
        found = []
    if found and all((array.shape, array.dtype) == wanted for array in found):
        mark_used(path)
        return found
    made = make()
    with suppress(UserError, OSError), written_whole(path) as temporary:
        np.savez_compressed(temporary, **dict(zip(names, made, strict=True)))
    prune_cache()
    return made
