"""Small NeRF checkpoints and a slow, plain renderer to compare with.

The renderer is written from the method's description, in double precision, with every sample
evaluated; it shares no code with the package.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sa3d_blender.core.cameras import Camera

Tables = dict[str, Any]
WIDTH, DEPTH, SKIP = 24, 4, 1
OCTAVES, VIEW_OCTAVES = 3, 2


def make_network(seed: int, *, with_view: bool = True, filled: float = 0.2) -> dict[str, Tensor]:
    """Random weights of one network; that part of the cube [-1.5, 1.5]^3 has density."""
    generator = torch.Generator().manual_seed(seed)
    encoded, encoded_view = 3 + 6 * OCTAVES, 3 + 6 * VIEW_OCTAVES
    sizes = {f"pts_linears.{i}": (WIDTH, WIDTH) for i in range(1, DEPTH)}
    sizes["pts_linears.0"] = (WIDTH, encoded)
    sizes[f"pts_linears.{SKIP + 1}"] = (WIDTH, WIDTH + encoded)
    if with_view:
        sizes["alpha_linear"] = (1, WIDTH)
        sizes["feature_linear"] = (WIDTH, WIDTH)
        sizes["views_linears.0"] = (WIDTH // 2, WIDTH + encoded_view)
        sizes["rgb_linear"] = (3, WIDTH // 2)
    else:
        sizes["output_linear"] = (5, WIDTH)
        sizes["views_linears.0"] = (WIDTH // 2, WIDTH + 3)  # written by the training, not used
    state = {}
    for name, (rows, columns) in sizes.items():
        gain = 4.0 if name in ("alpha_linear", "output_linear") else 1.6
        weight = torch.randn(rows, columns, generator=generator) * gain / math.sqrt(columns)
        state[f"{name}.weight"] = weight
        state[f"{name}.bias"] = torch.randn(rows, generator=generator) * 0.3
    points = torch.rand(2000, 3, generator=generator) * 3 - 1.5
    sigma, _ = network_output(state, points.double(), points.double())
    bias = state["alpha_linear.bias"] if with_view else state["output_linear.bias"][3:4]
    bias -= sigma.quantile(1 - filled).float()
    return state


def make_tables(*, with_view: bool = True, fine: bool = True, filled: float = 0.2) -> Tables:
    """The content of a ``.tar`` file."""
    tables: Tables = {
        "global_step": 100,
        "network_fn_state_dict": make_network(1, with_view=with_view, filled=filled),
        "optimizer_state_dict": {"state": {}, "param_groups": [{"lr": 5e-4}]},
    }
    if fine:
        tables["network_fine_state_dict"] = make_network(2, with_view=with_view, filled=filled)
    return tables


@dataclass
class PlainNerf:
    """Everything evaluated, one formula after the other."""

    tables: Tables
    near: float = 2.0
    far: float = 6.0
    samples: int = 64
    fine_samples: int = 128
    lindisp: bool = False
    background: float = 1.0
    ndc_focal: tuple[float, float] | None = None

    def network(self, name: str, points: Tensor, view: Tensor) -> tuple[Tensor, Tensor]:
        """Densities [n] and colours [n 3] at points seen along unit directions."""
        sigma, rgb = network_output(self.tables[name], points, view)
        return sigma.clamp_min(0), rgb

    def render(self, camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pictures [h w 3], opacities [h w] and mean distances times opacity [h w]."""
        origin, direction = plain_rays(camera)
        view = direction / direction.norm(dim=1, keepdim=True)
        o, d = origin, direction
        if self.ndc_focal is not None:
            o, d = self._ndc(origin, direction)
        t = torch.linspace(0, 1, self.samples, dtype=torch.float64)
        z = self.near * (1 - t) + self.far * t
        if self.lindisp:
            z = 1 / ((1 - t) / self.near + t / self.far)
        z = z.expand(len(o), -1)
        last = "network_fn_state_dict"
        if self.fine_samples:
            weights, _ = self._weights(last, o, d, view, z)
            z = torch.cat([z, self._fine(z, weights)], dim=1).sort(dim=1).values
            last = "network_fine_state_dict" if "network_fine_state_dict" in self.tables else last
        weights, rgb = self._weights(last, o, d, view, z)
        opacity = weights.sum(dim=1)
        image = (weights[..., None] * rgb).sum(dim=1) + (1 - opacity)[:, None] * self.background
        distance = (weights * z * d.norm(dim=1, keepdim=True)).sum(dim=1)
        shape = (camera.height, camera.width)
        return (
            image.view(*shape, 3).numpy(),
            opacity.view(shape).numpy(),
            distance.view(shape).numpy(),
        )

    def _weights(
        self, name: str, o: Tensor, d: Tensor, view: Tensor, z: Tensor
    ) -> tuple[Tensor, Tensor]:
        points = o[:, None] + z[..., None] * d[:, None]
        views = view[:, None].expand_as(points)
        sigma, rgb = self.network(name, points.reshape(-1, 3), views.reshape(-1, 3))
        gaps = torch.cat([z.diff(dim=1), torch.full_like(z[:, :1], 1e10)], dim=1)
        alpha = 1 - (-sigma.view_as(z) * gaps * d.norm(dim=1, keepdim=True)).exp()
        through = torch.cumprod(1 - alpha + 1e-10, dim=1)
        before = torch.cat([torch.ones_like(through[:, :1]), through[:, :-1]], dim=1)
        return alpha * before, rgb.view_as(points)

    def _fine(self, z: Tensor, weights: Tensor) -> Tensor:
        """Quantiles of the inner weights, ray by ray."""
        rows = []
        for depths, mass in zip(z.numpy(), weights[:, 1:-1].numpy() + 1e-5, strict=True):
            edges = (depths[1:] + depths[:-1]) / 2
            below = np.concatenate([[0.0], np.cumsum(mass / mass.sum())])
            rows.append(np.interp(np.linspace(0, 1, self.fine_samples), below, edges))
        return torch.from_numpy(np.stack(rows))

    def _ndc(self, o: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
        """Rays in normalised device coordinates with the near plane at 1."""
        assert self.ndc_focal is not None
        fx, fy = self.ndc_focal
        o = o - ((1 + o[:, 2]) / d[:, 2])[:, None] * d
        ox, oy, oz = o.unbind(dim=1)
        dx, dy, dz = d.unbind(dim=1)
        origin = torch.stack([-fx * ox / oz, -fy * oy / oz, 1 + 2 / oz], dim=1)
        along = torch.stack([-fx * (dx / dz - ox / oz), -fy * (dy / dz - oy / oz), -2 / oz], dim=1)
        return origin, along


def network_output(
    weights: dict[str, Tensor], points: Tensor, view: Tensor
) -> tuple[Tensor, Tensor]:
    """Densities [n] before the ReLU and colours [n 3]."""
    state = {key: value.double() for key, value in weights.items()}

    def linear(layer: str, x: Tensor) -> Tensor:
        return x @ state[f"{layer}.weight"].T + state[f"{layer}.bias"]

    encoded = encoded_values(points, OCTAVES)
    hidden = encoded
    for i in range(DEPTH):
        hidden = linear(f"pts_linears.{i}", hidden).clamp_min(0)
        if i == SKIP:
            hidden = torch.cat([encoded, hidden], dim=1)
    if "output_linear.weight" in state:
        output = linear("output_linear", hidden)
        return output[:, 3], output[:, :3].sigmoid()
    sigma = linear("alpha_linear", hidden)[:, 0]
    feature = linear("feature_linear", hidden)
    last = torch.cat([feature, encoded_values(view, VIEW_OCTAVES)], dim=1)
    last = linear("views_linears.0", last).clamp_min(0)
    return sigma, linear("rgb_linear", last).sigmoid()


def encoded_values(x: Tensor, octaves: int) -> Tensor:
    """The values, then sine and cosine of 1, 2, 4, ... times them."""
    parts = [x]
    for k in range(octaves):
        parts += [(2**k * x).sin(), (2**k * x).cos()]
    return torch.cat(parts, dim=1)


def plain_rays(camera: Camera) -> tuple[Tensor, Tensor]:
    """Origins and directions of unit depth [h*w 3] through the pixels' centres."""
    y, x = np.mgrid[0 : camera.height, 0 : camera.width] + 0.5
    local = np.stack(
        [(x - camera.cx) / camera.fl_x, -(y - camera.cy) / camera.fl_y, -np.ones_like(x)], axis=-1
    ).reshape(-1, 3)
    directions = torch.from_numpy(local @ camera.field_from_camera[:3, :3].T)
    return torch.from_numpy(camera.origin).expand_as(directions), directions
