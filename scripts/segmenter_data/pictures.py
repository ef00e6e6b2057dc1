"""Training examples: rendered scenes, cropped, mixed and worn like a NeRF's pictures."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from .compositions import composition

SIDE = 192
FIRST_OBJECT = 2
COMPOSED = 0.15
"""Share of flat compositions among the examples."""
SMALLEST = 80
"""Pixels of the smallest mask that is asked for."""


@dataclass(frozen=True)
class Example:
    """A picture and masks that are right answers in it."""

    image: np.ndarray
    """uint8 [SIDE SIDE 3]."""
    masks: np.ndarray
    """bool [k SIDE SIDE]."""
    objects: np.ndarray
    """uint8 [SIDE SIDE], the object that each pixel belongs to."""


class Pictures:
    """All rendered scenes of a folder, in memory; the folder may grow meanwhile."""

    def __init__(self, folder: Path, *, validation: bool) -> None:
        self._folder = folder
        self._validation = validation
        self._known: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read what is new in the folder."""
        for path in sorted(self._folder.glob("*_ids.png")):
            name = path.name[: -len("_ids.png")]
            picture = path.with_name(f"{name}.png")
            held_out = int(name.split("_")[1]) % 25 == 0
            if name in self._known or held_out != self._validation or not picture.exists():
                continue
            try:
                ids = np.asarray(Image.open(path).convert("RGB"))[..., :2]
                self._known[name] = (np.asarray(Image.open(picture).convert("RGB")), ids)
            except OSError:
                continue  # still being written
        self.names = list(self._known)

    def example(self, rng: np.random.Generator, count: int) -> Example:
        """A random, changed picture with ``count`` random masks."""
        while True:
            flat = rng.random() < COMPOSED
            image, ids = composition(rng, SIDE) if flat else self._crop(rng)
            if rng.random() < 0.4:
                image, ids = paste_objects(rng, image, ids, *self._crop(rng))
            if rng.random() < 0.3:
                image = replace_background(rng, image, ids)
            masks = choose_masks(rng, ids, count)
            if masks is not None:
                return Example(wear(rng, image), masks, ids[..., 0])

    def plain(self, name: str, count: int) -> Example | None:
        """A held-out picture as it is, with its largest objects; for validation."""
        image, ids = self._known[name]
        image = np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.LANCZOS))
        ids = nearest_resize(ids, SIDE, SIDE)
        rng = np.random.default_rng(len(name))
        masks = choose_masks(rng, ids, count, whole=True)
        return None if masks is None else Example(image, masks, ids[..., 0])

    def _crop(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        image, ids = self._known[self.names[rng.integers(len(self.names))]]
        full = image.shape[0]
        side = int(full * rng.uniform(0.4, 1.0)) if rng.random() < 0.7 else full
        y, x = (int(rng.integers(full - side + 1)) for _ in range(2))
        image, ids = image[y : y + side, x : x + side], ids[y : y + side, x : x + side]
        image = np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
        ids = nearest_resize(ids, SIDE, SIDE)
        if rng.random() < 0.5:
            image, ids = image[:, ::-1], ids[:, ::-1]
        if rng.random() < 0.25:
            turns = int(rng.integers(1, 4))
            image, ids = np.rot90(image, turns), np.rot90(ids, turns)
        return np.ascontiguousarray(image), np.ascontiguousarray(ids)


def nearest_resize(ids: np.ndarray, height: int, width: int) -> np.ndarray:
    """Nearest neighbour at pixel centres."""
    rows = ((np.arange(height) + 0.5) * ids.shape[0] / height).astype(int)
    columns = ((np.arange(width) + 0.5) * ids.shape[1] / width).astype(int)
    return ids[rows[:, None], columns[None]]


def choose_masks(
    rng: np.random.Generator, ids: np.ndarray, count: int, *, whole: bool = False
) -> np.ndarray | None:
    """Masks of random objects (mostly whole, sometimes a part, rarely the support)."""
    objects = ids[..., 0].astype(int)
    numbers, sizes = np.unique(objects, return_counts=True)
    usable = [n for n, s in zip(numbers, sizes, strict=True) if n >= FIRST_OBJECT and s > SMALLEST]
    if not usable:
        return None
    masks = []
    order = rng.permutation(usable)
    for k in range(count):
        mask = objects == order[k % len(order)]
        if not whole and rng.random() < 0.25:
            mask = random_part(rng, mask, ids)
        elif not whole and rng.random() < 0.06 and (objects == 1).sum() > SMALLEST:
            mask = objects == 1
        masks.append(mask)
    return np.stack(masks)


def random_part(rng: np.random.Generator, mask: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """One part of an object, if it has several."""
    parts, sizes = np.unique(ids[..., 1][mask], return_counts=True)
    usable = parts[sizes > SMALLEST]
    return mask if len(usable) < 2 else mask & (ids[..., 1] == rng.choice(usable))


def paste_objects(
    rng: np.random.Generator,
    image: np.ndarray,
    ids: np.ndarray,
    other: np.ndarray,
    other_ids: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Some objects of another picture on top, somewhere else, with soft edges."""
    image, ids = image.copy(), ids.copy()
    numbers = np.unique(other_ids[..., 0])
    numbers = numbers[numbers >= FIRST_OBJECT]
    for number in rng.permutation(numbers)[: rng.integers(1, 4)]:
        mask = other_ids[..., 0] == number
        border = mask[[0, -1]].any() or mask[:, [0, -1]].any()
        if mask.sum() < SMALLEST or border:
            continue
        shift = shift_inside(rng, mask)
        moved = np.roll(mask, shift, (0, 1))
        soft = ndimage.gaussian_filter(moved.astype(np.float32), 0.6)[..., None]
        content = np.roll(other, shift, (0, 1))
        image = (image * (1 - soft) + content * soft).astype(np.uint8)
        ids[moved, 0] = 100 + number
        ids[moved, 1] = np.roll(other_ids[..., 1], shift, (0, 1))[moved]
    return image, ids


def shift_inside(rng: np.random.Generator, mask: np.ndarray) -> tuple[int, int]:
    """By how many rows and columns to move a mask so that it stays inside the picture."""
    spans = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    down, right = (int(rng.integers(-span[0], SIDE - span[-1])) for span in spans)
    return down, right


def replace_background(rng: np.random.Generator, image: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """White, black or coloured instead of the sky."""
    soft = ndimage.gaussian_filter((ids[..., 0] == 0).astype(np.float32), 0.6)[..., None]
    color = rng.choice([np.full(3, 255), np.full(3, 255), np.zeros(3), rng.integers(0, 256, 3)])
    return (image * (1 - soft) + color * soft).astype(np.uint8)


def wear(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Colour changes, blur, noise, floaters and compression."""
    x = image.astype(np.float32) / 255
    if rng.random() < 0.2:
        x = x[..., rng.permutation(3)]
    if rng.random() < 0.8:
        x = (x.clip(0, 1) ** rng.uniform(0.6, 1.6)) * rng.uniform(0.7, 1.2, 3)
    if rng.random() < 0.1:
        x = np.repeat(x.mean(-1, keepdims=True), 3, -1)
    for _ in range(rng.integers(1, 4) if rng.random() < 0.15 else 0):
        x = add_floater(rng, x)
    if rng.random() < 0.3:
        x = ndimage.gaussian_filter(x, (rng.uniform(0.3, 1.6),) * 2 + (0,))
    elif rng.random() < 0.3:
        small = int(rng.integers(72, 220))
        picture = Image.fromarray((x.clip(0, 1) * 255).astype(np.uint8))
        x = np.asarray(picture.resize((small, small)).resize((SIDE, SIDE)), np.float32) / 255
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


def add_floater(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """A translucent smudge, as in front of badly trained NeRFs."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    row, column = rng.uniform(0, SIDE, 2)
    width, height = rng.uniform(8, 50, 2)
    bump = np.exp(-(((rows - row) / height) ** 2) - ((columns - column) / width) ** 2)
    share = (rng.uniform(0.2, 0.7) * bump)[..., None]
    return x * (1 - share) + rng.random(3) * share
