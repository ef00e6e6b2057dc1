"""Fields that are formulas: cheap, and everything about them is known."""

from __future__ import annotations

from typing import Any

import torch

from sa3d_blender.engine.fields.rays import Rays, Samples
from sa3d_blender.engine.fields.spaces.ndc import NOT_MIRRORED, NdcSpace


class PaintedBall:
    """A dense, painted ball in the unit cube; the field frame is the grid frame."""

    family, scene, notes, pixel_center = "made_up", "bounded", (), 0.5
    background = torch.ones(3)
    device = torch.device("cpu")
    box = torch.tensor([[-1.0] * 3, [1.0] * 3])
    radius = 0.5

    def grid_from_field(self, points: torch.Tensor) -> torch.Tensor:
        """The same."""
        return points

    def field_from_grid(self, points: torch.Tensor) -> torch.Tensor:
        """The same."""
        return points

    def density(self, points: torch.Tensor) -> torch.Tensor:
        """100 inside, 50 on the surface."""
        return 100 * torch.sigmoid(self.depth_below(points) * 60)

    def depth_below(self, points: torch.Tensor) -> torch.Tensor:
        """Distance below the surface."""
        return self.radius - points.norm(dim=1)

    def paint(self, points: torch.Tensor) -> torch.Tensor:
        """Smooth colours that differ everywhere."""
        return 0.5 + 0.4 * torch.sin(4 * points + torch.tensor([0.0, 1.0, 2.0]))

    def color(self, points: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
        """The paint."""
        return self.paint(points)

    def march(self, rays: Rays, *, with_color: bool, faint: float = 0.0) -> Samples:
        """No samples: colours are asked for point by point."""
        empty, none = torch.zeros(0), torch.zeros(0, 3)
        return Samples(empty.long(), none, empty, empty, none)

    def info(self) -> dict[str, Any]:
        """Nothing."""
        return {}


class BallOnPlate(PaintedBall):
    """The ball on a plate that reaches to the sides of the cube, a crumb far off, and a hole."""

    plate = -0.45
    """The plate's upper side."""

    def depth_below(self, points: torch.Tensor) -> torch.Tensor:
        """Below whichever surface is nearest."""
        ball = self.radius - points.norm(dim=1)
        below = torch.minimum(self.plate - points[:, 2], points[:, 2] + 0.7)
        crumb = 0.03 - (points - torch.tensor([0.8, 0.8, 0.8])).norm(dim=1)
        return torch.maximum(torch.maximum(ball, below), crumb)


class HazyBalls(PaintedBall):
    """Two balls of thin haze, one often before the other: no sample is heavy, all shine through."""

    centers = torch.tensor([[-0.4, 0.0, 0.0], [0.4, 0.0, 0.0]])
    radius = 0.3
    thickness = 3.5
    """Density within the balls."""
    step = 0.02
    """Distance of samples on a ray."""

    def depth_below(self, points: torch.Tensor) -> torch.Tensor:
        """Below the nearer ball's surface."""
        distance = (points[:, None] - self.centers).norm(dim=2)
        return self.radius - distance.amin(dim=1)

    def density(self, points: torch.Tensor) -> torch.Tensor:
        """The same throughout a ball."""
        return self.thickness * torch.sigmoid(self.depth_below(points) * 60)

    def march(self, rays: Rays, *, with_color: bool, faint: float = 0.0) -> Samples:
        """Samples at even steps, where there is any density."""
        depth = torch.arange(0.5, 5.0, self.step)
        points = rays.origins[:, None] + depth[:, None] * rays.directions[:, None]
        density = self.density(points.view(-1, 3)).view(len(rays), -1)
        density = torch.where(density > 0.01 * self.thickness, density, 0.0)
        left = torch.exp(-self.step * density.cumsum(dim=1))
        weights = torch.cat([torch.ones(len(rays), 1), left[:, :-1]], dim=1) - left
        ray, place = (weights > 0).nonzero(as_tuple=True)
        chosen = points[ray, place]
        rgb = self.paint(chosen) if with_color else None
        return Samples(ray, chosen, weights[ray, place], depth[place], rgb)


class BallBeforeAFarWall(PaintedBall):
    """Forward-facing: a ball 2 in front of the photographers, and a wall of its colour 60 away."""

    scene = "forward_facing"
    box = torch.tensor([[-30.0, -30.0, -60.0], [30.0, 30.0, -1.0]])
    center = torch.tensor([0.1, -0.1, -2.0])
    radius = 0.3
    wall = -60.0
    depths = torch.logspace(-0.3, 1.9, 400)
    space = NdcSpace(
        torch.tensor([[-1.5, -1.5, -1.0], [1.5, 1.5, 1.0]]),
        focal=(2.0, 2.0),
        samples=100,
        distance_scale=1.0,
        mirror=NOT_MIRRORED,
    )

    def grid_from_field(self, points: torch.Tensor) -> torch.Tensor:
        """Normalised device coordinates in the usual box."""
        return self.space.grid_from_field(points)

    def field_from_grid(self, points: torch.Tensor) -> torch.Tensor:
        """And back."""
        return self.space.field_from_grid(points)

    def density(self, points: torch.Tensor) -> torch.Tensor:
        """Solid in the ball and behind the wall, by grid-frame points."""
        return self._density(self.field_from_grid(points))

    def paint(self, points: torch.Tensor) -> torch.Tensor:
        """Orange: the ball, and the wall behind its left half; blue: the rest."""
        orange = (points[:, 2] > -50) | (points[:, 0] < 0)
        colors = torch.tensor([[0.1, 0.2, 0.9], [0.9, 0.5, 0.1]])
        return colors[orange.long()]

    def march(self, rays: Rays, *, with_color: bool, faint: float = 0.0) -> Samples:
        """Samples ever farther apart."""
        points = rays.origins[:, None] + self.depths[:, None] * rays.directions[:, None]
        density = self._density(points.view(-1, 3)).view(len(rays), -1)
        steps = self.depths.diff(append=self.depths[-1:] * 1.01)
        left = torch.exp(-(steps * density).cumsum(dim=1))
        weights = torch.cat([torch.ones(len(rays), 1), left[:, :-1]], dim=1) - left
        ray, place = (weights > 1e-4).nonzero(as_tuple=True)
        chosen = points[ray, place]
        rgb = self.paint(chosen) if with_color else None
        return Samples(
            ray, self.grid_from_field(chosen), weights[ray, place], self.depths[place], rgb
        )

    def _density(self, points: torch.Tensor) -> torch.Tensor:
        ball = (points - self.center).norm(dim=1) < self.radius
        return 200.0 * (ball | (points[:, 2] < self.wall)).float()
