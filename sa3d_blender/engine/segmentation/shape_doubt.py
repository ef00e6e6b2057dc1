"""Whether what a run found looks like an object: not loose blobs, and not next to nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..mask_grids.result import SegmentedObject

LOOSE = 2 / 3
"""Of an object's nodes, those of its largest piece; with fewer it is taken for loose blobs."""
FEWEST_NODES = 64
"""Of an object that is more than next to nothing: a cube of four."""


@dataclass(frozen=True)
class Shape:
    """Of what was found: its nodes and how they hang together."""

    nodes: int
    pieces: int
    largest: float
    """Share of the nodes that the largest piece has, from 0 to 1."""

    @staticmethod
    def of(entry: SegmentedObject) -> Shape:
        """Of a run's object; pieces that touch at a corner are one."""
        inside = (entry.values > 0).cpu().numpy()
        piece, count = ndimage.label(inside, np.ones((3, 3, 3)))
        sizes = np.bincount(piece[inside], minlength=count + 1)
        total = int(sizes.sum())
        return Shape(total, count, float(sizes.max()) / total if total else 0.0)

    @property
    def is_rubbish(self) -> bool:
        """Whether it is no object, however much the views agree."""
        return self.nodes < FEWEST_NODES or self.largest < LOOSE

    def note(self, name: str) -> str:
        """What is doubtful and what helps; empty where it looks like an object."""
        helps = "add points in the view that agrees least, or choose a better segmenter."
        if self.nodes < FEWEST_NODES:
            return f"Next to nothing was found of {name!r}; {helps}"
        if self.largest < LOOSE:
            return f"{name!r} came out as {self.pieces} loose pieces; {helps}"
        return ""
