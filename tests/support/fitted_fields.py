"""Checkpoints of balls: grids that were filled to hold one, in the published layouts.

One level of a hash grid has a row for every cell, filled with the density's logarithm and the
colour; the networks pass them through. Plenoxels' voxels hold density and colour themselves.
"""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import torch

from tests.support.plain_hash import packed_count
from tests.support.plain_ngp import PlainNgp

WIDTH, FEATURES = 16, 4
SOLID, AIR = 5.0, -10.0
"""Logarithms of densities."""
CONSTANT = math.sqrt(1 / (4 * math.pi))
"""The spherical harmonic of degree 0."""


@dataclass(frozen=True)
class Ball:
    """A ball of one colour, in the data set's coordinates."""

    center: np.ndarray
    radius: float
    color: tuple[float, float, float] = (0.9, 0.3, 0.1)

    def features(self, points: np.ndarray, unit: float) -> np.ndarray:
        """Density's logarithm, falling to the air's within ``unit``, and logits [n 4]."""
        inside = (self.radius - np.linalg.norm(points - self.center, axis=1)) / unit
        density = AIR + (SOLID - AIR) * np.clip(inside + 0.9, 0, 1)  # solid from the radius on
        logits = [np.full(len(points), math.log(c / (1 - c))) for c in self.color]
        return np.stack([density, *logits], axis=1)


def passing(inputs: int, hidden: int, outputs: int, sources: list[int]) -> np.ndarray:
    """A packed network whose first outputs are some of its inputs."""
    filled = math.ceil(inputs / 16) * 16
    count = len(sources)
    first = np.zeros((WIDTH, filled))
    last = np.zeros((math.ceil(outputs / 16) * 16, WIDTH))
    for row, source in enumerate(sources):
        first[row, source], first[count + row, source] = 1, -1
        last[row, row], last[row, count + row] = 1, -1
    layers = [first, *[np.eye(WIDTH)] * (hidden - 1), last]
    values = np.concatenate([layer.ravel() for layer in layers])
    assert len(values) == packed_count(inputs, WIDTH, hidden, outputs)
    return values


def nodes(side: int) -> np.ndarray:
    """Positions [n 3] in the unit cube of the rows of a level with that many cells per axis."""
    axis = (np.arange(side) - 0.5) / (side - 1)
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    return np.stack([x, y, z], axis=-1).reshape(-1, 3)


def padded_rows(table: np.ndarray) -> np.ndarray:
    """The rows filled up to a multiple of 8."""
    return np.concatenate([table, np.zeros((-len(table) % 8, table.shape[1]))])


def ngp_ball(path: Path, ball: Ball, *, aabb_scale: int = 1, side: int = 64) -> Path:
    """Write an Instant-NGP snapshot of a ball."""
    plain = PlainNgp(aabb_scale=aabb_scale, half_full=False, kind="float")
    ngp = (nodes(side) - 0.5) * aabb_scale + 0.5
    points = (ngp[:, [2, 0, 1]] - plain.offset) / plain.scale
    table = padded_rows(ball.features(points, 1.5 * aabb_scale / side / plain.scale))
    values = [passing(FEATURES, 1, 16, [0, 1, 2, 3]), passing(32, 2, 3, [1, 2, 3]), table.ravel()]
    content = plain.content()
    content["encoding"].update(base_resolution=side, log2_hashmap_size=20, n_levels=1)
    params = np.concatenate(values).astype(np.float32)
    content["snapshot"].update(params_binary=params.tobytes(), n_params=len(params))
    packed = msgpack.packb(content)
    path.write_bytes(gzip.compress(packed, 1) if path.suffix == ".ingp" else packed)
    return path


def nerfacto_ball(folder: Path, ball: Ball, *, side: int = 96) -> Path:
    """Write a nerfacto run, as tiny-cuda-nn packs it, of a ball in contracted space."""
    contracted = nodes(side) * 4 - 2
    size = np.abs(contracted).max(axis=1, keepdims=True)
    reach = np.maximum(2 - np.maximum(size, 1), 1e-3)
    points = np.where(size > 1, contracted / np.maximum(size, 1) / reach, contracted)
    table = padded_rows(ball.features(points, 6 / side)).ravel()
    log2_rows = 20
    sizes = {"num_levels": 1, "max_res": side, "log2_hashmap_size": log2_rows}
    pipeline = {
        "field.mlp_base.model.params": np.concatenate(
            [passing(FEATURES, 1, 16, [0, 1, 2, 3]), table]
        ),
        "field.mlp_head.tcnn_encoding.params": passing(31, 2, 3, [16, 17, 18]),
        "proposal_networks.0.encoding.tcnn_encoding.params": table,
        "proposal_networks.0.mlp_base.1.tcnn_encoding.params": passing(FEATURES, 1, 1, [0]),
    }
    state: dict[str, Any] = {
        f"_model.{name}": torch.tensor(values, dtype=torch.float32)
        for name, values in pipeline.items()
    }
    for start in ("field", "proposal_networks.0"):
        state |= {f"_model.{start}.{name}": torch.tensor(n) for name, n in sizes.items()}
    (folder / "nerfstudio_models").mkdir(parents=True)
    torch.save({"step": 9, "pipeline": state}, folder / "nerfstudio_models" / "step-9.ckpt")
    proposal = {"base_res": side, "features_per_level": FEATURES}
    model = {
        **proposal,
        "average_init_density": 1.0,
        "num_proposal_iterations": 1,
        "num_proposal_samples_per_ray": [128],
        "num_nerf_samples_per_ray": 48,
        "background_color": "black",
        "proposal_net_args_list": [proposal],
    }
    config = {"method_name": "nerfacto", "pipeline": {"model": model}}
    (folder / "config.yml").write_text(json.dumps(config, indent=1))
    transform = {"transform": np.eye(4)[:3].tolist(), "scale": 1.0}
    (folder / "dataparser_transforms.json").write_text(json.dumps(transform))
    return folder


def plenoxels_balls(path: Path, balls: list[Ball], *, side: int = 64, reach: float = 1.5) -> Path:
    """Write a Plenoxels file of balls in a cube, ``reach`` from its middle to its faces."""
    axis = ((np.arange(side) + 0.5) / side * 2 - 1) * reach
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    links = np.full(side**3, -1, np.int32)
    density, colors = [], []
    for ball in balls:
        features = ball.features(points, 3 * reach / side)
        there = (features[:, 0] > AIR) & (links < 0)
        links[there] = sum(map(len, density)) + np.arange(int(there.sum()))
        density.append(np.exp(features[there, 0]))
        colors.append(np.tile((np.array(ball.color) - 0.5) / CONSTANT, (len(density[-1]), 1)))
    arrays = {
        "radius": np.full(3, reach, np.float32),
        "center": np.zeros(3, np.float32),
        "links": links.reshape(side, side, side),
        "density_data": np.concatenate(density)[:, None].astype(np.float32),
        "sh_data": np.concatenate(colors).astype(np.float16),
        "basis_type": 1,
    }
    with path.open("wb") as file:
        np.savez(file, **arrays)
    return path


MAKERS: dict[str, Callable[[Path, Ball], Path]] = {
    "instant_ngp": lambda folder, ball: ngp_ball(folder / "s.msgpack", ball),
    "instant_ngp 4": lambda folder, ball: ngp_ball(folder / "s.ingp", ball, aabb_scale=4, side=96),
    "nerfacto": lambda folder, ball: nerfacto_ball(folder / "run", ball),
    "plenoxels": lambda folder, ball: plenoxels_balls(folder / "ckpt.npz", [ball]),
}
