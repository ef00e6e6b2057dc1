"""The objects of a run while they are being cut out: coloured points, as far as the votes know.

Written after the first views and then now and again, for whoever watches the run. A point is a
pixel of a view: where its ray meets the surface, if the view's mask covers it and the votes of all
views so far say that it is the object. So it is little work beside a view's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from ...core.point_cloud import PointCloud
from ..fields.protocol import RadianceField
from ..fields.rays import first_surface
from ..rendering.point_cloud import SURFACE_OPACITY, evenly_spaced
from ..view_path.prepared_views import PreparedView
from .object_votes import ObjectVotes

DOUBLING, EVERY = 8, 8
"""Written after view 1, 2, 4, 8, and after every eighth from there on."""
STRIDE = 2
"""Every so many pixels of a view, each way, give a point."""
POINTS = 4000
"""Most points of one object."""
KEPT = 4
"""Files that are written in turn, so that the one being read is not the one being replaced."""


@dataclass(frozen=True)
class SeenSurface:
    """What one view sees, at some of its pixels."""

    pixels: Int64[Tensor, " n"]
    """Row * width + column."""
    points: Float[Tensor, "n 3"]
    """Grid frame."""
    colors: UInt8[np.ndarray, "n 3"]

    @staticmethod
    def of(prepared: PreparedView) -> SeenSurface:
        """The surfaces in a view."""
        camera, samples = prepared.view.camera, prepared.view.samples
        first = first_surface(samples, camera.width * camera.height, SURFACE_OPACITY)
        pixels = samples.ray_index[first]
        row = torch.div(pixels, camera.width, rounding_mode="floor")
        kept = (row % STRIDE == 0) & ((pixels - row * camera.width) % STRIDE == 0)
        pixels, first = pixels[kept], first[kept]
        colors = prepared.picture.reshape(-1, 3)[pixels.cpu().numpy()]
        return SeenSurface(pixels, samples.points[first], colors)


@dataclass
class CoarseObjects:
    """Writes the points and tells where.

    Attributes:
        folder: for the files.
        written: called with the objects' files by name.
    """

    folder: Path
    written: Callable[[dict[str, Path]], None]
    _visits: int = 0
    _writes: int = 0
    _seen: dict[int, SeenSurface] = field(default_factory=dict)

    def visited(
        self,
        field_: RadianceField,
        objects: Iterable[ObjectVotes],
        views: Mapping[int, PreparedView],
    ) -> None:
        """One more view has voted; write when it is time."""
        self._visits += 1
        if not is_time(self._visits):
            return
        files = {}
        self._writes += 1
        for number, votes in enumerate(objects):
            path = self.folder / f"object_{number}_{self._writes % KEPT}.npz"
            self._points(field_, votes, views).save(path)
            files[votes.prompt.name] = path
        self.written(files)

    def _points(
        self, field_: RadianceField, votes: ObjectVotes, views: Mapping[int, PreparedView]
    ) -> PointCloud:
        points, colors = [], []
        for index, mask in votes.masks.items():
            if index not in self._seen:
                self._seen[index] = SeenSurface.of(views[index])
            seen = self._seen[index]
            covered = torch.from_numpy(np.ascontiguousarray(mask)).to(seen.pixels.device).view(-1)
            kept = covered[seen.pixels].nonzero()[:, 0]
            points.append(seen.points[kept])
            colors.append(seen.colors[kept.cpu().numpy()])
        if not points:
            return PointCloud(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.uint8), 1.0)
        together = torch.cat(points)
        share = votes.grid.share_at(together, votes.settings.negative_weight)
        kept = (share > 0).nonzero()[:, 0]
        placed = field_.field_from_grid(together[kept]).cpu().numpy().astype(np.float32)
        chosen, spacing = evenly_spaced(placed, POINTS)
        return PointCloud(
            placed[chosen], np.concatenate(colors)[kept.cpu().numpy()][chosen], spacing
        )


def is_time(visits: int) -> bool:
    """Whether points are written after so many views.

    >>> [visits for visits in range(1, 26) if is_time(visits)]
    [1, 2, 4, 8, 16, 24]
    """
    if visits <= DOUBLING:
        return visits & (visits - 1) == 0
    return visits % EVERY == 0
