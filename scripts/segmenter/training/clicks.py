"""Simulated artists: first clicks, boxes, several points at once, and correcting clicks."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

Mask = Bool[np.ndarray, "h w"]


def depth(mask: Mask) -> Float[np.ndarray, "h w"]:
    """Distance of each pixel of the mask to its outline (the picture's edge counts), in pixels."""
    inside = np.zeros(mask.shape, np.float32)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if len(rows) == 0:
        return inside
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    inside[window] = ndimage.distance_transform_edt(np.pad(mask[window], 1))[1:-1, 1:-1]
    return inside


def pick(rng: np.random.Generator, allowed: Mask) -> tuple[float, float]:
    """Centre (x, y) of a random pixel of a mask that has at least one."""
    chosen = rng.choice(np.flatnonzero(allowed))
    row, column = divmod(int(chosen), allowed.shape[1])
    return column + 0.5, row + 0.5


def deepest(mask: Mask) -> tuple[float, float]:
    """Centre (x, y) of the pixel farthest from the outline."""
    row, column = divmod(int(depth(mask).argmax()), mask.shape[1])
    return column + 0.5, row + 0.5


def first_click(rng: np.random.Generator, mask: Mask) -> tuple[float, float]:
    """Mostly near the middle, sometimes anywhere on the object: (x, y)."""
    inside = depth(mask)
    least = rng.choice([0.0, 0.4, 0.8], p=[0.2, 0.35, 0.45]) * inside.max()
    return pick(rng, (inside > 0) & (inside >= least))


def several_clicks(
    rng: np.random.Generator, mask: Mask, positive: int, negative: int
) -> list[tuple[float, float, int]]:
    """Points inside the object, and outside it but mostly not far away: (x, y, label)."""
    inside = depth(mask)
    safe = (inside > 0) & (inside >= 0.25 * inside.max())
    found = [(*pick(rng, safe), 1) for _ in range(positive)]
    near = ndimage.binary_dilation(mask, iterations=12) & ~mask
    outside = near if rng.random() < 0.7 and near.any() else ~mask
    if not outside.any():
        return [*found, *[(*pick(rng, safe), 1) for _ in range(negative)]]
    return [*found, *[(*pick(rng, outside), 0) for _ in range(negative)]]


def correcting_click(rng: np.random.Generator, wanted: Mask, got: Mask) -> tuple[float, float, int]:
    """In the middle of the largest error; on the object again when there is hardly any."""
    missing, spilled = depth(wanted & ~got), depth(got & ~wanted)
    field, label = (missing, 1) if missing.max() >= spilled.max() else (spilled, 0)
    if field.max() <= 1:
        return (*first_click(rng, wanted), 1)
    return (*pick(rng, field >= 0.8 * field.max()), label)


def jittered_box(rng: np.random.Generator, mask: Mask) -> Float[np.ndarray, " 4"]:
    """x0, y0, x1, y1 around the mask, each side off by up to a tenth of the object's size."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], float)
    size = np.tile(box[2:] - box[:2], 2)
    side = float(mask.shape[0])
    return (box + rng.normal(0, 0.05, 4).clip(-0.1, 0.1) * size).clip(0, side)
