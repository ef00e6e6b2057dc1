"""What a NeRF does to a picture: blur, noise, floaters, ringing; and to its depth."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from scipy import ndimage


def wear(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Colour changes, blur, noise, floaters and compression of a picture, uint8 [s s 3]."""
    x = image.astype(np.float32) / 255
    if rng.random() < 0.2:
        x = x[..., rng.permutation(3)]
    if rng.random() < 0.8:
        x = (x.clip(0, 1) ** rng.uniform(0.6, 1.6)) * rng.uniform(0.7, 1.2, 3)
    if rng.random() < 0.1:
        x = np.repeat(x.mean(-1, keepdims=True), 3, -1)
    for _ in range(rng.integers(1, 4) if rng.random() < 0.15 else 0):
        share = smudge(rng, len(x))[..., None]
        x = x * (1 - share) + rng.random(3) * share
    if rng.random() < 0.3:
        x = ndimage.gaussian_filter(x, (rng.uniform(0.3, 1.6),) * 2 + (0,))
    elif rng.random() < 0.3:
        small = int(rng.integers(72, 220))
        picture = Image.fromarray((x.clip(0, 1) * 255).astype(np.uint8))
        x = np.asarray(picture.resize((small, small)).resize(x.shape[:2]), np.float32) / 255
    elif rng.random() < 0.2:
        x = x + 0.7 * (x - ndimage.gaussian_filter(x, (1.5, 1.5, 0)))
    if rng.random() < 0.3:
        x = x + rng.normal(0, rng.uniform(0.005, 0.05), x.shape)
    worn = (x.clip(0, 1) * 255).astype(np.uint8)
    if rng.random() < 0.15:
        buffer = io.BytesIO()
        Image.fromarray(worn).save(buffer, "JPEG", quality=int(rng.integers(30, 90)))
        worn = np.asarray(Image.open(buffer))
    return worn


def smudge(rng: np.random.Generator, side: int) -> np.ndarray:
    """Opacity [side side] of something translucent, as in front of badly trained NeRFs."""
    rows, columns = np.mgrid[0:side, 0:side]
    row, column = rng.uniform(0, side, 2)
    width, height = rng.uniform(8, 50, 2)
    bump = np.exp(-(((rows - row) / height) ** 2) - ((columns - column) / width) ** 2)
    return rng.uniform(0.2, 0.7) * bump


def wear_nearness(rng: np.random.Generator, nearness: np.ndarray) -> np.ndarray:
    """Soft edges, waves, noise and floaters in 1 / depth, float [s s]; empty pixels stay empty."""
    side = len(nearness)
    solid = nearness > 0
    x = nearness.astype(np.float32)
    if rng.random() < 0.6:
        sigma = rng.uniform(0.3, 1.5)
        covered = np.maximum(ndimage.gaussian_filter(solid.astype(np.float32), sigma), 1e-3)
        x = ndimage.gaussian_filter(x, sigma) / covered
    for _ in range(int(rng.integers(0, 4))):
        cells = int(rng.integers(4, side // 3))
        rough = rng.normal(0, 10 ** rng.uniform(-3.5, -2.0), (cells, cells)).astype(np.float32)
        waves = Image.fromarray(rough).resize((side, side), Image.Resampling.BICUBIC)
        x = x * (1 + np.asarray(waves))
    if rng.random() < 0.4:
        x = x * (1 + rng.normal(0, 10 ** rng.uniform(-4, -2.3), x.shape))
    if rng.random() < 0.1:
        x = x * (1 + smudge(rng, side) * rng.uniform(0.1, 1.0))
    if rng.random() < 0.1:
        solid = solid & (smudge(rng, side) < 0.3)  # a hole
    return np.where(solid, np.maximum(x, 1e-6), 0.0).astype(np.float32)
