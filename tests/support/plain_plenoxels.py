"""Synthetic Plenoxels files and a slow, plain renderer to compare with.

Written from the format's description, one sample of one ray after the other, in double precision;
it shares no code with the package.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

Arrays = dict[str, Any]
GRID = (13, 17, 11)
NDC_RADIUS = (1.4, 1.5, 1.0)
SCALED = (0.9, 1.2, 0.7)
STEP = 0.5


def make_arrays(
    *,
    grid: tuple[int, int, int] = GRID,
    radius: tuple[float, float, float] = SCALED,
    center: tuple[float, float, float] = (0.2, -0.1, 0.05),
    basis: int = 9,
    filled: float = 0.5,
    spread: float = 12.0,
) -> Arrays:
    """The content of a ``ckpt.npz`` with random weights in random voxels.

    Densities are of both signs; the first and last layer along each axis hold voxels, too.
    """
    generator = np.random.default_rng(4)
    links = np.full(grid, -1, np.int32)
    there = generator.random(grid) < filled
    links[there] = generator.permutation(int(there.sum()))
    links[~there] = -generator.integers(1, 5, int((~there).sum()))  # farther ones say how far
    count = int(there.sum())
    return {
        "radius": np.array(radius, np.float32),
        "center": np.array(center, np.float32),
        "links": links,
        "density_data": generator.normal(0.0, spread, (count, 1)).astype(np.float32),
        "sh_data": generator.normal(0.0, 0.7, (count, 3 * basis)).astype(np.float16),
        "basis_type": 1,
    }


def write(path: Path, arrays: Arrays, *, compressed: bool = False) -> Path:
    """Save arrays as svox2 does."""
    with path.open("wb") as file:
        (np.savez_compressed if compressed else np.savez)(file, **arrays)
    return path


class PlainPlenoxels:
    """All samples of all rays."""

    def __init__(self, arrays: Arrays) -> None:
        self.links = arrays["links"]
        self.density_data = arrays["density_data"].astype(np.float64)
        self.sh_data = arrays["sh_data"].astype(np.float64)
        self.radius = arrays["radius"].astype(np.float64)
        self.center = arrays["center"].astype(np.float64)
        self.size = np.array(self.links.shape)

    def looked_up(self, data: np.ndarray, place: np.ndarray) -> np.ndarray:
        """Row values between the eight voxels around a place in voxels."""
        place = np.clip(place, 0, self.size - 1)
        low = np.minimum(place.astype(int), self.size - 2)
        found = np.zeros(data.shape[1])
        for corner in np.ndindex(2, 2, 2):
            link = self.links[tuple(low + corner)]
            share = np.prod(np.where(np.array(corner) == 1, place - low, 1 - place + low))
            if link >= 0:
                found += share * data[link]
        return found

    def place(self, point: np.ndarray) -> np.ndarray:
        """Model space to voxels; a voxel's middle is a whole number."""
        return ((point - self.center) / self.radius + 1) / 2 * self.size - 0.5

    def density(self, point: np.ndarray) -> float:
        """At a point of the model space inside the box."""
        return max(0.0, float(self.looked_up(self.density_data, self.place(point))[0]))

    def color(self, point: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """At a point, seen along a unit direction of the model space."""
        coefficients = self.looked_up(self.sh_data, self.place(point)).reshape(3, -1)
        basis = harmonics(direction)[: coefficients.shape[1]]
        return np.maximum(coefficients @ basis + 0.5, 0)

    def ray(
        self, origin: np.ndarray, direction: np.ndarray, background: float
    ) -> tuple[np.ndarray, float, float]:
        """Colour, opacity and the sum of weight times length along a unit direction."""
        start = self.place(origin)
        along = direction / (2 * self.radius) * self.size
        length = 1 / np.linalg.norm(along)  # of one voxel's width, model space
        along = along * length
        faces = [(-0.5 - start) / along, (self.size - 0.5 - start) / along]
        t, last = max(0.0, np.minimum(*faces).max()), np.maximum(*faces).min()
        image, through, mean = np.zeros(3), 1.0, 0.0
        while t <= last:
            point = origin + t * length * direction
            alpha = 1 - math.exp(-self.density(point) * STEP * length)
            if alpha > 0:
                image += through * alpha * self.color(point, direction)
            mean += through * alpha * t * length
            through *= 1 - alpha
            t += STEP
        return np.clip(image + through * background, 0, 1), 1 - through, mean


def harmonics(d: np.ndarray) -> np.ndarray:
    """The real basis functions to degree 2, from their norms, with the format's signs."""
    x, y, z = d
    first, second = math.sqrt(3 / (4 * math.pi)), math.sqrt(15 / (4 * math.pi))
    return np.array(
        [
            math.sqrt(1 / (4 * math.pi)),
            -first * y,
            first * z,
            -first * x,
            second * x * y,
            -second * y * z,
            math.sqrt(5 / (16 * math.pi)) * (3 * z * z - 1),
            -second * x * z,
            second / 2 * (x * x - y * y),
        ]
    )


def in_ndc(
    origin: np.ndarray, direction: np.ndarray, focal: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """A ray of a camera that looks along -z with y up, in the NDC of svox2.

    Its cameras look along +z with y down. The near plane is at 1, the direction is a unit one.
    """
    turn = np.array([1.0, -1.0, -1.0])
    o, d = origin * turn, direction * turn
    o = o + (1 - o[2]) / d[2] * d
    f = np.array(focal)
    bent = np.array([*(f * (d[:2] / d[2] - o[:2] / o[2])), 2 / o[2]])
    return np.array([*(f * o[:2] / o[2]), 1 - 2 / o[2]]), bent / np.linalg.norm(bent)
