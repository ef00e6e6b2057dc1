"""Where an object stood: the rest of the scene is flat there.

Nobody saw what the object hid. Between its underside and the flat support beside it, the rest would
keep stumps and holes, painted like the object. The support's plane goes on there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy import ndimage
from torch import Tensor

from ...core.mesh import MeshData
from ..fields.protocol import RadianceField
from ..mask_grids.mask_grid import region_nodes
from ..mask_grids.result import SegmentedObject
from .smoothing import links_of
from .support_plane import Plane, seen_plane

STANDS = 10.0
"""Nodes above the plane up to which the object stands on it: a tree's crown does not."""
SURROUNDINGS = 2
"""Bins around the object's that its footprint has, too."""


PLACES = 1000
"""That the support's height is measured at."""
BLENDING = 200
"""Steps in which colours under the object become even."""


@dataclass(frozen=True)
class Footprint:
    """The part of a flat support on which an object stands. Field frame."""

    plane: Plane
    across: Float[Tensor, "2 3"]
    """Unit vectors in the plane."""
    corner: Float[Tensor, " 2"]
    """Of the first bin, along these."""
    bin: float
    """Side of a bin."""
    lowest: Float[Tensor, "a b"]
    """Above each bin of the plane, the height of the object's underside; infinite off it."""
    standing: float
    """Height of the underside up to which the object stands there."""

    def depth(self, points: Float[Tensor, "n 3"], below: float) -> Float[Tensor, " n"]:
        """How deep points lie below the support, negative between it and the object's underside.

        Args:
            below: as deep as this the footprint says what is there.

        Returns:
            NaN for points that it says nothing about.
        """
        height, lowest = self._heights(points)
        under = (height > -below) & (height < lowest) & (lowest <= self.standing)
        return torch.where(under, -height, torch.nan)

    def hidden(self, points: Float[Tensor, "n 3"], reach: float) -> Bool[Tensor, " n"]:
        """Which points of the support the object is so close above that it is seen in their place.

        Args:
            reach: as far as colours are looked for.
        """
        height, lowest = self._heights(points)
        return (height.abs() < reach / 2) & (lowest < reach + self.standing)

    def _heights(
        self, points: Float[Tensor, "n 3"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
        """Of points, and of the object's underside above them."""
        place = ((points @ self.across.T - self.corner) / self.bin).floor()
        size = torch.tensor(self.lowest.shape, device=place.device)
        inside = ((place >= 0) & (place < size)).all(dim=1)
        row, column = torch.where(inside[:, None], place, 0.0).long().T
        lowest = torch.where(inside, self.lowest[row, column], torch.inf)
        return self.plane.height(points), lowest


def footprints_of(field: RadianceField, objects: Sequence[SegmentedObject]) -> list[Footprint]:
    """Those of the objects that stand on something flat."""
    found = (footprint(field, entry) for entry in objects)
    return [one for one in found if one is not None]


def left_standing(
    field: RadianceField, objects: Sequence[SegmentedObject], places: Float[Tensor, "n 3"]
) -> Bool[Tensor, " n"]:
    """Which places are within an object, or between one and its flat support.

    Args:
        places: grid frame.
    """
    depth = depth_under(footprints_of(field, objects), field.field_from_grid(places), 0.0)
    inside = ~depth.isnan()
    for entry in objects:
        inside |= entry.at(places) > 0
    return inside


def footprint(field: RadianceField, entry: SegmentedObject) -> Footprint | None:
    """Where an object stands; None where what is seen around it is not flat."""
    a, b, c = entry.values.shape
    points = field.field_from_grid(region_nodes(entry.lower, entry.upper, (a, b, c), slice(0, a)))
    spacing = float((points[1] - points[0]).norm())
    own = (entry.values > 0).reshape(-1)
    if not own.any() or not bool(torch.isfinite(points).all()):
        return None
    plane = seen_plane(points, entry.values, entry.free, spacing)
    if plane is None:
        return None
    plane = _on_surface(field, plane, points[~own], entry.level, spacing)
    across = torch.linalg.svd(plane.normal[None])[2][1:]
    height = plane.height(points[own])
    place = points[own] @ across.T
    bin_ = 1.5 * spacing
    corner = place.amin(dim=0) - (SURROUNDINGS + 1) * bin_
    index = ((place - corner) / bin_).long()
    shape = (index.amax(dim=0) + SURROUNDINGS + 2).tolist()
    lowest = torch.full((shape[0] * shape[1],), torch.inf, device=height.device)
    lowest.scatter_reduce_(0, index[:, 0] * shape[1] + index[:, 1], height, "amin")
    around = ndimage.minimum_filter(
        lowest.view(shape[0], shape[1]).cpu().numpy(), 2 * SURROUNDINGS + 1
    )
    underside = torch.from_numpy(around + spacing).to(points)
    return Footprint(plane, across, corner, bin_, underside, STANDS * spacing)


def _on_surface(
    field: RadianceField, plane: Plane, points: Float[Tensor, "n 3"], level: float, spacing: float
) -> Plane:
    """The plane moved to where the density of most places in it reaches the surface's level.

    Nodes that are seen lie up to two of them off the surface.
    """
    there = points[plane.height(points).abs() < spacing]
    there = there[:: max(1, len(there) // PLACES)]
    steps = torch.linspace(3, -3, 61, device=points.device) * spacing
    start = there - plane.height(there)[:, None] * plane.normal
    looked = start[:, None] + steps[:, None] * plane.normal
    dense = field.density(field.grid_from_field(looked.reshape(-1, 3))) > level
    dense = dense.view(len(there), len(steps))
    dense = dense[dense.any(dim=1) & ~dense[:, 0]]
    if len(dense) == 0:
        return plane
    height = float(steps[dense.int().argmax(dim=1)].median())
    return replace(plane, offset=plane.offset - height)


def depth_under(
    footprints: Sequence[Footprint], points: Float[Tensor, "n 3"], below: float
) -> Float[Tensor, " n"]:
    """`Footprint.depth` of the first that says something, NaN where none does."""
    found = torch.full((len(points),), torch.nan, device=points.device)
    for one in footprints:
        found = torch.where(found.isnan(), one.depth(points, below), found)
    return found


def repainted(mesh: MeshData, hidden: Bool[np.ndarray, " n"]) -> MeshData:
    """The mesh with the colours of hidden vertices blended over from those around them."""
    degree, links = links_of(len(mesh.vertices), mesh.faces)
    known = ~hidden
    if not hidden.any() or not known.any():
        return mesh
    colors = np.where(known[:, None], mesh.colors, 0.0)
    while True:  # from the rim inwards
        near = links @ known.astype(float)
        new = ~known & (near > 0)
        if not new.any():
            break
        colors[new] = (links[new] @ (colors * known[:, None])) / near[new, None]
        known = known | new
    inner = links[hidden]
    for _ in range(BLENDING):
        colors[hidden] = inner @ colors / degree[hidden, None]
    return replace(mesh, colors=(colors + 0.5).astype(np.uint8))
