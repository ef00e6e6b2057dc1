"""Gaussians where no picture is: along rays of no camera, and at points in space."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ..rays import Rays
from .bounding_tree import BoundingTree
from .footprints import LEAST_ALPHA
from .gaussians import Gaussians, rotation_matrices
from .point_cells import PointCells
from .rasterizer import MIN_WEIGHT, MOST_ALPHA, light_before

LEAST_SCALE = 1e-7
"""Standard deviations are taken as no smaller, field units."""


@dataclass(frozen=True)
class CloseBy:
    """Finds the Gaussians around rays and points."""

    gaussians: Gaussians
    tree: BoundingTree
    cells: PointCells
    whitening: Float[Tensor, "n 3 3"]
    """From offsets to a centre to standard deviations along the Gaussian's own axes."""

    @staticmethod
    def of(gaussians: Gaussians) -> CloseBy:
        """Of Gaussians, whose tree is made."""
        axes = rotation_matrices(gaussians.rotations).transpose(1, 2)
        scales = gaussians.log_scales.exp().clamp_min(LEAST_SCALE)
        return CloseBy(
            gaussians,
            BoundingTree.of(gaussians),
            PointCells.of(gaussians),
            axes / scales[:, :, None],
        )

    def along(
        self, rays: Rays
    ) -> tuple[Int64[Tensor, " s"], Int64[Tensor, " s"], Float[Tensor, " s"], Float[Tensor, " s"]]:
        """Ray, Gaussian, distance and weight of what rays meet, ordered by ray and centre's depth.

        A Gaussian's opacity on a ray is that at the point of greatest response.
        """
        none = torch.zeros(0, device=rays.origins.device)
        found = [(none.long(), none.long(), none, none)]
        for ray, gaussian in self.tree.near_rays(rays):
            directions = rays.directions[ray]
            away = rays.origins[ray] - self.gaussians.means[gaussian]
            whiten = self.whitening[gaussian]
            start = (whiten @ away[:, :, None])[:, :, 0]
            way = (whiten @ directions[:, :, None])[:, :, 0]
            depth = -(start * way).sum(dim=1) / way.square().sum(dim=1).clamp_min(1e-30)
            off = start + depth[:, None] * way
            response = (-0.5 * off.square().sum(dim=1)).exp()
            alpha = self._opacities(gaussian) * response
            kept = ((alpha >= LEAST_ALPHA) & (depth > 0)).nonzero()[:, 0]
            order = -(away[kept] * directions[kept]).sum(dim=1)
            found.append(_weighed(ray[kept], gaussian[kept], depth[kept], order, alpha[kept]))
        ray, gaussian, depth, weights = (torch.cat(parts) for parts in zip(*found, strict=True))
        return ray, gaussian, depth, weights

    def opacity_at(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Sum of the Gaussians' opacities at field-frame points."""
        total = torch.zeros_like(points[:, 0])
        for point, gaussian in self.cells.near(points):
            total.index_add_(0, point, self._response(points, point, gaussian))
        return total

    def color_at(
        self, points: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]
    ) -> tuple[Float[Tensor, "n 3"], Float[Tensor, " n"]]:
        """Sum of colours times opacities at field-frame points, and of the opacities."""
        total, rgb = torch.zeros_like(points[:, 0]), torch.zeros_like(points)
        for point, gaussian in self.cells.near(points):
            opacity = self._response(points, point, gaussian)
            colors = self.gaussians.colors(directions[point], gaussian)
            total.index_add_(0, point, opacity)
            rgb.index_add_(0, point, opacity[:, None] * colors)
        return rgb, total

    def _opacities(self, gaussian: Int64[Tensor, " p"]) -> Float[Tensor, " p"]:
        return self.gaussians.opacity_logits[gaussian].sigmoid()

    def _response(
        self, points: Float[Tensor, "n 3"], point: Int64[Tensor, " p"], gaussian: Tensor
    ) -> Float[Tensor, " p"]:
        """Opacity of some Gaussians at some of the points."""
        away = points.index_select(0, point) - self.gaussians.means.index_select(0, gaussian)
        off = (self.whitening.index_select(0, gaussian) @ away[:, :, None])[:, :, 0]
        return self._opacities(gaussian) * (-0.5 * off.square().sum(dim=1)).exp()


def _weighed(
    ray: Tensor, gaussian: Tensor, depth: Tensor, order: Tensor, alpha: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """One portion's pairs with their weights; a ray's pairs are all in one portion.

    Args:
        order: what the Gaussians of a ray are sorted by.
    """
    farthest = float(order.abs().max()) + 1 if len(order) else 1.0
    place = (2 * ray.double() * farthest + order.double()).argsort()
    ray, alpha = ray[place], alpha[place].clamp_max(MOST_ALPHA)
    weights = light_before(ray, alpha) * alpha
    seen = (weights > MIN_WEIGHT).nonzero()[:, 0]
    return ray[seen], gaussian[place[seen]], depth[place[seen]], weights[seen]
