"""An object that stands on something flat ends there.

Nobody sees where an object touches its support. The votes' smooth continuation (`completion`) sags
below the contact there. But the support beside the object is seen: where it is flat, its plane goes
on under the object, and all below it is not the object.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy import ndimage
from torch import Tensor

from ..fields.protocol import RadianceField
from ..mask_grids.mask_grid import region_nodes

CONTACT_NODES = 3
"""Nodes around the object's in which another's votes count as a contact."""
FEWEST_CONTACTS = 60
"""Contact nodes that a plane can be told from."""
FLAT_SHARE = 0.78
"""Contact nodes that must lie in the plane."""
SEEN_FLAT_SHARE = 0.5
"""The same of all that is seen around the object, other things included."""
FLATNESS, FLATNESS_NODES = 0.03, 1.5
"""Distance from the plane up to which they do: a part of the object's size, or nodes if more."""
MOST_BELOW, SEEN_MOST_BELOW = 0.02, 0.1
"""Nodes of the object that may lie below the plane by more than that: voted ones, or all."""
TRIALS = 300
"""Planes through three contact nodes that are tried."""


@dataclass(frozen=True)
class Plane:
    """Where ``normal · x + offset`` is zero; positive on the object's side. Field frame."""

    normal: Float[Tensor, " 3"]
    offset: float

    def height(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Signed distance."""
        return points @ self.normal + self.offset


def end_at_support(
    field: RadianceField,
    values: Float[Tensor, "x y z"],
    share: Float[Tensor, "x y z"],
    lower: Float[Tensor, " 3"],
    upper: Float[Tensor, " 3"],
) -> Float[Tensor, "x y z"]:
    """The object's values, where nothing below a flat support is the object but what was voted for.

    Args:
        values: from `completion.fill_solid`, positive in the object.
        share: the votes themselves, zero where nobody voted.
        lower, upper: the region, grid frame.
    """
    a, b, c = share.shape
    points = field.field_from_grid(region_nodes(lower, upper, (a, b, c), slice(0, a)))
    spacing = float((points[1] - points[0]).norm())
    plane = support_plane(points, share, spacing)
    if plane is None:
        return values
    height = plane.height(points).view(share.shape) / spacing
    return torch.where(share > 0, values, torch.minimum(values, height.clamp(-1, 1)))


def support_plane(
    points: Float[Tensor, "n 3"], share: Float[Tensor, "x y z"], spacing: float
) -> Plane | None:
    """The plane of what the object touches; None where that is not flat, or not on one side of it.

    Args:
        points: the nodes, field frame.
        share: votes, positive for the object and negative for what is not.
        spacing: between two nodes.
    """
    own = (share > 0).cpu().numpy()
    near = ndimage.binary_dilation(own, iterations=CONTACT_NODES)
    contact = near & (share < 0).cpu().numpy()
    return _plane_below(points, own, contact, spacing, (FLAT_SHARE, MOST_BELOW))


def seen_plane(
    points: Float[Tensor, "n 3"],
    values: Float[Tensor, "x y z"],
    free: Bool[Tensor, "x y z"],
    spacing: float,
) -> Plane | None:
    """The plane that most of what is seen around an object lies in; None as in `support_plane`.

    Args:
        points: the nodes, field frame.
        values: positive in the object, negative in what is not.
        free: nodes that are looked through.
        spacing: between two nodes.
    """
    own, air = (values > 0).cpu().numpy(), free.cpu().numpy()
    seen = ndimage.binary_dilation(air) & ~air & (values < 0).cpu().numpy()
    return _plane_below(points, own, seen, spacing, (SEEN_FLAT_SHARE, SEEN_MOST_BELOW))


def _plane_below(
    points: Float[Tensor, "n 3"],
    own: Bool[np.ndarray, "x y z"],
    others: Bool[np.ndarray, "x y z"],
    spacing: float,
    limits: tuple[float, float],
) -> Plane | None:
    """The plane of most of the other nodes; None where it is not of enough, or cuts the object.

    Args:
        limits: least share of the others in it, most share of the object below it.
    """
    places = points.cpu().double().numpy()
    touched, voted = places[others.reshape(-1)], places[own.reshape(-1)]
    if len(touched) < FEWEST_CONTACTS:
        return None
    tolerance = max(FLATNESS_NODES * spacing, FLATNESS * float(np.ptp(voted, axis=0).max()))
    normal, offset = _most_common_plane(touched, tolerance)
    if np.median(voted @ normal) + offset < 0:
        normal, offset = -normal, -offset
    flat = np.abs(touched @ normal + offset) <= tolerance
    below = voted @ normal + offset < -tolerance
    if flat.mean() < limits[0] or below.mean() > limits[1]:
        return None
    return Plane(torch.from_numpy(normal).to(points), float(offset))


def _most_common_plane(
    points: Float[np.ndarray, "n 3"], tolerance: float
) -> tuple[Float[np.ndarray, " 3"], float]:
    """Unit normal and offset of the plane near most points, fitted to these (RANSAC)."""
    rng = np.random.default_rng(0)
    a, b, c = points[rng.integers(len(points), size=(3, TRIALS))]
    normals = np.cross(b - a, c - a)
    length = np.linalg.norm(normals, axis=1)
    normals, a = normals[length > 0] / length[length > 0, None], a[length > 0]
    if not len(normals):
        return np.array([0.0, 0.0, 1.0]), 0.0
    some = points[rng.integers(len(points), size=2000)]
    off = np.abs(some @ normals.T - (a * normals).sum(axis=1))
    best = int((off <= tolerance).sum(axis=0).argmax())
    flat = points[np.abs((points - a[best]) @ normals[best]) <= tolerance]
    middle = flat.mean(axis=0)
    normal = np.linalg.svd(flat - middle, full_matrices=False)[2][2]
    return normal, -float(middle @ normal)
