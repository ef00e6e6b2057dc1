"""What each Gaussian covers of one camera's picture: elliptical weighted average (EWA) splatting.

After "EWA Volume Splatting" (Zwicker et al., IEEE Visualization 2001), with the numbers of the
original rasteriser of 3D Gaussian Splatting. A Gaussian is projected by the derivative of the
perspective at its centre, so that its picture is a Gaussian, too.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import normalize

from ....core.cameras import Camera
from .gaussians import Gaussians

LOW_PASS = 0.3
"""Added to a footprint's variances, in square pixels, so that none falls between the pixels."""
LEAST_ALPHA = 1 / 255
"""Footprints end where their opacity falls below it."""
FRUSTUM_MARGIN = 0.3
"""Centres farther outside of the picture than this part of its half size are projected by the
derivative there, as it grows beyond all bounds towards the camera's plane."""
CHUNK = 1 << 17
"""Gaussians projected at a time; bounds the memory."""


@dataclass(frozen=True)
class Footprints:
    """The Gaussians that a picture may show, the nearest first."""

    index: Int64[Tensor, " n"]
    """Number of the Gaussian."""
    centers: Float[Tensor, "n 2"]
    """Column and row in pixels; the first pixel's centre is at (0.5, 0.5)."""
    conics: Float[Tensor, "n 3"]
    """Inverse covariance in the picture: its xx, xy and yy, per square pixel."""
    opacities: Float[Tensor, " n"]
    depths: Float[Tensor, " n"]
    """Of the centres, along the camera's axis."""
    slopes: Float[Tensor, "n 2"]
    """Change of the depth of greatest response per pixel to the right and downwards."""
    colors: Float[Tensor, "n 3"] | None
    """None where they were not asked for."""

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, chosen: Tensor) -> Footprints:
        parts: dict[str, Any] = {
            field.name: getattr(self, field.name)[chosen]
            for field in fields(self)
            if getattr(self, field.name) is not None
        }
        return replace(self, **parts)

    def cutoffs(self) -> Float[Tensor, " n"]:
        """Squared distance from the centre, in standard deviations, at which a footprint ends."""
        return 2 * (self.opacities / LEAST_ALPHA).clamp_min(1).log()

    def half_heights(self) -> Float[Tensor, " n"]:
        """Rows from a footprint's centre to its end."""
        xx, xy, yy = self.conics.detach().unbind(dim=1)
        return (self.cutoffs() * xx / (xx * yy - xy * xy).clamp_min(1e-20)).sqrt()


@dataclass(frozen=True)
class Pinhole:
    """A camera in numbers, axes as the original's: x right, y down, looking along +z."""

    origin: Float[Tensor, " 3"]
    rotation: Float[Tensor, "3 3"]
    """From the field frame to the camera's."""
    focal: Float[Tensor, " 2"]
    middle: Float[Tensor, " 2"]
    """The principal point, in pixels."""
    size: Float[Tensor, " 2"]
    """Width and height in pixels."""

    @staticmethod
    def of(camera: Camera, device: torch.device) -> Pinhole:
        """Of a camera, whose axes are OpenGL's."""
        matrix = torch.as_tensor(camera.field_from_camera)
        flipped = matrix[:3, :3] * torch.tensor([1.0, -1.0, -1.0], dtype=matrix.dtype)
        numbers = (
            *(matrix[:3, 3], flipped.T),
            *(torch.tensor(pair) for pair in ((camera.fl_x, camera.fl_y), (camera.cx, camera.cy))),
            torch.tensor([camera.width, camera.height]),
        )
        return Pinhole(*(values.float().contiguous().to(device) for values in numbers))


def footprints(
    gaussians: Gaussians, camera: Camera, *, near: float, with_color: bool
) -> Footprints:
    """What the Gaussians cover of a camera's picture, sorted by the depth of their centres.

    Args:
        near: depth up to which Gaussians are left out, field units.
    """
    pinhole = Pinhole.of(camera, gaussians.means.device)
    starts = range(0, max(1, len(gaussians)), CHUNK)
    parts = [
        _of_chunk(gaussians[first : first + CHUNK], first, pinhole, near, with_color)
        for first in starts
    ]
    joined: dict[str, Any] = {
        field.name: torch.cat([getattr(part, field.name) for part in parts])
        for field in fields(Footprints)
        if getattr(parts[0], field.name) is not None
    }
    together = Footprints(**{"colors": None, **joined})
    return together[together.depths.detach().argsort(stable=True)]


def _of_chunk(
    part: Gaussians, first: int, pinhole: Pinhole, near: float, with_color: bool
) -> Footprints:
    """Of a part of the Gaussians, the first of which has the number ``first``; in their order."""
    local = (part.means - pinhole.origin) @ pinhole.rotation.T
    before = (local[:, 2] > near).nonzero()[:, 0]
    part, local = part[before], local[before]
    xx, xy, yy, along = _covariances(part, local, pinhole)
    sharp = xx * yy - xy * xy
    xx, yy = xx + LOW_PASS, yy + LOW_PASS
    determinant = xx * yy - xy * xy
    opacities = part.opacities()
    if part.antialiased:
        opacities = opacities * (sharp / determinant).clamp_min(0).sqrt()
    conics = torch.stack([yy, -xy, xx], dim=1) / determinant[:, None]
    slopes = torch.stack(
        [
            along[:, 0] * conics[:, 0] + along[:, 1] * conics[:, 1],
            along[:, 0] * conics[:, 1] + along[:, 1] * conics[:, 2],
        ],
        dim=1,
    )
    centers = local[:, :2] / local[:, 2:] * pinhole.focal + pinhole.middle
    found = Footprints(before + first, centers, conics, opacities, local[:, 2], slopes, None)
    reach = (found.cutoffs()[:, None] * torch.stack([xx, yy], dim=1)).sqrt()
    shown = (found.opacities >= LEAST_ALPHA) & (determinant > 0)
    shown &= ((centers + reach > 0) & (centers - reach < pinhole.size)).all(dim=1)
    kept = shown.nonzero()[:, 0]
    found = found[kept]
    if not with_color:
        return found
    directions = normalize(part.means[kept] - pinhole.origin, dim=1)
    return replace(found, colors=part.colors(directions, kept))


def _covariances(
    part: Gaussians, local: Float[Tensor, "n 3"], pinhole: Pinhole
) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"], Float[Tensor, " n"], Float[Tensor, "n 2"]]:
    """Of the picture's columns and rows: their xx, xy and yy, and those with the depth.

    Args:
        local: the centres in the camera's frame.
    """
    depth = local[:, 2:]
    margin = FRUSTUM_MARGIN * pinhole.size / (2 * pinhole.focal)
    lowest = -pinhole.middle / pinhole.focal - margin
    highest = (pinhole.size - pinhole.middle) / pinhole.focal + margin
    tangents = (local[:, :2] / depth).clamp(min=lowest, max=highest)
    own = pinhole.rotation @ part.square_roots()
    per_depth = pinhole.focal / depth
    columns, rows = (
        (own[:, axis] - tangents[:, axis, None] * own[:, 2]) * per_depth[:, axis, None]
        for axis in range(2)
    )
    along = torch.stack([(own[:, 2] * side).sum(dim=1) for side in (columns, rows)], dim=1)
    squares = columns.square().sum(dim=1), (columns * rows).sum(dim=1), rows.square().sum(dim=1)
    return *squares, along
