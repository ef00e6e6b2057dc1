"""A training picture with what is known of each of its pixels, and how it is cropped and mixed."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from sa3d_blender.engine.rendering.relief import Relief

FIRST_OBJECT = 2
PARTS = 16
"""Numbers of parts per object in the red channel of the geometry files."""
SMALLEST = 80
"""Pixels of the smallest mask that is pasted or asked for."""


@dataclass(frozen=True)
class Layers:
    """A square picture; all arrays have its size."""

    image: np.ndarray
    """uint8 [s s 3]."""
    ids: np.ndarray
    """uint8 [s s 2], object (0: background, 1: support, 2 and above: objects) and part."""
    nearness: np.ndarray | None = None
    """uint16 or float [s s], about 1 / depth in some unit, 0 where nothing is; if known."""
    focal: float = 1.0
    """In pixels."""
    center: tuple[float, float] = (0.0, 0.0)
    """Principal point in pixels, x and y."""

    @property
    def side(self) -> int:
        """Its width and height in pixels."""
        return self.image.shape[0]

    def relief(self) -> Relief | None:
        """The shape of what is seen, if known."""
        if self.nearness is None:
            return None
        nearness = self.nearness.astype(np.float32)
        return Relief(nearness, (self.focal, self.focal), self.center)


def read_layers(picture: Path) -> Layers | None:
    """A picture of render_scenes.py, or None while it is still being written."""
    geometry = picture.with_name(f"{picture.stem}_geometry.png")
    try:
        packed = np.asarray(Image.open(geometry).convert("RGB"))
        image = np.asarray(Image.open(picture).convert("RGB"))
        focal = json.loads(picture.with_suffix(".json").read_text())["focal"] * len(image)
    except (OSError, ValueError):
        return None
    ids = np.stack([packed[..., 0] // PARTS, packed[..., 0] % PARTS], axis=-1)
    nearness = packed[..., 1].astype(np.uint16) * 256 + packed[..., 2]
    return Layers(image, ids, nearness, focal, (len(image) / 2,) * 2)


def resized(layers: Layers, side: int) -> Layers:
    """In another number of pixels."""
    picture = Image.fromarray(layers.image).resize((side, side), Image.Resampling.LANCZOS)
    rows = ((np.arange(side) + 0.5) * layers.side / side).astype(int)
    relief = layers.relief()
    relief = relief and relief.resized(side, side)
    return Layers(
        np.asarray(picture),
        layers.ids[rows[:, None], rows[None]],
        relief and relief.nearness,
        relief.focal[0] if relief else 1.0,
        relief.center if relief else (0.0, 0.0),
    )


def cropped(layers: Layers, x: int, y: int, side: int) -> Layers:
    """A square piece."""
    part = np.s_[y : y + side, x : x + side]
    return replace(
        layers,
        image=layers.image[part],
        ids=layers.ids[part],
        nearness=None if layers.nearness is None else layers.nearness[part],
        center=(layers.center[0] - x, layers.center[1] - y),
    )


def mirrored(layers: Layers) -> Layers:
    """Left and right swapped."""
    return replace(
        layers,
        image=layers.image[:, ::-1],
        ids=layers.ids[:, ::-1],
        nearness=None if layers.nearness is None else layers.nearness[:, ::-1],
        center=(layers.side - layers.center[0], layers.center[1]),
    )


def quarter_turned(layers: Layers) -> Layers:
    """Turned counterclockwise by 90 degrees."""
    return replace(
        layers,
        image=np.rot90(layers.image),
        ids=np.rot90(layers.ids),
        nearness=None if layers.nearness is None else np.rot90(layers.nearness),
        center=(layers.center[1], layers.side - layers.center[0]),
    )


def paste_objects(rng: np.random.Generator, onto: Layers, other: Layers) -> Layers:
    """Some objects of another picture on top, somewhere else, with soft edges."""
    image, ids = onto.image.copy(), onto.ids.copy()
    known = onto.nearness is not None and other.nearness is not None
    nearness = onto.nearness.astype(np.float32) if known else None  # type: ignore[union-attr]
    numbers = np.unique(other.ids[..., 0])
    for number in rng.permutation(numbers[numbers >= FIRST_OBJECT])[: rng.integers(1, 4)]:
        mask = other.ids[..., 0] == number
        border = mask[[0, -1]].any() or mask[:, [0, -1]].any()
        if mask.sum() < SMALLEST or border:
            continue
        shift = shift_inside(rng, mask)
        moved = np.roll(mask, shift, (0, 1))
        soft = ndimage.gaussian_filter(moved.astype(np.float32), 0.6)[..., None]
        image = (image * (1 - soft) + np.roll(other.image, shift, (0, 1)) * soft).astype(np.uint8)
        ids[moved, 0] = 100 + number
        ids[moved, 1] = np.roll(other.ids[..., 1], shift, (0, 1))[moved]
        if nearness is not None:
            own = np.roll(other.nearness, shift, (0, 1))[moved].astype(np.float32)  # type: ignore
            before = np.quantile(nearness[moved], 0.9) / max(float(np.median(own)), 1e-9)
            nearness[moved] = own * max(before, 1e-3) * rng.uniform(1.0, 1.3)
    return replace(onto, image=image, ids=ids, nearness=nearness)


def shift_inside(rng: np.random.Generator, mask: np.ndarray) -> tuple[int, int]:
    """By how many rows and columns to move a mask so that it stays inside the picture."""
    spans = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    down, right = (int(rng.integers(-span[0], len(mask) - span[-1])) for span in spans)
    return down, right


def replace_background(rng: np.random.Generator, layers: Layers) -> Layers:
    """White, black or coloured instead of the sky."""
    soft = ndimage.gaussian_filter((layers.ids[..., 0] == 0).astype(np.float32), 0.6)[..., None]
    color = rng.choice([np.full(3, 255), np.full(3, 255), np.zeros(3), rng.integers(0, 256, 3)])
    return replace(layers, image=(layers.image * (1 - soft) + color * soft).astype(np.uint8))
