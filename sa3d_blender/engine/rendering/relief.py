"""Relief: normal and relative depth of every pixel, as channels for the bundled segmenter.

Where a donut lies on a plate of its own colour, the picture says little and the surface says
everything. Segment Anything's own models have no input for it; the bundled one does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from PIL import Image
from scipy import ndimage

CHANNELS = 5
SMOOTHING = 1.0
"""Pixels; a NeRF's depth is rough, and slopes are differences."""
FARTHEST = 1.5
"""Limit of the channel of relative depth, in units of log2."""


@dataclass(frozen=True)
class Relief:
    """Depth of every pixel of a picture and the lens that it was seen through."""

    nearness: Float[np.ndarray, "h w"]
    """1 / depth along the view direction, in any unit; 0 where nothing is."""
    focal: tuple[float, float]
    """Focal lengths along x and y in pixels."""
    center: tuple[float, float]
    """Principal point in pixels from the top left."""

    def resized(self, height: int, width: int) -> Relief:
        """The relief of this view in another number of pixels."""
        scale_x, scale_y = width / self.nearness.shape[1], height / self.nearness.shape[0]
        picture = Image.fromarray(self.nearness.astype(np.float32))
        return Relief(
            np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR)),
            (self.focal[0] * scale_x, self.focal[1] * scale_y),
            (self.center[0] * scale_x, self.center[1] * scale_y),
        )

    def cropped(self, rows: slice, columns: slice) -> Relief:
        """What a piece of the picture shows."""
        x, y = self.center
        return Relief(self.nearness[rows, columns], self.focal, (x - columns.start, y - rows.start))

    def channels(self) -> Float[np.ndarray, "5 h w"]:
        """Camera-space normal (x right, y down, z away), relative depth, and 1 where anything is.

        The plane through neighbouring pixels is linear in 1 / depth, so its normal follows from
        that slope exactly. Relative depth is log2 of nearness over its median.
        """
        height, width = self.nearness.shape
        solid = self.nearness > 0
        if not solid.any():
            return np.zeros((CHANNELS, height, width), np.float32)
        smooth = ndimage.gaussian_filter(self.nearness.astype(np.float32), SMOOTHING)
        slope_y, slope_x = np.gradient(smooth)
        right = np.arange(0.5, width, dtype=np.float32) - np.float32(self.center[0])
        down = np.arange(0.5, height, dtype=np.float32)[:, None] - np.float32(self.center[1])
        normal = np.empty((3, height, width), np.float32)
        normal[0], normal[1] = slope_x * self.focal[0], slope_y * self.focal[1]
        normal[2] = smooth - slope_x * right - slope_y * down
        normal /= -np.maximum(np.sqrt((normal**2).sum(0)), 1e-12)
        middle = float(np.median(self.nearness[solid]))
        relative = np.log2(np.maximum(self.nearness, 1e-12) / middle).clip(-FARTHEST, FARTHEST)
        found = np.concatenate([normal, relative[None], solid[None]])
        return (found * solid).astype(np.float32)
