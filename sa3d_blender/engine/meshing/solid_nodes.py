"""Which nodes of a region lie inside something, and which of these belong to an object."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float
from scipy import ndimage
from torch import Tensor

from ..fields.protocol import RadianceField
from ..mask_grids.result import SegmentedObject
from ..run import Run

CHUNK = 1 << 18
SLAB_NODES = 1 << 21
"""Bounds the memory of what has more numbers for a node than the few that are kept."""
MASK_SMOOTHING = 1.0
"""Standard deviation, in cells, of the smoothing of the mask's own border."""

Nodes = Float[np.ndarray, "x y z"]
"""Values on the nodes of a region."""


def slabs(shape: tuple[int, int, int], nodes: int = SLAB_NODES) -> Iterator[slice]:
    """Parts along x of a region's nodes, of about so many each."""
    thickness = max(1, nodes // (shape[1] * shape[2]))
    for first in range(0, shape[0], thickness):
        yield slice(first, min(first + thickness, shape[0]))


def widened(slab: slice, halo: int, count: int) -> tuple[slice, slice]:
    """A slab with a halo inside ``count`` nodes, and where in it the slab itself is."""
    wide = slice(max(0, slab.start - halo), min(count, slab.stop + halo))
    return wide, slice(slab.start - wide.start, slab.stop - wide.start)


def solidity(
    field: RadianceField,
    nodes: Float[Tensor, "n 3"],
    shape: tuple[int, int, int],
    level: float,
    run: Run,
) -> Nodes:
    """Positive where the density is over ``level``, about linear across the surface, in [-1, 1].

    Args:
        nodes: grid frame, x slowest.
        shape: nodes along x, y, z.
    """
    density = []
    for part in nodes.split(CHUNK):
        run.check()
        density.append(field.density(part))
    values = (torch.cat(density) / level).clamp(0, 2).view(shape) - 1
    return np.asarray(values.cpu().numpy(), dtype=np.float32)


def votes_over(entry: SegmentedObject, threshold: float) -> Float[Tensor, "x y z"]:
    """An object's values over the threshold; zero stays what it means: nobody knows.

    Args:
        threshold: from -1 to 1; of the paper's unbounded score, a part of its largest value.
    """
    scale = float(entry.values.abs().max()) if entry.soft else 1.0
    over = entry.values - threshold * max(scale, 1e-9)
    return torch.where(entry.values == 0, 0.0, over)


def belonging(votes: Float[np.ndarray, "x y z"], solid: Nodes) -> Nodes:
    """Positive where nodes belong to the object: votes, continued into the air and smoothed.

    Without the continuation smoothing would shrink the object.

    Args:
        votes: zero where nobody knows.
        solid: see `solidity`.
    """
    known = (votes != 0) & (solid > 0)
    decided = np.asarray(votes, dtype=np.float32)
    if known.any():
        nearest = ndimage.distance_transform_edt(
            ~known, return_distances=False, return_indices=True
        )
        decided = np.sign(decided)[tuple(nearest)]
    return np.asarray(ndimage.gaussian_filter(decided, MASK_SMOOTHING), dtype=np.float32)
