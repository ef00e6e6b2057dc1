"""A slow, plain DirectVoxGO renderer to compare with.

It is written from the format's description, one formula after the other, in double
precision, with every sample evaluated; it shares no code with the package.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from .made_up_dvgo import PLANES, STEP_SIZE, STOP, VECTORS, Tables


class PlainDvgo:
    """All samples of all rays."""

    def __init__(self, tables: Tables) -> None:
        self.kwargs = tables["model_kwargs"]
        state = tables["model_state_dict"]
        floats = {n: v for n, v in state.items() if isinstance(v, Tensor) and v.is_floating_point()}
        self.state = {name: value.double() for name, value in floats.items()}
        self.mask = state.get("mask_cache.mask")
        self.box = torch.stack([self.state["xyz_min"], self.state["xyz_max"]])
        self.threshold = float(self.kwargs["fast_color_thres"])
        voxel = float((self.box[1] - self.box[0]).prod()) / self.kwargs["num_voxels"]
        self.step = STEP_SIZE * voxel ** (1 / 3)
        self.interval = STEP_SIZE * float(self.kwargs["voxel_size_ratio"])

    def grid(self, name: str, points: Tensor) -> Tensor:
        """Channels [n c] of a grid at model-space points."""
        q = (points - self.box[0]) / (self.box[1] - self.box[0]) * 2 - 1
        if f"{name}.grid" in self.state:
            at = q.flip(1).view(1, 1, 1, -1, 3)
            found = functional.grid_sample(self.state[f"{name}.grid"], at, align_corners=True)
            return found[0, :, 0, 0].T
        parts = []
        for (plane, (u, v)), (vector, axis) in zip(PLANES.items(), VECTORS.items(), strict=True):
            on_plane = torch.stack([q[:, v], q[:, u]], dim=1)
            on_line = torch.stack([torch.zeros_like(q[:, 0]), q[:, axis]], dim=1)
            values = [
                functional.grid_sample(
                    self.state[f"{name}.{factor}"], at.view(1, 1, -1, 2), align_corners=True
                )[0, :, 0].T
                for factor, at in ((plane, on_plane), (vector, on_line))
            ]
            parts.append(values[0] * values[1])
        products = torch.cat(parts, dim=1)
        if f"{name}.f_vec" in self.state:
            return products @ self.state[f"{name}.f_vec"]
        return products.sum(dim=1, keepdim=True)

    def density(self, points: Tensor) -> Tensor:
        """Softplus density [n] at model-space points."""
        raw = self.grid("density", points)[:, 0]
        if "act_shift" in self.state:
            return (1 + (raw + self.state["act_shift"]).exp()).log()
        z = (points[:, 2] - self.box[0, 2]) / (self.box[1, 2] - self.box[0, 2])
        at = torch.zeros(len(points), 3, dtype=torch.float64)
        at[:, 0] = z * 2 - 1
        shift = functional.grid_sample(
            self.state["act_shift.grid"], at.view(1, 1, 1, -1, 3), align_corners=True
        )
        return (1 + (raw + shift.view(-1)).exp()).log()

    def live(self, points: Tensor) -> Tensor:
        """Whether model-space points lie in the box and not in known empty space."""
        inside = ((points >= self.box[0]) & (points <= self.box[1])).all(dim=1)
        if self.mask is None:
            return inside
        node = points * self.state["mask_cache.xyz2ijk_scale"]
        node = (node + self.state["mask_cache.xyz2ijk_shift"] + 0.5).floor().long()
        size = torch.tensor(self.mask.shape)
        known = ((node >= 0) & (node < size)).all(dim=1)
        i, j, k = torch.minimum(node.clamp_min(0), size - 1).unbind(dim=1)
        return inside & known & self.mask[i, j, k]

    def color(self, points: Tensor, view: Tensor) -> Tensor:
        """Colours [n 3] at model-space points seen along unit world directions [n 3]."""
        features = self.grid("k0", points)
        if "viewfreq" not in self.state:
            return features.sigmoid()
        direct = self.kwargs["rgbnet_direct"]
        angles = (view[:, :, None] * self.state["viewfreq"]).flatten(1)
        x = torch.cat(
            [features if direct else features[:, 3:], view, angles.sin(), angles.cos()], dim=1
        )
        names = [name[:-7] for name in self.state if name.endswith(".weight")]
        for name in names:
            x = x @ self.state[f"{name}.weight"].T + self.state[f"{name}.bias"]
            x = x if name == names[-1] else x.relu()
        return (x if direct else x + features[:, :3]).sigmoid()

    def render(
        self, points: Tensor, exists: Tensor, view: Tensor, interval: float, background: float
    ) -> tuple[Tensor, Tensor]:
        """Images [n 3] and weights [n k] from samples [n k 3], of which some exist [n k]."""
        flat = points.reshape(-1, 3)
        alpha = 1 - (1 + self.density(flat).expm1()) ** -interval
        alive = self.live(flat) & exists.flatten() & (alpha > self.threshold)
        alpha = torch.where(alive, alpha, 0.0).view(points.shape[:2])
        passed = torch.cumprod(1 - alpha, dim=1)
        before = torch.cat([torch.ones_like(passed[:, :1]), passed[:, :-1]], dim=1)
        weights = alpha * before * (before >= STOP)
        rest = 1 - weights.sum(dim=1, keepdim=True)
        weights = weights * (weights > self.threshold)
        seen = (weights > 0).flatten()
        rgb = torch.zeros_like(flat)
        directions = view[:, None].expand_as(points).reshape(-1, 3)
        rgb[seen] = self.color(flat[seen], directions[seen])
        image = (weights[..., None] * rgb.view_as(points)).sum(dim=1) + rest * background
        return image.clamp(0, 1), weights

    def bounded(
        self, origins: Tensor, directions: Tensor, background: float = 1.0
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Images, weights and distances; the training's near clip is left out."""
        o, d = origins.double(), directions.double()
        start, points = self._voxel_steps(o, d)
        exists = torch.ones(points.shape[:2], dtype=torch.bool)
        unit = functional.normalize(d, dim=1)
        image, weights = self.render(points, exists, unit, self.interval, background)
        k = torch.arange(points.shape[1], dtype=torch.float64)
        return image, weights, start[:, None] + k * self.step

    def _voxel_steps(self, o: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
        """Entry [n] and points [n k 3] at steps of constant length from the box."""
        first, second = (self.box[0] - o) / d, (self.box[1] - o) / d
        start = torch.minimum(first, second).amax(dim=1).clamp_min(0) * d.norm(dim=1)
        count = math.ceil(float((self.box[1] - self.box[0]).norm()) / self.step)
        t = start[:, None] + torch.arange(count) * self.step
        return start, o[:, None] + t[..., None] * functional.normalize(d, dim=1)[:, None]

    def in_ndc(
        self, origins: Tensor, directions: Tensor, focal: tuple[float, float]
    ) -> tuple[Tensor, Tensor]:
        """Black-background images and weights of the bounded or the layered model in NDC."""
        unit = functional.normalize(directions.double(), dim=1)
        o, d = _ndc(origins.double(), unit, focal)
        interval = self.interval
        if "act_shift.grid" in self.state:
            depth = self.kwargs["mpi_depth"]
            count = int((depth - 1) / STEP_SIZE) + 1
            interval = STEP_SIZE * 256 / depth
            t = torch.arange(count, dtype=torch.float64) / (count - 1)
            points = o[:, None] + t[None, :, None] * d[:, None]
        else:
            points = self._voxel_steps(o, d)[1]
        exists = points[..., 2] < 1
        return self.render(points, exists, unit, interval, background=0.0)

    def unbounded(self, origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Black-background images, weights and field-frame distances; one ray after the other."""
        radius = float(self.state["scene_radius"][0])
        unit = functional.normalize(directions.double(), dim=1)
        o = (origins.double() - self.state["scene_center"]) / radius
        margin = float(self.box[1, 0]) - 1
        nodes = next(v.shape[2] for n, v in self.state.items() if n.startswith("density."))
        count = int(2 / (2 + 2 * margin) * nodes / STEP_SIZE) + 1
        near = torch.linspace(0, 2, count + 1, dtype=torch.float64)
        far = 2 / torch.linspace(1, 1 / 128, count + 1, dtype=torch.float64)
        t = torch.cat([(near[1:] + near[:-1]) / 2, (far[1:] + far[:-1]) / 2])
        points = o[:, None] + t[None, :, None] * unit[:, None]
        apart = (2 + 2 * margin) / nodes * STEP_SIZE * 0.95
        drawn, exists = torch.empty_like(points), torch.zeros(points.shape[:2], dtype=torch.bool)
        for ray in range(len(points)):
            passed = 0.0
            for k in range(len(t)):
                drawn[ray, k], inner = self._contracted(points[ray, k], margin)
                if k:
                    passed += float((drawn[ray, k] - drawn[ray, k - 1]).norm())
                exists[ray, k] = inner or passed > apart
                passed = 0.0 if passed > apart else passed
        image, weights = self.render(drawn, exists, unit, self.interval, background=0.0)
        return image, weights, t.expand(len(points), -1) * radius

    def _contracted(self, point: Tensor, margin: float) -> tuple[Tensor, bool]:
        cubes = self.kwargs["contracted_norm"] == "inf"
        size = float(point.abs().max() if cubes else point.norm())
        if size <= 1:
            return point, True
        return point / size * (1 + margin - margin / size), False


def _ndc(o: Tensor, d: Tensor, focal: tuple[float, float]) -> tuple[Tensor, Tensor]:
    """Rays in normalised device coordinates; near plane at 1."""
    o = o - ((1 + o[:, 2]) / d[:, 2])[:, None] * d
    ox, oy, oz = o.unbind(dim=1)
    dx, dy, dz = d.unbind(dim=1)
    fx, fy = focal
    origin = torch.stack([-fx * ox / oz, -fy * oy / oz, 1 + 2 / oz], dim=1)
    direction = torch.stack([-fx * (dx / dz - ox / oz), -fy * (dy / dz - oy / oz), -2 / oz], dim=1)
    return origin, direction
