"""Free space, seen by a camera that looks down on a wall under a faint skin."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sa3d_blender.core.cameras import Camera
from sa3d_blender.engine.fields.rays import Samples, camera_rays
from sa3d_blender.engine.meshing import solid_nodes
from sa3d_blender.engine.meshing.completion import carve
from sa3d_blender.engine.rendering.render import View
from tests.support.made_up_fields import PaintedBall

PLACE = np.eye(4)
PLACE[2, 3] = 2.0
ABOVE = Camera(40, 40, 40.0, 40.0, 20.0, 20.0, PLACE)
LOWER, UPPER = torch.full((3,), -0.5), torch.full((3,), 0.5)
SHAPE = (30, 25, 21)
SKIN, WALL = 0.25, -0.25
"""Their heights."""


def looking_down(skin: float) -> View:
    """What the camera sees; the skin takes a part of the light, the wall the rest."""
    rays = camera_rays(ABOVE, device=torch.device("cpu"))
    count = len(rays)
    heights, shares = torch.tensor([SKIN, WALL]), torch.tensor([skin, 1 - skin])
    depth = (heights - rays.origins[:, 2:]) / rays.directions[:, 2:]
    points = rays.origins[:, None] + depth[..., None] * rays.directions[:, None]
    index = torch.arange(count).repeat_interleave(2)
    samples = Samples(index, points.view(-1, 3), shares.repeat(count), depth.view(-1), None)
    return View(ABOVE, samples, torch.ones(3))


def free_heights(skin: float) -> torch.Tensor:
    """Whether each height is free in the middle of the region."""
    free = carve(PaintedBall(), [looking_down(skin)], LOWER, UPPER, SHAPE)
    return free[SHAPE[0] // 2, SHAPE[1] // 2]


def test_a_faint_skin_is_not_looked_through() -> None:
    height = torch.linspace(-0.5, 0.5, SHAPE[2])
    free = free_heights(skin=0.2)
    assert free[height > SKIN + 0.1].all()
    assert not free[height < SKIN].any()


def test_what_is_hardly_seen_is_looked_through() -> None:
    height = torch.linspace(-0.5, 0.5, SHAPE[2])
    free = free_heights(skin=0.05)
    assert free[height > WALL + 0.1].all()
    assert not free[height < WALL].any()


def test_slabs_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    views = [looking_down(0.2), looking_down(0.05)]
    whole = carve(PaintedBall(), views, LOWER, UPPER, SHAPE)
    monkeypatch.setattr(solid_nodes, "SLAB_NODES", 1200)
    assert torch.equal(carve(PaintedBall(), views, LOWER, UPPER, SHAPE), whole)
