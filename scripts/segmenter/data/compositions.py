"""Fast flat pictures: random shapes with random textures, one over the other, with exact masks."""

from __future__ import annotations

from functools import cache

import numpy as np
import skimage.data
from jaxtyping import Bool, Float, UInt8
from scipy import ndimage

Generator = np.random.Generator
PHOTOGRAPHS = ("brick", "grass", "gravel", "hubble_deep_field", "moon", "page", "retina", "text")
"""Of scikit-image's pictures, those that are textures; the others are kept for judging."""


@cache
def photographs() -> list[UInt8[np.ndarray, "h w 3"]]:
    """The pictures used as textures."""
    found = [getattr(skimage.data, name)() for name in PHOTOGRAPHS]
    return [p if p.ndim == 3 else np.repeat(p[..., None], 3, 2) for p in found]


def composition(
    rng: Generator, side: int
) -> tuple[UInt8[np.ndarray, "s s 3"], UInt8[np.ndarray, "s s 2"]]:
    """A picture and its ids: object (1: ground, 2 and above: shapes) and part of each pixel."""
    image = shade(rng, texture(rng, side))
    ids = np.zeros((side, side, 2), np.uint8)
    ids[..., 0] = 1
    for number in range(2, 2 + int(rng.integers(2, 9))):
        whole = shape(rng, side)
        look = shade(rng, texture(rng, side))
        parts = np.zeros((side, side), np.uint8)
        if rng.random() < 0.25:
            part = shape(rng, side) & whole
            look = np.where(part[..., None], texture(rng, side), look)
            parts[part] = 1
        if rng.random() < 0.4:
            image = cast_shadow(rng, image, whole)
        soft = ndimage.gaussian_filter(whole.astype(np.float32), 0.6)[..., None]
        image = image * (1 - soft) + look * soft
        ids[whole] = np.stack([np.full_like(parts, number), parts], -1)[whole]
    return (image.clip(0, 1) * 255).astype(np.uint8), ids


def texture(rng: Generator, side: int) -> Float[np.ndarray, "s s 3"]:
    """A plain, graded, two-coloured or photographed surface."""
    first, second = rng.random(3), rng.random(3)
    if rng.random() < 0.3:
        second = (0.7 * first + 0.3 * second).clip(0, 1)
    kind = rng.choice(["plain", "plain", "grade", "pattern", "pattern", "noise", "photograph"])
    if kind == "photograph":
        photo = photographs()[rng.integers(len(PHOTOGRAPHS))]
        cut = min(int(rng.integers(100, 400)), *photo.shape[:2])
        y, x = (int(rng.integers(n - cut + 1)) for n in photo.shape[:2])
        pick = (np.arange(side) * cut // side)[:, None], (np.arange(side) * cut // side)[None]
        own = photo[y : y + cut, x : x + cut][pick].astype(np.float32) / 255
        return own * rng.uniform(0.6, 1.2, 3)
    share = {"plain": plain, "grade": grade, "pattern": pattern, "noise": noise}[kind](rng, side)
    return first * (1 - share[..., None]) + second * share[..., None]


def plain(_rng: Generator, side: int) -> Float[np.ndarray, "s s"]:
    """One colour."""
    return np.zeros((side, side))


def grade(rng: Generator, side: int) -> Float[np.ndarray, "s s"]:
    """From one colour to another."""
    u, v = turned(rng, side)
    return (0.5 + u + 0 * v).clip(0, 1)


def noise(rng: Generator, side: int) -> Float[np.ndarray, "s s"]:
    """Smooth or patchy noise."""
    coarse = rng.random((int(rng.integers(4, 40)),) * 2)
    fine = ndimage.zoom(coarse, side / coarse.shape[0], order=1)[:side, :side]
    return fine if rng.random() < 0.5 else (fine > 0.5).astype(float)


def pattern(rng: Generator, side: int) -> Float[np.ndarray, "s s"]:
    """Stripes, checks or spots."""
    u, v = turned(rng, side)
    cells = rng.uniform(4, 30)
    u, v = u * cells, v * cells
    kind = rng.integers(3)
    if kind == 0:
        return (u % 1 < rng.uniform(0.2, 0.8)).astype(float)
    if kind == 1:
        return ((np.floor(u) + np.floor(v)) % 2).astype(float)
    return ((u % 1 - 0.5) ** 2 + (v % 1 - 0.5) ** 2 < rng.uniform(0.02, 0.2)).astype(float)


def turned(rng: Generator, side: int) -> tuple[Float[np.ndarray, "s s"], Float[np.ndarray, "s s"]]:
    """Coordinates in [-0.5, 0.5], turned and slightly bent."""
    y, x = (np.mgrid[0:side, 0:side] + 0.5) / side - 0.5
    angle, bend = rng.uniform(0, np.pi), rng.choice([0.0, rng.normal(0, 0.5)])
    u = np.cos(angle) * x + np.sin(angle) * y
    v = -np.sin(angle) * x + np.cos(angle) * y
    return u + bend * v**2, v + bend * u**2


def shade(rng: Generator, look: Float[np.ndarray, "s s 3"]) -> Float[np.ndarray, "s s 3"]:
    """Light from one side, as on a round thing."""
    side = look.shape[0]
    u, _ = turned(rng, side)
    return look * (1 + rng.uniform(0, 0.9) * u)[..., None]


def shape(rng: Generator, side: int) -> Bool[np.ndarray, "s s"]:
    """A blob, polygon, ring or stick anywhere in the picture."""
    centre = rng.uniform(0.1, 0.9, 2) * side
    size = side * rng.uniform(0.05, 0.3)
    rows, columns = np.mgrid[0:side, 0:side] + 0.5
    angle, stretch = rng.uniform(0, np.pi), rng.uniform(0.35, 1.0)
    dx, dy = columns - centre[0], rows - centre[1]
    u, v = np.cos(angle) * dx + np.sin(angle) * dy, np.cos(angle) * dy - np.sin(angle) * dx
    v = v / stretch
    kind = rng.choice(["blob", "blob", "ellipse", "box", "ring", "polygon"])
    if kind == "box":
        return (np.abs(u) < size) & (np.abs(v) < size)
    radius, turn = np.hypot(u, v), np.arctan2(v, u)
    if kind == "ring":
        return (radius < size) & (radius > size * rng.uniform(0.3, 0.7))
    if kind == "polygon":
        step = 2 * np.pi / int(rng.integers(3, 8))
        return radius * np.cos(turn % step - step / 2) < size * np.cos(step / 2)
    wave = np.zeros_like(turn)
    for k in range(2, 7) if kind == "blob" else ():
        wave += rng.normal(0, 0.3 / k) * np.sin(k * turn + rng.uniform(0, 6.3))
    return radius < size * np.exp(wave)


def cast_shadow(
    rng: Generator, image: Float[np.ndarray, "s s 3"], mask: Bool[np.ndarray, "s s"]
) -> Float[np.ndarray, "s s 3"]:
    """Darken what lies beside a shape."""
    moved = np.roll(mask, tuple(int(v) for v in rng.integers(-12, 13, 2)), (0, 1))
    soft = ndimage.gaussian_filter(moved.astype(np.float32), rng.uniform(0.5, 6))
    return image * (1 - rng.uniform(0.2, 0.7) * soft)[..., None]
