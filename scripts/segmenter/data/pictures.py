"""Training examples: rendered scenes and photographs, cropped, mixed, worn like NeRFs' pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sa3d_blender.engine.rendering.relief import CHANNELS

from .compositions import composition
from .layers import (
    FIRST_OBJECT,
    SMALLEST,
    Layers,
    cropped,
    mirrored,
    paste_objects,
    quarter_turned,
    read_layers,
    replace_background,
    resized,
)
from .photographs import names_in, read_photograph
from .repainting import repaint
from .wear import wear, wear_nearness

SIDE = 512
PHOTOGRAPHED = 0.5
"""Share of photographs among the examples."""
COMPOSED = 0.04
"""Share of flat compositions among the others."""
REPAINTED = 0.25
"""Share of the rendered examples in which objects get other surfaces."""
WITHOUT_RELIEF = 0.4
"""Share of the rendered examples whose shape is kept secret, as in photographs."""
WORN = 0.6
"""Share of the pictures without relief that look like a NeRF's; the others stay as they are."""
FRAMED = 0.6
"""Share of the crops that frame one object, as the pipeline's own views do."""
FRAMES = (1.5, 5.0)
"""Least and most side of such a crop over the object's extent."""
SMALLEST_SIDE = 40
"""Pixels of the smallest crop."""
HELD_OUT = 25
"""Every so many scenes are for validation only."""


@dataclass(frozen=True)
class Example:
    """A picture and masks that are right answers in it."""

    image: np.ndarray
    """uint8 [SIDE SIDE 3]."""
    masks: np.ndarray
    """bool [k SIDE SIDE]."""
    objects: np.ndarray
    """uint8 [SIDE SIDE], the object that each pixel belongs to."""
    relief: np.ndarray
    """float16 [5 SIDE SIDE], `Relief.channels`; zero when unknown."""


class Pictures:
    """All rendered scenes of a folder and all photographs of another, in memory.

    The folder of scenes may grow meanwhile.
    """

    def __init__(self, folder: Path, *, validation: bool, photographs: Path | None = None) -> None:
        self._folder = folder
        self._validation = validation
        self._known: dict[str, Layers] = {}
        names = names_in(photographs, validation=validation) if photographs else []
        self._photographs = [read_photograph(photographs, name) for name in names]
        self.refresh()

    def refresh(self) -> None:
        """Read what is new in the folder."""
        for path in sorted(self._folder.glob("*_geometry.png")):
            name = path.name[: -len("_geometry.png")]
            held_out = int(name.split("_")[1]) % HELD_OUT == 0
            if name in self._known or held_out != self._validation:
                continue
            layers = read_layers(path.with_name(f"{name}.png"))
            if layers is not None:
                self._known[name] = layers
        self.names = list(self._known)

    def example(self, rng: np.random.Generator, count: int) -> Example:
        """A random, changed picture with ``count`` random masks."""
        while True:
            layers = self._layers(rng)
            masks = choose_masks(rng, layers.ids, count)
            if masks is None:
                continue
            if layers.nearness is not None:
                layers = replace(layers, nearness=wear_nearness(rng, layers.nearness))
            if rng.random() < WITHOUT_RELIEF:
                layers = replace(layers, nearness=None)
            worn = layers.nearness is not None or rng.random() < WORN
            image = wear(rng, layers.image) if worn else layers.image
            return Example(image, masks, layers.ids[..., 0], relief_channels(layers))

    def _layers(self, rng: np.random.Generator) -> Layers:
        """A changed photograph, or a changed picture of another kind."""
        if self._photographs and rng.random() < PHOTOGRAPHED:
            layers = self._crop(rng, photograph=True)
            if rng.random() < 0.2:
                layers = paste_objects(rng, layers, self._crop(rng, photograph=rng.random() < 0.6))
            return replace_background(rng, layers) if rng.random() < 0.08 else layers
        if rng.random() < COMPOSED:
            return Layers(*composition(rng, SIDE))
        layers = self._crop(rng)
        if rng.random() < 0.3:
            photograph = bool(self._photographs) and rng.random() < 0.3
            layers = paste_objects(rng, layers, self._crop(rng, photograph=photograph))
        if rng.random() < REPAINTED:
            layers = repaint(rng, layers)
        return replace_background(rng, layers) if rng.random() < 0.3 else layers

    def plain(self, name: str, count: int) -> tuple[Layers, np.ndarray] | None:
        """A held-out picture as it is, with its largest objects' masks; for validation."""
        layers = resized(self._known[name], SIDE)
        rng = np.random.default_rng(len(name))
        masks = choose_masks(rng, layers.ids, count, whole=True)
        return None if masks is None else (layers, masks)

    def _crop(self, rng: np.random.Generator, *, photograph: bool = False) -> Layers:
        if photograph:
            layers = self._photographs[rng.integers(len(self._photographs))]
        else:
            layers = self._known[self.names[rng.integers(len(self.names))]]
        layers = resized(cropped(layers, *random_square(rng, layers)), SIDE)
        if rng.random() < 0.5:
            layers = mirrored(layers)
        turned = rng.random() < (0.1 if photograph else 0.2)
        for _ in range(int(rng.integers(1, 4)) if turned else 0):
            layers = quarter_turned(layers)
        return layers


def random_square(rng: np.random.Generator, layers: Layers) -> tuple[int, int, int]:
    """Left, top and side of a piece of a picture: around one object, anywhere, or all of it."""
    full = layers.side
    numbers = np.unique(layers.ids[..., 0])
    numbers = numbers[numbers >= FIRST_OBJECT]
    if rng.random() < FRAMED and len(numbers):
        where = layers.ids[..., 0] == rng.choice(numbers)
        rows, columns = np.flatnonzero(where.any(1)), np.flatnonzero(where.any(0))
        extent = max(np.ptp(rows), np.ptp(columns)) + 1
        side = int(np.clip(extent * np.exp(rng.uniform(*np.log(FRAMES))), SMALLEST_SIDE, full))
        shift = rng.normal(0, 0.1, 2) * side
        x = int((columns[0] + columns[-1] - side) / 2 + shift[0])
        y = int((rows[0] + rows[-1] - side) / 2 + shift[1])
        return int(np.clip(x, 0, full - side)), int(np.clip(y, 0, full - side)), side
    side = int(full * rng.uniform(0.4, 1.0)) if rng.random() < 0.6 else full
    x, y = (int(rng.integers(full - side + 1)) for _ in range(2))
    return x, y, side


def relief_channels(layers: Layers) -> np.ndarray:
    """`Relief.channels` as float16, zero when unknown."""
    relief = layers.relief()
    if relief is None:
        return np.zeros((CHANNELS, layers.side, layers.side), np.float16)
    return relief.channels().astype(np.float16)


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
