"""Whole pictures of splats by gsplat's CUDA kernels, where that package is installed.

gsplat (Ye et al., 2024) is no part of the engine: who has it installed gets quicker pictures on a
GPU. What needs the samples of a picture, as votes do, goes without it. It follows the original
rasteriser, as `rasterizer` does, but for small things (it lets opacities up to 0.999 be); so its
first picture is held against our own, and it is not used where they differ.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ....core.cameras import Camera
from ..rays import pixel_rays
from .footprints import LOW_PASS, Pinhole
from .gaussians import Gaussians

log = logging.getLogger(__name__)
MOST_APART = 0.02
"""Mean difference of a colour in [0, 1] up to which gsplat's pictures count as ours."""
SMALL = 64
"""Pixels on the longer side of the picture that is compared."""
WholePicture = tuple[Float[Tensor, "h w 3"], Float[Tensor, "h w"], Float[Tensor, "h w"]]
"""Image over the background, depth along the rays, and opacity."""


def kernels(device: torch.device) -> Any | None:
    """The module ``gsplat``; None where it is not installed or the device is no CUDA one."""
    if device.type != "cuda":
        return None
    try:
        return importlib.import_module("gsplat")
    except (ImportError, OSError):  # the latter: a library that it needs
        return None


class GsplatPictures:
    """One splat's pictures by gsplat, as long as they are like our own."""

    def __init__(self, gaussians: Gaussians, background: Float[Tensor, " 3"], near: float) -> None:
        """Of Gaussians, where they are; ``near`` as in `footprints`."""
        self._gaussians, self._background, self._near = gaussians, background, near
        self._agrees: bool | None = None

    def picture(
        self, camera: Camera, own: Callable[[Camera], Float[Tensor, "h w 3"]]
    ) -> WholePicture | None:
        """What a camera sees; None where gsplat is not there, fails, or shows something else.

        Args:
            own: our own image of a camera, over the background.
        """
        module = kernels(self._gaussians.means.device)
        if module is None or self._agrees is False:
            return None
        try:
            if self._agrees is None:
                self._agrees = self._is_like(module, camera, own)
            return self._drawn(module, camera) if self._agrees else None
        except (RuntimeError, TypeError, ValueError, AttributeError, OSError) as error:
            # its kernels are compiled on their first use, and its versions differ
            log.warning("gsplat is not used: %s: %s", type(error).__name__, error)
            self._agrees = False
            return None

    def _is_like(
        self, module: Any, camera: Camera, own: Callable[[Camera], Float[Tensor, "h w 3"]]
    ) -> bool:
        scale = SMALL / max(camera.width, camera.height)
        small = camera.resized(*(max(1, round(scale * s)) for s in (camera.width, camera.height)))
        apart = float((self._drawn(module, small)[0] - own(small)).abs().mean())
        if not apart <= MOST_APART:
            log.warning("gsplat is not used: its picture is %.3f away from ours", apart)
        return apart <= MOST_APART

    def _drawn(self, module: Any, camera: Camera) -> WholePicture:
        gaussians, device = self._gaussians, self._gaussians.means.device
        pinhole = Pinhole.of(camera, device)
        view, lens = torch.eye(4, device=device), torch.eye(3, device=device)
        view[:3, :3], view[:3, 3] = pinhole.rotation, -pinhole.rotation @ pinhole.origin
        lens[0, 0], lens[1, 1] = pinhole.focal
        lens[:2, 2] = pinhole.middle
        with torch.no_grad():
            drawn, alphas, _ = module.rasterization(
                gaussians.means,
                gaussians.rotations,
                gaussians.log_scales.exp(),
                gaussians.opacities(),
                gaussians.harmonics,
                view[None],
                lens[None],
                camera.width,
                camera.height,
                near_plane=self._near,
                eps2d=LOW_PASS,
                sh_degree=gaussians.degree,
                render_mode="RGB+ED",
                rasterize_mode="antialiased" if gaussians.antialiased else "classic",
            )
        opacity = alphas[0, :, :, 0]
        image = drawn[0, :, :, :3] + (1 - opacity[:, :, None]) * self._background
        rays = pixel_rays(camera, 0, camera.width * camera.height, device=device)
        assert rays.per_depth is not None
        depth = drawn[0, :, :, 3] * rays.per_depth.view(camera.height, camera.width)
        return image.clamp(0, 1), torch.where(opacity > 0, depth, 0.0), opacity
