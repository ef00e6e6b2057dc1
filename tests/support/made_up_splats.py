"""Splats of few Gaussians, made up, and cameras that look at them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from sa3d_blender.core.cameras import Camera
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.fields.gaussian_splats.field import SplatField
from sa3d_blender.engine.fields.gaussian_splats.gaussians import Gaussians
from sa3d_blender.engine.fields.gaussian_splats.scene import choose_scene
from sa3d_blender.engine.fields.gaussian_splats.splat_files import SplatFile
from tests.support.plain_splats import PlainSplats, plain_splats


def random_gaussians(count: int, degree: int, seed: int, *, size: float = 0.1) -> Gaussians:
    """Of all shapes, around the origin."""
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    return Gaussians(
        random(count, 3) * 0.6,
        random(count, 3) * 0.8 + float(np.log(size)),
        random(count, 4),
        random(count) * 2 + 1,
        random(count, (degree + 1) ** 2, 3) * 0.3,
    )


def one_gaussian(
    *, scale: float, opacity: float, color: tuple[float, float, float], place: tuple[float, ...]
) -> Gaussians:
    """A ball of one colour."""
    return Gaussians(
        torch.tensor([place]),
        torch.full((1, 3), float(np.log(scale))),
        torch.tensor([[1.0, 0.0, 0.0, 0.0]]),
        torch.logit(torch.tensor([opacity])),
        (torch.tensor(color)[None, None] - 0.5) / 0.28209479177387814,
    )


def field_of(gaussians: Gaussians) -> SplatField:
    """A field before a black background."""
    file = SplatFile(Path("nowhere/made_up.ply"), lambda path: gaussians)
    return SplatField(gaussians, choose_scene(gaussians, file, FieldOptions(), []))


def plain(gaussians: Gaussians) -> PlainSplats:
    """For the slow renderer."""
    parts = ("means", "log_scales", "rotations", "opacity_logits", "harmonics")
    return plain_splats(*(getattr(gaussians, name).double().numpy() for name in parts))


def looking_at_origin(
    eye: tuple[float, float, float], size: tuple[int, int], focal: float
) -> Camera:
    """A camera with z up."""
    back = np.array(eye) / np.linalg.norm(eye)
    right = np.cross([0.0, 0.0, 1.0], back)
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, np.cross(back, right), back], axis=1)
    matrix[:3, 3] = eye
    return Camera(*size, focal, focal, size[0] / 2, size[1] / 2, matrix)
