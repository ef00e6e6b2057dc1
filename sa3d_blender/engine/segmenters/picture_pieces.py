"""Square pieces of a picture, and low-resolution logits inside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch.nn.functional import interpolate

SURROUNDINGS = 2.5
"""Side of a piece over the extent of the object in its middle."""
WORTHWHILE = 0.4
"""Largest side of a piece over the picture's shorter one; more would show little more."""
SMALLEST = 24
"""Pixels of the smallest piece."""
NOT_SEEN = -8.0
"""Logit of what lies outside a piece."""


@dataclass(frozen=True)
class Frame:
    """A square piece of a picture, in pixels from its top left."""

    left: int
    top: int
    side: int

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the piece in the picture."""
        rows = slice(self.top, self.top + self.side)
        return rows, slice(self.left, self.left + self.side)

    def cuts(self, mask: Bool[np.ndarray, "h w"]) -> bool:
        """Whether a mask of the picture that was found in this piece reaches to where it ends.

        Where the picture ends, too, nothing is cut.
        """
        part = mask[self.window]
        height, width = mask.shape
        inner = (
            (part[:1], self.top > 0),
            (part[-1:], self.top + self.side < height),
            (part[:, :1], self.left > 0),
            (part[:, -1:], self.left + self.side < width),
        )
        return any(bool(border.any()) for border, ends in inner if ends)

    def contains(self, points: Float[np.ndarray, "n 2"]) -> Bool[np.ndarray, " n"]:
        """Which points (x, y) lie within."""
        near = points - [self.left, self.top]
        inside: Bool[np.ndarray, " n"] = ((near >= 0) & (near <= self.side)).all(axis=1)
        return inside


def corners_of(mask: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, " 4"] | None:
    """x0, y0, x1, y1 around a mask in pixels; None if it is empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if len(rows) == 0:
        return None
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], float)


def frame_around(points: Float[np.ndarray, "n 2"], shape: tuple[int, int]) -> Frame | None:
    """The piece in whose middle an object lies.

    Args:
        points: places (x, y) that the object reaches to.
        shape: height and width of the picture.

    Returns:
        None if the piece would be about as large as the picture.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    side = max(SMALLEST, round(float((high - low).max()) * SURROUNDINGS))
    if side > WORTHWHILE * min(shape):
        return None
    left, top = (
        int(np.clip((a + b - side) / 2, 0, size - side))
        for a, b, size in zip(low, high, shape[::-1], strict=True)
    )
    return Frame(left, top, side)


def cells(frame: Frame, logits_side: int, shape: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns of a piece in square logits whose longer side is the picture's."""
    scale = logits_side / max(shape)

    def along(start: int) -> slice:
        first = min(round(start * scale), logits_side - 1)
        return slice(first, max(first + 1, round((start + frame.side) * scale)))

    return along(frame.top), along(frame.left)


def cut(
    logits: Float[np.ndarray, "l l"], frame: Frame, shape: tuple[int, int]
) -> Float[np.ndarray, "l l"]:
    """A picture's logits as those of a piece of it."""
    part = np.ascontiguousarray(logits[cells(frame, len(logits), shape)])
    return _resized(part, logits.shape, mode="bilinear")


def pasted(
    logits: Float[np.ndarray, "l l"], frame: Frame, shape: tuple[int, int]
) -> Float[np.ndarray, "l l"]:
    """A piece's logits as those of the whole picture."""
    whole = np.full_like(logits, NOT_SEEN)
    area = cells(frame, len(logits), shape)
    whole[area] = _resized(logits, whole[area].shape, mode="area")
    return whole


def _resized(values: np.ndarray, shape: tuple[int, ...], mode: str) -> np.ndarray:
    align = False if mode == "bilinear" else None
    resized = interpolate(
        torch.from_numpy(values)[None, None], shape, mode=mode, align_corners=align
    )
    return resized[0, 0].numpy()
