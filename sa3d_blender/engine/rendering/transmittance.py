"""How much light of a place reaches a camera, from the samples that a view is made of."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from ..fields.rays import precise
from .render import View

OPAQUE = 1e-4
"""Transmittance below which a ray counts as ended; keeps optical depths finite."""


@dataclass(frozen=True)
class Transmittance:
    """Transmittance along every ray of a view; see `of`."""

    passed: Float[Tensor, " s_plus_1"]
    """Optical depth of all samples up to each one, over all rays, in float64."""
    order: Float[Tensor, " s"]
    """Sorts samples by ray, then by depth."""
    first: Int64[Tensor, " p"]
    """Number of each pixel's first sample."""
    reach: float
    """Beyond every sample's depth."""
    ray_index: Int64[Tensor, " s"]
    device: torch.device
    """The view's; the tensors above may be elsewhere, see `precise`."""

    @staticmethod
    def of(
        view: View, *, density: float = 1.0, without: Bool[Tensor, " s"] | None = None
    ) -> Transmittance:
        """The transmittance of what a view saw.

        Args:
            view: with its samples.
            density: so many times as dense as the field was.
            without: samples that are left out.

        A sample of weight ``w`` after ``T`` of the light has an optical depth of
        ``ln T - ln (T - w)``; these add up, whatever is left out or made denser.
        """
        samples = view.samples
        pixels = view.camera.width * view.camera.height
        weights = precise(samples.weights)
        ray_index = samples.ray_index.to(weights.device).contiguous()
        first = torch.searchsorted(ray_index, torch.arange(pixels, device=weights.device))
        sums = torch.cat([weights.new_zeros(1), weights.cumsum(0)])
        after = 1 - (sums[1:] - sums[first][ray_index])
        thickness = (after + weights).clamp(OPAQUE, 1).log() - after.clamp(OPAQUE, 1).log()
        thickness *= density
        if without is not None:
            thickness = thickness.masked_fill(without.to(weights.device), 0.0)
        passed = torch.cat([weights.new_zeros(1), thickness.cumsum(0)])
        reach = float(samples.depth.max()) * 1.01 + 1 if len(weights) else 1.0
        order = ray_index.double() * reach + precise(samples.depth)
        device = samples.weights.device
        return Transmittance(passed, order, first, reach, ray_index, device)

    def at(self, pixel: Int64[Tensor, " n"], depth: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        """Transmittance of what a pixel's ray meets before a distance from the camera's centre."""
        short = precise(depth).clamp(0, self.reach * (1 - 1e-9))
        end = torch.searchsorted(self.order, precise(pixel) * self.reach + short)
        return self._between(self.first[pixel.to(end.device)], end)

    def before_samples(self) -> Float[Tensor, " s"]:
        """Transmittance of what each sample's ray meets before it."""
        here = torch.arange(len(self.ray_index), device=self.ray_index.device)
        return self._between(self.first[self.ray_index], here)

    def _between(
        self, first: Int64[Tensor, " n"], last: Int64[Tensor, " n"]
    ) -> Float[Tensor, " n"]:
        return torch.exp(self.passed[first] - self.passed[last]).float().to(self.device)
