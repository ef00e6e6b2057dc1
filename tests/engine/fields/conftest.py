"""Synthetic TensoRF checkpoints and a slow, plain renderer to compare with.

The renderer is written from the format's description with dense samples and nothing skipped; it
shares no code with the package.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from sa3d_blender.engine.parallel import one_core

Tables = dict[str, Any]
GRID = (17, 19, 15)
PLANES = ((0, 1), (0, 2), (1, 2))
LINES = (2, 1, 0)


def make_tables(
    *,
    kind: str = "vm",
    shading: str = "MLP_Fea",
    activation: str = "softplus",
    mask: bool = True,
    frequencies: tuple[int, int, int] = (3, 2, 2),
    forward_facing: bool = False,
) -> Tables:
    """The content of a ``.th`` file with random weights that form a few blobs."""
    generator = torch.Generator().manual_seed(7)
    channels = {"SH": 27, "RGB": 3}.get(shading, 12)
    box = torch.tensor([[-1.2, -1.0, -0.8], [1.1, 1.3, 0.9]])
    kwargs = {
        "aabb": box if not forward_facing else torch.tensor([[-1.4, -1.5, -0.97], [1.3, 1.4, 1.0]]),
        "gridSize": list(GRID),
        "density_n_comp": [4, 4, 4] if kind == "vm" else [6],
        "appearance_n_comp": [5, 6, 7] if kind == "vm" else [9],
        "app_dim": channels,
        "density_shift": -10.0,
        "alphaMask_thres": 1e-4,
        "distance_scale": 25,
        "rayMarch_weight_thres": 1e-4,
        "fea2denseAct": activation,
        "near_far": [0.0, 1.0] if forward_facing else [1.5, 6.0],
        "step_ratio": 0.5,
        "shadingMode": shading,
        "pos_pe": frequencies[0],
        "view_pe": frequencies[1],
        "fea_pe": frequencies[2],
        "featureC": 16,
    }
    state = {
        **_density_factors(kwargs["density_n_comp"], kind, activation, generator),
        **_factors("app", kwargs["appearance_n_comp"], kind, generator, 1.0),
    }
    total = sum(kwargs["appearance_n_comp"])
    state["basis_mat.weight"] = torch.randn(channels, total, generator=generator) * 0.3
    if shading.startswith("MLP"):
        state |= _network(shading, channels, frequencies, generator)
    tables = {"kwargs": kwargs, "state_dict": state}
    if mask:
        bits = torch.rand(9, 8, 10, generator=generator) > 0.6
        tables["alphaMask.shape"] = (1, 1, *bits.shape)
        tables["alphaMask.mask"] = np.packbits(bits.numpy().reshape(-1))
        tables["alphaMask.aabb"] = kwargs["aabb"] * 1.1
    return tables


def _density_factors(
    ranks: list[int], kind: str, activation: str, generator: torch.Generator
) -> dict[str, Tensor]:
    """Factors that vanish on the box's faces.

    The first sample of a ray lies exactly on a face, where rounding decides whether it counts.
    """
    size = 1.6 if activation == "softplus" else 0.6
    found = _factors("density", ranks, kind, generator, size)
    for value in found.values():
        for dim in (2, 3):
            if value.shape[dim] > 1:
                value.narrow(dim, 0, 1).zero_()
                value.narrow(dim, value.shape[dim] - 1, 1).zero_()
    return found


def _factors(
    name: str, ranks: list[int], kind: str, generator: torch.Generator, size: float
) -> dict[str, Tensor]:
    found = {}
    for i in range(3):
        rank = ranks[i if kind == "vm" else 0]
        line = torch.randn(1, rank, GRID[LINES[i]], 1, generator=generator)
        found[f"{name}_line.{i}"] = line * size
        if kind == "vm":
            u, v = PLANES[i]
            plane = torch.randn(1, rank, GRID[v], GRID[u], generator=generator)
            found[f"{name}_plane.{i}"] = plane * size
    return found


def _network(
    shading: str, channels: int, frequencies: tuple[int, int, int], generator: torch.Generator
) -> dict[str, Tensor]:
    position, view, feature = frequencies
    inputs = channels + 3 + 6 * view
    inputs += 2 * feature * channels if shading == "MLP_Fea" else 0
    inputs += 6 * position if shading == "MLP_PE" else 0
    found = {}
    for i, (rows, columns) in zip((0, 2, 4), ((16, inputs), (16, 16), (3, 16)), strict=True):
        scale = 1.5 / math.sqrt(columns)
        weight = torch.randn(rows, columns, generator=generator) * scale
        found[f"renderModule.mlp.{i}.weight"] = weight
        found[f"renderModule.mlp.{i}.bias"] = torch.randn(rows, generator=generator) * 0.2
    return found


class PlainRenderer:
    """All samples of all rays, one formula after the other, in double precision."""

    def __init__(self, tables: Tables) -> None:
        self.kwargs = tables["kwargs"]
        self.state = {name: value.double() for name, value in tables["state_dict"].items()}
        self.box = self.kwargs["aabb"].double()
        size = torch.tensor(self.kwargs["gridSize"])
        extent = self.box[1] - self.box[0]
        self.step = float((extent / (size - 1)).mean() * self.kwargs["step_ratio"])
        self.count = int(float(extent.norm()) / self.step) + 1
        self.mask = None
        if "alphaMask.mask" in tables:
            shape = tables["alphaMask.shape"]
            bits = np.unpackbits(tables["alphaMask.mask"])[: math.prod(shape)]
            self.mask = torch.from_numpy(bits.reshape(shape)).double()
            self.mask_box = tables["alphaMask.aabb"].double()

    def features(self, name: str, q: Tensor) -> Tensor:
        """Products of the factors [n c] at normalised points."""
        lines = []
        for i in range(3):
            at = torch.stack([torch.zeros_like(q[:, 0]), q[:, LINES[i]]], dim=1)
            lines.append(_interpolated(self.state[f"{name}_line.{i}"], at))
        if f"{name}_plane.0" not in self.state:
            return lines[0] * lines[1] * lines[2]
        planes = [
            _interpolated(self.state[f"{name}_plane.{i}"], q[:, list(PLANES[i])]) for i in range(3)
        ]
        return torch.cat([p * line for p, line in zip(planes, lines, strict=True)], dim=1)

    def density(self, q: Tensor) -> Tensor:
        """Density [n] at normalised points, mask and distance scale left out."""
        feature = self.features("density", q).sum(dim=1)
        if self.kwargs["fea2denseAct"] == "relu":
            return feature.clamp_min(0)
        return (1 + (feature + self.kwargs["density_shift"]).exp()).log()

    def live(self, points: Tensor) -> Tensor:
        """Whether model-space points lie in the box and in the alpha mask."""
        inside = ((points >= self.box[0]) & (points <= self.box[1])).all(dim=1)
        if self.mask is None:
            return inside
        q = (points - self.mask_box[0]) / (self.mask_box[1] - self.mask_box[0]) * 2 - 1
        value = functional.grid_sample(self.mask, q.view(1, 1, 1, -1, 3), align_corners=True)
        return inside & (value.view(-1) > 0)

    def color(self, q: Tensor, view: Tensor) -> Tensor:
        """Colours [n 3] at normalised points seen along unit directions [n 3]."""
        kwargs, shading = self.kwargs, self.kwargs["shadingMode"]
        feature = self.features("app", q) @ self.state["basis_mat.weight"].T
        if shading == "RGB":
            return feature
        if shading == "SH":
            return (torch.einsum("nck,nk->nc", feature.view(-1, 3, 9), _sh(view)) + 0.5).relu()
        parts = [feature, view]
        if shading == "MLP_Fea":
            parts.append(_encoded(feature, kwargs["fea_pe"]))
        if shading == "MLP_PE":
            parts.append(_encoded(q, kwargs["pos_pe"]))
        parts.append(_encoded(view, kwargs["view_pe"]))
        x = torch.cat(parts, dim=1)
        for i in (0, 2, 4):
            weight = self.state[f"renderModule.mlp.{i}.weight"]
            x = x @ weight.T + self.state[f"renderModule.mlp.{i}.bias"]
            x = x.relu() if i < 4 else x.sigmoid()
        return x

    def render(
        self, points: Tensor, view: Tensor, lengths: Tensor, background: float
    ) -> tuple[Tensor, Tensor]:
        """Images [n 3] and weights [n k] from samples [n k 3] with step lengths [n k]."""
        flat = points.reshape(-1, 3)
        live = self.live(flat)
        q = (flat - self.box[0]) / (self.box[1] - self.box[0]) * 2 - 1
        sigma = torch.where(live, self.density(q), 0.0).view(points.shape[:2])
        alpha = 1 - (-sigma * lengths * self.kwargs["distance_scale"]).exp()
        passed = torch.cumprod(1 - alpha, dim=1)
        before = torch.cat([torch.ones_like(passed[:, :1]), passed[:, :-1]], dim=1)
        weights = alpha * before
        colored = weights > self.kwargs["rayMarch_weight_thres"]
        rgb = torch.zeros_like(flat)
        directions = view[:, None].expand_as(points).reshape(-1, 3)
        rgb[colored.flatten()] = self.color(q[colored.flatten()], directions[colored.flatten()])
        image = (weights[..., None] * rgb.view_as(points)).sum(dim=1)
        image = image + (1 - weights.sum(dim=1, keepdim=True)) * background
        return image.clamp(0, 1), weights

    def bounded(self, origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """White-background images, weights and distances for unit directions."""
        origins, directions = origins.double(), directions.double()
        first = (self.box[0] - origins) / directions
        second = (self.box[1] - origins) / directions
        start = torch.minimum(first, second).amax(dim=1).clamp(*self.kwargs["near_far"])
        t = start[:, None] + torch.arange(self.count) * self.step
        points = origins[:, None] + t[..., None] * directions[:, None]
        lengths = torch.full_like(t, self.step)
        lengths[:, -1] = 0
        image, weights = self.render(points, directions, lengths, background=1.0)
        return image, weights, t

    def forward_facing(
        self, origins: Tensor, directions: Tensor, focal: tuple[float, float]
    ) -> tuple[Tensor, Tensor]:
        """Black-background images and weights for rays in the mirrored model space."""
        o, d = origins.double(), directions.double()
        o = o - ((1 + o[:, 2]) / d[:, 2])[:, None] * d
        origin = torch.stack(
            [-focal[0] * o[:, 0] / o[:, 2], -focal[1] * o[:, 1] / o[:, 2], 1 + 2 / o[:, 2]], dim=1
        )
        slope = d[:, :2] / d[:, 2:] - o[:, :2] / o[:, 2:]
        direction = torch.stack(
            [-focal[0] * slope[:, 0], -focal[1] * slope[:, 1], -2 / o[:, 2]], dim=1
        )
        t = torch.linspace(0, 1, self.count, dtype=torch.float64).expand(len(o), -1)
        points = origin[:, None] + t[..., None] * direction[:, None]
        norm = direction.norm(dim=1, keepdim=True)
        lengths = norm.expand_as(t) / (self.count - 1)
        lengths = torch.cat([lengths[:, :-1], torch.zeros_like(lengths[:, :1])], dim=1)
        return self.render(points, direction / norm, lengths, background=0.0)


def _interpolated(grid: Tensor, at: Tensor) -> Tensor:
    found = functional.grid_sample(grid, at.view(1, 1, -1, 2), align_corners=True)
    return found[0, :, 0].T


def _encoded(values: Tensor, frequencies: int) -> Tensor:
    angles = [values[:, c] * 2**k for c in range(values.shape[1]) for k in range(frequencies)]
    both = [a.sin() for a in angles] + [a.cos() for a in angles]
    return torch.stack(both, dim=1) if both else values[:, :0]


def _sh(v: Tensor) -> Tensor:
    """Real spherical harmonics from their definition on monomials (signs as in the format)."""
    x, y, z = v.unbind(dim=1)
    pi = math.pi
    one, two = math.sqrt(3 / (4 * pi)), math.sqrt(15 / (4 * pi))
    zonal = math.sqrt(5 / (16 * pi))
    rows = [torch.full_like(x, math.sqrt(1 / (4 * pi))), -one * y, one * z, -one * x]
    rows += [two * x * y, -two * y * z, zonal * (3 * z * z - 1), -two * x * z]
    rows += [two / 2 * (x * x - y * y)]
    return torch.stack(rows, dim=1)


@pytest.fixture(autouse=True)
def _on_one_core() -> Iterator[None]:
    """Small operations on several busy cores wait for each other most of the time."""
    with one_core():
        yield


@pytest.fixture
def write_checkpoint(tmp_path: Path) -> Callable[[Tables], Path]:
    """Saves tables as a checkpoint file and returns its path."""
    numbers = itertools.count()

    def write(tables: Tables) -> Path:
        path = tmp_path / f"model{next(numbers)}.th"
        torch.save(tables, path)
        return path

    return write


@pytest.fixture
def tables() -> Callable[..., Tables]:
    """Makes synthetic checkpoints' contents."""
    return make_tables


@pytest.fixture
def plain_renderer() -> type[PlainRenderer]:
    """The slow renderer."""
    return PlainRenderer
