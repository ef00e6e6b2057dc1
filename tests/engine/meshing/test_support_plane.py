"""What stands on something flat ends there, and what does not is left alone."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sa3d_blender.engine.mask_grids.mask_grid import region_nodes
from sa3d_blender.engine.meshing.completion import fill_solid
from sa3d_blender.engine.meshing.support_plane import end_at_support, support_plane
from tests.support.made_up_fields import PaintedBall

SIDE = 41
LOWER, UPPER = torch.full((3,), -0.5), torch.full((3,), 0.5)
POINTS = region_nodes(LOWER, UPPER, (SIDE, SIDE, SIDE), slice(0, SIDE))
SPACING = 1 / (SIDE - 1)
FIELD = PaintedBall()
"""Its grid frame is the field frame times a number; see `made_up_fields`."""


def cup_on(ground: Tensor) -> Tensor:
    """Votes of a drum, seen from above and around, that stands on a ground of given heights.

    Args:
        ground: z below each node [SIDE^3], under the drum, too.
    """
    x, y, z = POINTS.unbind(dim=1)
    radius = (x**2 + y**2).sqrt()
    above = z - ground
    wall = ((radius - 0.2).abs() < 0.8 * SPACING) & (above > 0) & (above < 0.3)
    lid = (radius < 0.2) & ((above - 0.3).abs() < 0.8 * SPACING)
    floor = (radius > 0.2 + SPACING) & (above.abs() < 0.8 * SPACING)
    share = torch.where(wall | lid, 1.0, torch.where(floor, -1.0, 0.0))
    return share.view(SIDE, SIDE, SIDE)


def filled(share: Tensor, ground: Tensor) -> Tensor:
    """The drum as the votes' continuation has it, where all above the ground is free or inside."""
    x, y, z = POINTS.unbind(dim=1)
    outside = ((x**2 + y**2).sqrt() > 0.2) | (z - ground > 0.3)
    return fill_solid(share, (outside & (z > ground)).view(SIDE, SIDE, SIDE))


def lowest(values: Tensor) -> float:
    """Height of the lowest place of the object on its axis, between nodes."""
    column = values[SIDE // 2, SIDE // 2]
    first = int((column > 0).nonzero()[0])
    below, here = float(column[first - 1]), float(column[first])
    return -0.5 + SPACING * (first - 1 + below / (below - here))


def test_a_drum_on_a_table_ends_at_the_table() -> None:
    ground = torch.full_like(POINTS[:, 0], -0.1)
    share = cup_on(ground)
    values = filled(share, ground)
    cut = end_at_support(FIELD, values, share, LOWER, UPPER)
    assert lowest(values) < -0.1 - 1.5 * SPACING, "it sags"
    assert abs(lowest(cut) + 0.1) < 0.5 * SPACING
    assert torch.equal(cut > 0, (values > 0) & (cut > 0)), "nothing is added"
    upper = POINTS[:, 2].view_as(cut) > -0.1 + SPACING
    assert torch.equal((cut > 0)[upper], (values > 0)[upper])


def test_a_tilted_table_is_found_as_it_is() -> None:
    ground = 0.3 * POINTS[:, 0] - 0.1
    plane = support_plane(POINTS, cup_on(ground), SPACING)
    assert plane is not None
    expected = np.array([-0.3, 0.0, 1.0]) / np.hypot(1, 0.3)
    assert float(plane.normal.numpy() @ expected) > np.cos(np.radians(2))
    on_it = torch.tensor([[0.0, 0.0, -0.1], [0.3, 0.1, -0.01]])
    assert float(plane.height(on_it).abs().max()) < SPACING


def test_nothing_flat_is_no_support() -> None:
    bowl = 2.5 * (POINTS[:, 0] ** 2 + POINTS[:, 1] ** 2) - 0.3
    share = cup_on(bowl)
    assert support_plane(POINTS, share, SPACING) is None
    values = filled(share, bowl)
    assert torch.equal(end_at_support(FIELD, values, share, LOWER, UPPER), values)


def test_an_object_on_both_sides_of_a_plane_does_not_end_there() -> None:
    ground = torch.full_like(POINTS[:, 0], -0.1)
    share = cup_on(ground)
    x, y, z = POINTS.unbind(dim=1)
    foot = ((x**2 + y**2).sqrt() < 0.1) & (z < -0.2)
    share = torch.where(foot.view_as(share), 1.0, share)
    assert support_plane(POINTS, share, SPACING) is None


def test_an_object_in_the_air_has_no_support() -> None:
    ground = torch.full_like(POINTS[:, 0], -0.1)
    share = cup_on(ground).clamp(min=0)
    assert support_plane(POINTS, share, SPACING) is None


def test_a_sheet_on_the_table_stays() -> None:
    x, y, z = POINTS.unbind(dim=1)
    radius, flat = (x**2 + y**2).sqrt(), (z + 0.1).abs() < 0.8 * SPACING
    share = torch.where(flat, torch.where(radius < 0.2, 1.0, -1.0), 0.0).view(SIDE, SIDE, SIDE)
    cut = end_at_support(FIELD, share, share, LOWER, UPPER)
    assert torch.equal(cut > 0, share > 0)
