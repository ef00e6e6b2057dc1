"""Small Instant-NGP snapshots, and a slow, plain renderer to compare with.

Written from the published layout and the method's description, in double precision, one ray and one
step after the other; nothing is shared with the package. `write_snapshot` packs any networks and
tables, so that a fitted field can be written too.
"""

from __future__ import annotations

import gzip
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgpack
import numpy as np

from sa3d_blender.core.cameras import Camera
from tests.support.plain_hash import harmonics, packed_count, packed_network, tcnn_features
from tests.support.ray_by_ray import picture

SIDE = 128


@dataclass
class PlainNgp:
    """A random snapshot and its pictures."""

    seed: int = 1
    aabb_scale: int = 1
    levels: int = 3
    features: int = 4
    log2_rows: int = 10
    base: int = 4
    finest: float = 2048.0
    width: int = 16
    kind: str = "__half"
    scale: float = 0.33
    offset: tuple[float, float, float] = (0.5, 0.5, 0.5)
    mitsuba: bool = False
    hdr: bool = False
    exposure: float = 0.0
    background: tuple[float, float, float, float] = (0.2, 0.4, 0.6, 1.0)
    half_full: bool = True
    """Whether only a slab across Instant-NGP's z is occupied."""
    changes: dict[str, Any] = field(default_factory=dict)
    """Other entries of the snapshot's table."""

    def __post_init__(self) -> None:
        random = np.random.default_rng(self.seed)
        growth = math.exp(math.log(self.finest * self.aabb_scale / self.base) / (self.levels - 1))
        # A whole resolution in single precision is whole.
        exact = [self.base * growth**i for i in range(self.levels)]
        exact = [round(x) if abs(x - round(x)) < 1e-3 else x for x in exact]
        self.scales = [x - 1 for x in exact]
        rows = [min(math.ceil((math.ceil(s) + 1) ** 3 / 8) * 8, 2**self.log2_rows)
                for s in self.scales]  # fmt: skip
        inputs = self.levels * self.features
        self._density_size = (inputs, self.width, 1, 16)
        self._color_size = (32, self.width, 2, 3)
        kind = np.float16 if self.kind == "__half" else np.float32
        counts = packed_count(*self._density_size), packed_count(*self._color_size)
        first, second = (random.normal(size=n) / math.sqrt(self.width) for n in counts)
        table = random.normal(size=(sum(rows), self.features))
        self.density_values = np.asarray(first * 4, kind).astype(float)
        self.color_values = np.asarray(second * 2, kind).astype(float)
        self.table = np.asarray(table, kind).astype(float)
        self.cascades = max(0, math.ceil(math.log2(self.aabb_scale))) + 1
        self.grid = np.zeros((self.cascades, SIDE, SIDE, SIDE), np.float16)  # k, x, y, z
        self.grid[:, :, :, slice(60, 90) if self.half_full else slice(None)] = 0.5
        self._threshold = min(0.01, float(self.grid[0].clip(0).astype(float).mean()))

    def params(self) -> np.ndarray:
        """The list of weights: density network, colour network, grid."""
        return np.concatenate([self.density_values, self.color_values, self.table.ravel()])

    def content(self) -> dict[str, Any]:
        """The map that a snapshot is."""
        values = self.params().astype(np.float16 if self.kind == "__half" else np.float32)
        half = self.aabb_scale / 2
        mlp = {"otype": "FullyFusedMLP", "activation": "ReLU", "output_activation": "None",
               "n_neurons": self.width}  # fmt: skip
        return {
            "encoding": {
                "otype": "HashGrid",
                "n_levels": self.levels,
                "n_features_per_level": self.features,
                "log2_hashmap_size": self.log2_rows,
                "base_resolution": self.base,
            },
            "network": {**mlp, "n_hidden_layers": 1},
            "dir_encoding": {
                "otype": "Composite",
                "nested": [
                    {"n_dims_to_encode": 3, "otype": "SphericalHarmonics", "degree": 4},
                    {"otype": "Identity"},
                ],
            },
            "rgb_network": {**mlp, "n_hidden_layers": 2},
            "snapshot": {
                "version": 1,
                "mode": "nerf",
                "n_params": len(values),
                "params_type": self.kind,
                "params_binary": values.tobytes(),
                "density_grid_size": SIDE,
                "density_grid_binary": morton_packed(self.grid),
                "aabb": {"min": [0.5 - half] * 3, "max": [0.5 + half] * 3},
                "background_color": list(self.background),
                "exposure": self.exposure,
                "nerf": {"aabb_scale": self.aabb_scale, "dataset": self.dataset()},
                **self.changes,
            },
        }

    def dataset(self) -> dict[str, Any]:
        """What a snapshot says about its pictures: two cameras."""
        start = [[0.0, 0.0, -1.0, 0.9], [1.0, 0.0, 0.0, 0.5], [0.0, -1.0, 0.0, 0.6]]
        lens = {
            "focal_length": [50.0, 60.0],
            "principal_point": [0.5, 0.25],
            "resolution": [40, 30],
            "lens": {"mode": "Perspective", "params": [0.0] * 7},
        }
        return {
            "n_images": 2,
            "paths": ["images/a.png", "images/b.png"],
            "xforms": [{"start": start, "end": start}] * 2,
            "metadata": [lens, lens],
            "scale": self.scale,
            "offset": list(self.offset),
            "aabb_scale": self.aabb_scale,
            "from_mitsuba": self.mitsuba,
            "is_hdr": self.hdr,
        }

    def save(self, path: Path) -> Path:
        """Write the snapshot, compressed if the name ends in ``.ingp``."""
        content = msgpack.packb(self.content())
        path.write_bytes(gzip.compress(content) if path.suffix == ".ingp" else content)
        return path

    def render(self, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
        """Picture [h w 3] and opacity [h w] from a camera in the data set's frame."""
        return picture(camera, lambda o, d: self._ray(self.to_ngp(o), self._turn(d)))

    def to_ngp(self, p: np.ndarray) -> np.ndarray:
        """The data set's coordinates in Instant-NGP's world."""
        return self._turn(np.asarray(p) * self.scale + np.array(self.offset))

    def _turn(self, v: np.ndarray) -> np.ndarray:
        return v if self.mitsuba else np.array([v[1], v[2], v[0]])

    def _ray(self, o: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, float]:
        half = self.aabb_scale / 2
        with np.errstate(divide="ignore"):
            ends = (0.5 - half - o) / d, (0.5 + half - o) / d
        entry, leave = np.minimum(*ends).max(), np.maximum(*ends).min()
        t = advanced(max(entry, 0.0), 0.5, self.aabb_scale > 1)
        color, left = np.zeros(3), 1.0
        while t < leave and left > 1e-4:
            following = advanced(t, 1.0, self.aabb_scale > 1)
            p = o + t * d
            if self.occupied(p):
                sigma, rgb = self.at(p, d)
                alpha = 1 - math.exp(-sigma * (following - t))
                color, left = color + left * alpha * rgb, left * (1 - alpha)
            t = following
        return color + left * np.array(self.background[:3]) * self.background[3], 1 - left

    def occupied(self, p: np.ndarray) -> bool:
        """Whether the finest cube around a point, or a finer one in its cell, has it occupied."""
        reach = np.abs(p - 0.5).max()
        level = 0
        while reach >= 0.5 * 2**level and level < self.cascades - 1:
            level += 1
        for k in range(level + 1):  # finer cubes mark the cells they lie in
            size = 2.0 ** (level - k)
            cell = np.floor(((p - 0.5) / 2**level + 0.5) * SIDE)
            low = (((cell / SIDE - 0.5) * 2**level) / 2**k + 0.5) * SIDE
            if (low < 0).any() or (low + size > SIDE).any():
                continue
            x, y, z = (slice(int(a), int(a + size)) for a in low)
            if (self.grid[k][x, y, z] > self._threshold).any():
                return True
        return False

    def at(self, p: np.ndarray, d: np.ndarray) -> tuple[float, np.ndarray]:
        """Density and colour at a point of Instant-NGP's world seen along a unit direction."""
        q = (p - 0.5) / self.aabb_scale + 0.5
        features = tcnn_features(self.table, q, self.scales, self.log2_rows)
        out = packed_network(self.density_values, features, *self._density_size[1:], padding=0.0)
        raw = packed_network(
            self.color_values, np.concatenate([out, harmonics(d)]), *self._color_size[1:],
            padding=1.0,
        )  # fmt: skip
        rgb = np.exp(np.clip(raw, -10, 10)) if self.hdr else 1 / (1 + np.exp(-raw))
        if self.exposure or self.hdr:
            linear = rgb if self.hdr else decoded(rgb)
            rgb = np.clip(encoded(linear * 2**self.exposure), 0, 1)
        return math.exp(out[0]), rgb


def advanced(t: float, steps: float, growing: bool) -> float:
    """The distance some steps farther: of sqrt(3)/1024, or growing with the distance."""
    smallest, rate = math.sqrt(3) / 1024, math.log(1 + 1 / 256)
    if not growing:
        return t + steps * smallest
    begin = smallest / rate
    if t < begin:
        within = min(steps, (begin - t) / smallest)
        t, steps = t + within * smallest, steps - within
    return t * (1 + 1 / 256) ** steps if steps > 0 else t


def morton_packed(grid: np.ndarray) -> bytes:
    """Numbers of cells [k x y z], each cube's ordered by the interleaved bits of x, y and z."""
    x, y, z = np.meshgrid(*[np.arange(SIDE)] * 3, indexing="ij")
    code = np.zeros(x.shape, dtype=np.int64)
    for bit in range(7):
        for axis, values in enumerate((x, y, z)):
            code |= ((values >> bit) & 1) << (3 * bit + axis)
    packed = np.empty((len(grid), SIDE**3), np.float16)
    packed[:, code.ravel()] = grid.reshape(len(grid), -1)
    return packed.tobytes()


def decoded(srgb: np.ndarray) -> np.ndarray:
    """Linear values of sRGB's."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def encoded(linear: np.ndarray) -> np.ndarray:
    """sRGB values of linear ones."""
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
