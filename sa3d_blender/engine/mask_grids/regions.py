"""Boxes in the grid frame: around points, around a target, and how large they are in the scene."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..fields.protocol import RadianceField
from ..view_path.views import Target

REGION_MARGIN = 1.8
"""Half the side of an object's first region over its estimated radius."""
REACH = 3.0
"""Side of the box beyond which nothing can be the object, over that of its first region."""
DEEPEST = 2.0
"""Depth of a region of a forward-facing field over its width, as far as cells are concerned: there
depth grows to infinity, and cubes as deep would leave no cells across."""


def side_lengths(
    field: RadianceField, lower: Float[Tensor, " 3"], upper: Float[Tensor, " 3"]
) -> Float[Tensor, " 3"]:
    """Lengths of a grid-frame region's sides in the field frame, measured through its middle.

    The depth of one in a forward-facing field counts up to `DEEPEST` times its width.
    """
    corners = torch.stack([lower, upper])
    middle = corners.mean(dim=0).repeat(6, 1)
    for axis in range(3):
        middle[2 * axis : 2 * axis + 2, axis] = corners[:, axis]
    points = field.field_from_grid(middle)
    lengths = (points[1::2] - points[::2]).norm(dim=1)
    if field.scene == "forward_facing":
        lengths[2] = lengths[2].clamp(max=DEEPEST * float(lengths[:2].max()))
    return lengths


def quantile_box(
    points: Float[Tensor, "n 3"], tail: float
) -> tuple[Float[Tensor, " 3"], Float[Tensor, " 3"]]:
    """A box around all points but the outermost ``tail`` of them on each side."""
    ordered = points.sort(dim=0).values
    first = int(tail * (len(points) - 1))
    return ordered[first], ordered[len(points) - 1 - first]


def region_of_target(
    field_: RadianceField, target: Target
) -> tuple[Float[Tensor, " 3"], Float[Tensor, " 3"]]:
    """A box around an object that was seen once, with room for what was not seen."""
    half = REGION_MARGIN * target.radius
    steps = np.stack(np.meshgrid(*[np.linspace(-half, half, 5)] * 3), axis=-1).reshape(-1, 3)
    cube = torch.from_numpy(target.center + steps).float().to(field_.device)
    points = field_.grid_from_field(cube).clamp(-1, 1)
    before = points.isnan().any(dim=1)  # of what lies behind the cameras of a forward-facing field
    lower, upper = points[~before].amin(dim=0), points[~before].amax(dim=0)
    if before.any():
        lower[2] = -1
    return lower, torch.maximum(upper, lower + 1e-3)


def reach_of(lower: Float[Tensor, " 3"], upper: Float[Tensor, " 3"]) -> Float[Tensor, "2 3"]:
    """The corners of what can be an object with this first region, grid frame."""
    middle, half = (lower + upper) / 2, REACH * (upper - lower) / 2
    return torch.stack([middle - half, middle + half]).clamp(-1, 1)


def outside_of(
    points: Float[Tensor, "s 3"], lower: Float[Tensor, " 3"], upper: Float[Tensor, " 3"]
) -> Bool[Tensor, " s"]:
    """Which points do not lie in a box."""
    return ((points < lower) | (points > upper)).any(dim=1)
