"""Other surfaces for the objects of a rendered picture: its light and shadows stay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from .compositions import texture
from .layers import Layers

SHARE = 0.45
"""Share of the objects of a picture that is repainted at all."""
SOFT = 0.6
"""Pixels by which the new paint is blurred over an outline."""


def repaint(rng: np.random.Generator, layers: Layers) -> Layers:
    """Some objects, and perhaps the support and the background, with random textures."""
    image = layers.image.astype(np.float32) / 255
    brightness = image.mean(axis=2)
    for number in np.unique(layers.ids[..., 0]):
        if rng.random() > SHARE:
            continue
        mask = layers.ids[..., 0] == number
        light = brightness / max(float(brightness[mask].mean()), 0.05)
        look = texture(rng, layers.side) * light.clip(0, 2.5)[..., None]
        cover = ndimage.gaussian_filter(mask.astype(np.float32), SOFT)[..., None]
        image = image * (1 - cover) + look * cover
    return replace(layers, image=(image.clip(0, 1) * 255).astype(np.uint8))
