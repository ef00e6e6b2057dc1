"""Photographs with masks: ``NAME.jpg`` and ``NAME.npz`` (packed masks), see `masks_of`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

from .layers import FIRST_OBJECT, Layers

HELD_OUT = 8
"""Every so many names are for validation only."""
MOST_OBJECTS = 250
MARGIN_COLOR = (124, 116, 104)
"""Of what is added to make a picture square: the same as the segmenter adds to any picture."""


def names_in(folder: Path, *, validation: bool) -> list[str]:
    """Names of the photographs for validation, or of all others."""
    names = sorted(path.stem for path in folder.glob("*.npz"))
    return [name for i, name in enumerate(names) if (i % HELD_OUT == 0) == validation]


def masks_of(folder: Path, name: str) -> Bool[np.ndarray, "k h w"]:
    """All masks of a photograph; they may overlap.

    ``NAME.npz`` holds ``masks``, bits packed along the last axis, and ``width`` in pixels.
    """
    with np.load(folder / f"{name}.npz") as file:
        bits = np.unpackbits(file["masks"], axis=-1)
        return bits[..., : int(file["width"])].astype(bool)


def picture_of(folder: Path, name: str) -> UInt8[np.ndarray, "h w 3"]:
    """The photograph."""
    return np.asarray(Image.open(folder / f"{name}.jpg").convert("RGB"))


def read_photograph(folder: Path, name: str) -> Layers:
    """A photograph made square; smaller masks lie before larger ones, its shape is not known."""
    image, masks = picture_of(folder, name), masks_of(folder, name)
    side = max(image.shape[:2])
    square = np.full((side, side, 3), MARGIN_COLOR, np.uint8)
    square[: image.shape[0], : image.shape[1]] = image
    ids = np.zeros((side, side, 2), np.uint8)
    order = np.argsort(-masks.sum((1, 2)))[-MOST_OBJECTS:]
    for number, mask in enumerate(masks[order], FIRST_OBJECT):
        ids[: mask.shape[0], : mask.shape[1], 0][mask] = number
    return Layers(square, ids)
