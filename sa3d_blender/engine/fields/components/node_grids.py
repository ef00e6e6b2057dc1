"""Values between the nodes of a dense grid; its first and last nodes lie at -1 and 1."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional


def rows_of(grid: Float[Tensor, "c h w"]) -> Float[Tensor, "n c"]:
    """Channel-last rows, one per node, so that one node is one contiguous read."""
    return grid.flatten(1).T.contiguous()


def weighted_rows(
    table: Float[Tensor, "m c"], index: Tensor, weights: Float[Tensor, "n k"]
) -> Float[Tensor, "n c"]:
    """Sum of ``k`` rows of a table per point, each with its weight; float32 whatever the table."""
    if table.device.type == "cpu" and table.dtype == weights.dtype:
        return functional.embedding_bag(index, table, mode="sum", per_sample_weights=weights)
    return (table[index] * weights[..., None]).sum(dim=1)


def axis_corners(
    coordinates: Float[Tensor, " n"], nodes: int
) -> tuple[Tensor, Float[Tensor, " n"]]:
    """The lower node [n] and the position between it and the next, for coordinates in [-1, 1]."""
    position = ((coordinates + 1) * ((nodes - 1) / 2)).clamp(0, nodes - 1)
    lower = position.floor().clamp_max(max(nodes - 2, 0))
    return lower.long(), position - lower


def cell_corners(
    points: Float[Tensor, "n 3"], sizes: tuple[int, int, int]
) -> tuple[Int64[Tensor, "n 8"], Float[Tensor, "n 8"]]:
    """The nodes around each point in [-1, 1]^3, numbered with x slowest, and their shares."""
    lower, share = [], []
    for axis, nodes in enumerate(sizes):
        low, fraction = axis_corners(points[:, axis], nodes)
        lower.append(torch.stack([low, (low + 1).clamp_max(nodes - 1)], dim=1))
        share.append(torch.stack([1 - fraction, fraction], dim=1))
    row = lower[0][:, :, None] * sizes[1] + lower[1][:, None, :]
    index = row[..., None] * sizes[2] + lower[2][:, None, None, :]
    weights = share[0][:, :, None, None] * share[1][:, None, :, None]
    return index.flatten(1), (weights * share[2][:, None, None, :]).flatten(1)


def trilinear(volume: Float[Tensor, "z y x"], points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
    """Values of a volume between its nodes, for points in [-1, 1]^3.

    torch parallelises this over the batch only, so the points are dealt out as a batch of views
    of the same volume.
    """
    if points.device.type == "mps":
        return gathered_trilinear(volume, points)
    n = points.shape[0]
    threads = torch.get_num_threads() if points.device.type == "cpu" else 1
    batch = max(1, min(threads, n // 1024))
    padded = functional.pad(points, (0, 0, 0, -n % batch)) if n % batch else points
    values = functional.grid_sample(
        volume.expand(batch, 1, *volume.shape),
        padded.view(batch, 1, 1, -1, 3),
        align_corners=True,
    )
    return values.reshape(-1)[:n]


def gathered_trilinear(
    volume: Float[Tensor, "z y x"], points: Float[Tensor, "n 3"]
) -> Float[Tensor, " n"]:
    """Trilinear interpolation by plain indexing, for devices whose torch lacks the operation."""
    depth, height, width = volume.shape
    index, weights = cell_corners(points.flip(1), (depth, height, width))
    return (volume.reshape(-1)[index] * weights).sum(dim=1)
