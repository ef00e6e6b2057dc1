"""The Gaussians of a splat, as its file has them, and what follows from that.

After "3D Gaussian Splatting for Real-Time Radiance Field Rendering" (Kerbl et al., SIGGRAPH 2023).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn.functional import normalize

from ..components.direction_harmonics import sixteen_harmonics

DEGREES = {1: 0, 4: 1, 9: 2, 16: 3}
"""Of the spherical harmonics, by their number."""
CHUNK = 1 << 16


@dataclass(frozen=True)
class Gaussians:
    """Parameters in the original layout: before the functions that keep them in their ranges."""

    means: Float[Tensor, "n 3"]
    """Centres, field frame."""
    log_scales: Float[Tensor, "n 3"]
    """Natural logarithms of the standard deviations along the Gaussian's own axes."""
    rotations: Float[Tensor, "n 4"]
    """Quaternions w, x, y, z of any length: from the own axes to the field frame."""
    opacity_logits: Float[Tensor, " n"]
    harmonics: Float[Tensor, "n k 3"]
    """Coefficients of 1, 4, 9 or 16 spherical harmonics for red, green and blue."""
    antialiased: bool = False
    """Whether footprints that the low-pass filter widens were trained to become fainter by it."""

    def __len__(self) -> int:
        return len(self.means)

    def __getitem__(self, index: slice | Tensor) -> Gaussians:
        return self._each(lambda values: values[index])

    @property
    def degree(self) -> int:
        """Of the spherical harmonics, 0 to 3."""
        return DEGREES[self.harmonics.shape[1]]

    def to(self, device: torch.device) -> Gaussians:
        """The same on a device."""
        return self._each(lambda values: values.to(device))

    def _each(self, change: Callable[[Tensor], Tensor]) -> Gaussians:
        return replace(
            self,
            means=change(self.means),
            log_scales=change(self.log_scales),
            rotations=change(self.rotations),
            opacity_logits=change(self.opacity_logits),
            harmonics=change(self.harmonics),
        )

    def opacities(self) -> Float[Tensor, " n"]:
        """In [0, 1], at the centres."""
        return self.opacity_logits.sigmoid()

    def square_roots(self) -> Float[Tensor, "n 3 3"]:
        """Of the covariances: matrices ``M`` with ``M M^T`` the covariance, field frame."""
        return rotation_matrices(self.rotations) * self.log_scales.exp()[:, None, :]

    def colors(
        self, directions: Float[Tensor, "n 3"], index: Int64[Tensor, " n"] | None = None
    ) -> Float[Tensor, "n 3"]:
        """Colours of all Gaussians, or some, seen along unit directions.

        Clipped at 0 alone, as in the original.
        """
        if index is None:
            return colors_of(self.harmonics, directions)
        return colors_of(self.harmonics[index], directions)


def colors_of(
    harmonics: Float[Tensor, "n k 3"], directions: Float[Tensor, "n 3"]
) -> Float[Tensor, "n 3"]:
    """Colours of coefficients seen along unit directions, from 0 on.

    In pieces: the basis functions of millions would take more memory than the Gaussians.
    """
    parts = []
    for some, ways in zip(harmonics.split(CHUNK), directions.split(CHUNK), strict=True):
        basis = harmonics_at(ways, some.shape[1])
        parts.append(((basis[:, :, None] * some).sum(dim=1) + 0.5).clamp_min(0))
    return torch.cat(parts) if parts else directions


def harmonics_at(directions: Float[Tensor, "n 3"], count: int) -> Float[Tensor, "n k"]:
    """The first 1, 4, 9 or 16 real spherical harmonics, with the original's signs."""
    return sixteen_harmonics(directions)[:, :count]


def rotation_matrices(quaternions: Float[Tensor, "n 4"]) -> Float[Tensor, "n 3 3"]:
    """Of quaternions w, x, y, z of any length."""
    w, x, y, z = normalize(quaternions, dim=1).unbind(dim=1)
    rows = [
        *(1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        *(2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        *(2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    ]
    return torch.stack(rows, dim=1).view(-1, 3, 3)


def usable(gaussians: Gaussians) -> Bool[Tensor, " n"]:
    """Which Gaussians have finite numbers, a rotation and an extent."""
    scales = gaussians.log_scales.exp()
    numbers = (gaussians.means, gaussians.rotations, scales, gaussians.harmonics.flatten(1))
    good = ~gaussians.opacity_logits.isnan()
    for values in numbers:
        good &= values.isfinite().all(dim=1)
    return good & (gaussians.rotations.square().sum(dim=1) > 0) & (scales.amax(dim=1) > 0)
