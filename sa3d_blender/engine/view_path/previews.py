"""Small pictures of the views as they are voted on, for whoever watches a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8

from ...core.files import written_whole
from ...core.png import encode_png

SIDE = 192
"""Longer side of a preview in pixels, at most."""
TINT = 0.55
"""How much of a masked pixel is the object's colour."""
KEPT = 4
"""Files that are written in turn, so that the one being read is not the one being replaced."""


@dataclass
class Previews:
    """Writes a picture for each view into a folder and tells where.

    Attributes:
        folder: for the files.
        colors: red, green and blue in [0, 1] by object.
        written: called with each file.
    """

    folder: Path
    colors: Mapping[str, Sequence[float]]
    written: Callable[[Path], None]
    _count: int = 0

    def show(
        self, image: UInt8[np.ndarray, "h w 3"], masks: Mapping[str, Bool[np.ndarray, "h w"]]
    ) -> None:
        """Write a view with the objects' masks tinted."""
        step = -(-max(image.shape[:2]) // SIDE)
        path = self.folder / f"view_{self._count % KEPT}.png"
        self._count += 1
        small = image[::step, ::step].astype(np.float32)
        for name, mask in masks.items():
            color = np.array(self.colors.get(name, (0.1, 0.9, 0.2)), np.float32) * 255
            inside = mask[::step, ::step]
            small[inside] = (1 - TINT) * small[inside] + TINT * color
        with written_whole(path) as temporary:
            temporary.write_bytes(encode_png(small.astype(np.uint8)))
        self.written(path)
