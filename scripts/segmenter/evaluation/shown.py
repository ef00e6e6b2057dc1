"""Pictures whose objects are known: rendered scenes, views of a field, folders, coins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import skimage.data
import torch
from PIL import Image
from scipy import ndimage
from skimage.filters import sobel
from skimage.segmentation import watershed

from sa3d_blender.core.cameras import read_transforms
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.spaces.ndc import with_training_camera
from sa3d_blender.engine.rendering.relief import Relief
from sa3d_blender.engine.rendering.render import render_view
from segmenter.data.layers import FIRST_OBJECT, SMALLEST, Layers
from segmenter.data.photographs import masks_of as photographed_masks
from segmenter.data.photographs import names_in, picture_of
from segmenter.data.pictures import Pictures

Shown = tuple[np.ndarray, Relief | None, dict[str, np.ndarray]]
"""A picture, its relief if known, and masks by GROUP or GROUP/NUMBER."""
SMALL_THING = 0.02
"""Share of a photograph below which a thing counts as small: about a seventh of its width."""
SMALLEST_COIN = 400
"""Pixels; smaller pieces that the threshold finds are no coins."""


def rendered(folder: Path) -> Iterator[Shown]:
    """Held-out pictures, each with its relief and again without."""
    pictures = Pictures(folder, validation=True)
    for name in pictures.names:
        found = pictures.plain(name, 6)
        if found is not None:
            layers, masks = found
            known = {"with relief": layers.relief(), "picture only": None}
            for kind, relief in known.items():
                wholes = {f"wholes, {kind}/{i}": m for i, m in enumerate(masks)}
                parts = {f"parts, {kind}/{i}": m for i, m in enumerate(parts_of(layers, masks))}
                yield layers.image, relief, wholes | parts


def parts_of(layers: Layers, masks: np.ndarray) -> Iterator[np.ndarray]:
    """The largest part of every object that has several."""
    for mask in masks:
        numbers, sizes = np.unique(layers.ids[..., 1][mask], return_counts=True)
        if len(numbers) > 1 and sizes.max() >= SMALLEST:
            yield mask & (layers.ids[..., 1] == numbers[sizes.argmax()])


def from_folders(pictures: Path, ids: Path, objects: list[int]) -> Iterator[Shown]:
    """Pictures on white with their objects' masks."""
    for path in sorted(ids.glob("*.npy")):
        picture = pictures / f"{path.stem}.png"
        if not picture.exists():
            continue
        numbers = np.load(path)
        image = Image.open(picture).convert("RGBA").resize(numbers.shape[::-1], Image.LANCZOS)
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        white.alpha_composite(image)
        yield np.asarray(white.convert("RGB")), None, masks_of(numbers, objects)


def views_of(scene: Path, objects: list[int]) -> Iterator[Shown]:
    """Views of a folder's field from its test cameras, with the field's relief and without.

    Args:
        scene: holds NAME.th, transforms_test.json and gt/ids, like those in tests/data; NAME is the
            folder's own.
    """
    cameras = read_transforms(scene / "transforms_test.json", size=(200, 200))
    options = with_training_camera(FieldOptions(), cameras[0])
    field = load_field(scene / f"{scene.name}.th", options, device=torch.device("cpu"))
    for number, camera in enumerate(cameras):
        path = scene / "gt" / "ids" / f"test_{number}.npy"
        if not path.exists():
            continue
        view = render_view(field, camera, with_color=True)
        image = (view.image().clamp(0, 1) * 255).round().to(torch.uint8).numpy()
        masks = masks_of(np.load(path), objects)
        yield image, view.relief(), {f"{k} with relief": m for k, m in masks.items()}
        yield image, None, masks


def masks_of(numbers: np.ndarray, objects: list[int]) -> dict[str, np.ndarray]:
    """Masks of the objects asked for, or of all."""
    chosen = objects or [int(n) for n in np.unique(numbers) if n >= FIRST_OBJECT]
    return {f"object {n}": numbers == n for n in chosen if (numbers == n).any()}


def photographed(folder: Path) -> Iterator[Shown]:
    """The photographs that are kept for validation; small things and large ones are told apart."""
    for name in names_in(folder, validation=True):
        masks = {}
        for number, mask in enumerate(photographed_masks(folder, name)):
            size = "over" if mask.mean() > SMALL_THING else "under"
            masks[f"photographs, {size} {SMALL_THING:.0%}/{number}"] = mask
        yield picture_of(folder, name), None, masks


def coins() -> Iterator[Shown]:
    """scikit-image's photograph of coins; their masks come from a watershed of its gradient."""
    grey = skimage.data.coins()
    markers = np.where(grey < 30, 1, np.where(grey > 150, 2, 0))
    solid = ndimage.binary_fill_holes(watershed(sobel(grey), markers) == 2)
    numbers, count = ndimage.label(ndimage.binary_opening(solid, iterations=2))
    each = {f"coins/{n}": numbers == n for n in range(1, count + 1)}
    masks = {name: m for name, m in each.items() if m.sum() >= SMALLEST_COIN}
    yield np.repeat(grey[..., None], 3, 2), None, masks
