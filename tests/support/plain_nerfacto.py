"""Small nerfacto checkpoints of every layout, and a slow, plain renderer to compare with.

The renderer is written from the method's description, in double precision, one ray and one sample
after the other; it shares no code with the package.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sa3d_blender.core.cameras import Camera
from tests.support.plain_hash import (
    harmonics,
    packed_count,
    packed_network,
    tcnn_features,
    torch_features,
)
from tests.support.ray_by_ray import picture

Tables = dict[str, Any]
LAYOUTS = ("torch", "tcnn", "tcnn 0.3", "tcnn 0.1")
LEVELS, LOG2_ROWS, WIDTH, LOOKS = 3, 9, 16, 5
PROPOSAL = {"levels": 2, "base": 16, "finest": 20, "log2": 10}
PICTURES = 4


@dataclass
class PlainNerfacto:
    """A random model: its checkpoint, its configuration, and its pictures."""

    layout: str = "torch"
    seed: int = 0
    samples: tuple[int, ...] = (12, 8, 6)
    """Bins of the proposal rounds and of the last."""
    contracted: bool = True
    background: str = "white"
    density: float = 0.05
    average: bool = True
    spacing: str = "piecewise"
    far: float = 1000.0
    base: int = 4
    finest: int = 12
    linear: bool = False
    """Whether the proposals' networks are single layers."""
    box: np.ndarray = field(default_factory=lambda: np.array([[-1.5, -1, -1], [1.5, 2, 1]]))

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)
        self.pipeline: dict[str, torch.Tensor] = {}
        self._keep("field.aabb", self.box)
        self._grid("field", LEVELS, self.base, self.finest, LOG2_ROWS)
        outputs = self._network("field", 2 * LEVELS, 1, 16, gain=3.0)
        self._color = self._network("head", 16 + 15 + LOOKS, 2, 3, gain=2.0)
        self._base = outputs
        looks = self._random.normal(size=(PICTURES, LOOKS))
        self._keep("field.embedding_appearance.embedding.weight", looks)
        self._look = np.float32(looks).mean(axis=0) if self.average else np.zeros(LOOKS)
        self._proposals = []
        for i in range(2):
            name = f"proposal_networks.{i}"
            size = (PROPOSAL["levels"], PROPOSAL["base"], PROPOSAL["finest"] + i)
            self._grid(name, *size, PROPOSAL["log2"])
            self._proposals.append(self._network(name, 2 * size[0], 1, 1, gain=3.0))
            self._keep(f"{name}.aabb", self.box)

    @property
    def is_torch(self) -> bool:
        """Whether layers and tables are kept one by one."""
        return self.layout == "torch"

    def save(self, folder: Path, *, config: bool = True, step: int = 7) -> Path:
        """Write a run's folder; returns the checkpoint's path."""
        models = folder / "nerfstudio_models"
        models.mkdir(parents=True, exist_ok=True)
        path = models / f"step-{step:09d}.ckpt"
        pipeline = {f"_model.{name}": value for name, value in self.pipeline.items()}
        torch.save({"step": step, "pipeline": pipeline, "optimizers": {}}, path)
        if config:
            (folder / "config.yml").write_text(self.config(), encoding="utf-8")
            transform = {"transform": np.eye(4)[:3].tolist(), "scale": 1.0}
            (folder / "dataparser_transforms.json").write_text(json.dumps(transform))
        return path

    def config(self) -> str:
        """A ``config.yml`` with the tags that nerfstudio writes."""
        first, second, last = self.samples
        levels, log2 = PROPOSAL["levels"], PROPOSAL["log2"]
        return f"""!!python/object:nerfstudio.engine.trainer.TrainerConfig
_target: !!python/name:nerfstudio.engine.trainer.Trainer ''
method_name: nerfacto
output_dir: !!python/object/apply:pathlib.PosixPath
- outputs
pipeline: !!python/object:nerfstudio.pipelines.base_pipeline.VanillaPipelineConfig
  datamanager:
    dataparser: !!python/object:nerfstudio.data.dataparsers.nerfstudio_dataparser.Config
      data: !!python/object/apply:pathlib.PosixPath
      - data
      - scene
  model: !!python/object:nerfstudio.models.nerfacto.NerfactoModelConfig
    average_init_density: {self.density}
    background_color: {self.background}
    base_res: {self.base}
    disable_scene_contraction: {str(not self.contracted).lower()}
    far_plane: {self.far}
    near_plane: 0.05
    features_per_level: 2
    log2_hashmap_size: {LOG2_ROWS}
    max_res: {self.finest}
    num_levels: {LEVELS}
    num_nerf_samples_per_ray: {last}
    num_proposal_iterations: 2
    num_proposal_samples_per_ray: !!python/tuple
    - {first}
    - {second}
    proposal_initial_sampler: {self.spacing}
    proposal_net_args_list:
    - {{num_levels: {levels}, max_res: {PROPOSAL["finest"]}, log2_hashmap_size: {log2}}}
    - {{num_levels: {levels}, max_res: {PROPOSAL["finest"] + 1}, log2_hashmap_size: {log2}}}
    use_average_appearance_embedding: {str(self.average).lower()}
"""

    def render(self, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
        """Picture [h w 3] and opacity [h w], the light that ends in samples."""
        return picture(camera, self._ray)

    def _ray(self, o: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, float]:
        s = np.linspace(0, 1, self.samples[0] + 1)
        for number, bins in enumerate(self.samples[1:]):
            t = np.array([self._distance(value) for value in s])
            sigma = [self._proposed(o + d * m, number) for m in (t[1:] + t[:-1]) / 2]
            weights = quadrature(np.array(sigma), np.diff(t)) + 0.01
            below = np.concatenate([[0], np.cumsum(weights / weights.sum())])
            wanted = (np.arange(bins + 1) + 0.5) / (bins + 1)
            s = np.interp(wanted, below, s)
        t = np.array([self._distance(value) for value in s])
        found = [self._field(o + d * m, d) for m in (t[1:] + t[:-1]) / 2]
        weights = quadrature(np.array([sigma for sigma, _ in found]), np.diff(t))
        colors = np.stack([rgb for _, rgb in found])
        behind = {"white": np.ones(3), "last_sample": colors[-1]}.get(self.background, np.zeros(3))
        acc = float(weights.sum())
        return weights @ colors + (1 - acc) * behind, acc

    def _distance(self, s: float) -> float:
        if self.spacing == "uniform":
            return s * self.far
        s *= 1 - 1 / (2 * self.far)
        return 2 * s if s < 0.5 else 1 / (2 - 2 * s)

    def _unit(self, p: np.ndarray) -> np.ndarray | None:
        """A point in [0, 1]^3; None outside."""
        if self.contracted:
            m = np.abs(p).max()
            q = ((p if m < 1 else (2 - 1 / m) * p / m) + 2) / 4
        else:
            q = (p - self.box[0]) / (self.box[1] - self.box[0])
        return q if ((q > 0) & (q < 1)).all() else None

    def _proposed(self, p: np.ndarray, number: int) -> float:
        q = self._unit(p)
        if q is None:
            return 0.0
        name = f"proposal_networks.{number}"
        return self.density * math.exp(
            self._run(self._proposals[number], self._encoded(name, q))[0]
        )

    def _field(self, p: np.ndarray, d: np.ndarray) -> tuple[float, np.ndarray]:
        q = self._unit(p)
        out = self._run(self._base, self._encoded("field", np.zeros(3) if q is None else q))
        sigma = 0.0 if q is None else self.density * math.exp(out[0])
        seen = harmonics((d + 1) / 2, mirrored=True) if self.is_torch else harmonics(d)
        raw = self._run(self._color, np.concatenate([seen, out[1:], self._look]))
        return sigma, 1 / (1 + np.exp(-raw))

    def _encoded(self, name: str, q: np.ndarray) -> np.ndarray:
        table, scales, log2_rows = self._grids[name]
        encode = torch_features if self.is_torch else tcnn_features
        return encode(table, q, scales, log2_rows)

    def _run(self, network: dict[str, Any], x: np.ndarray) -> np.ndarray:
        if "values" in network:
            sizes = (network["width"], network["hidden"], network["outputs"])
            return packed_network(network["values"], x, *sizes, padding=network["padding"])
        for number, (weight, bias) in enumerate(network["layers"]):
            x = weight @ (np.maximum(x, 0) if number else x) + bias
        return x

    # --- making the checkpoint

    def _keep(self, name: str, values: np.ndarray) -> np.ndarray:
        self.pipeline[name] = torch.tensor(np.asarray(values), dtype=torch.float32)
        return np.asarray(values, dtype=np.float32).astype(np.float64)

    def _grid(self, name: str, levels: int, base: int, finest: int, log2_rows: int) -> None:
        growth = np.exp((np.log(finest) - np.log(base)) / (levels - 1))
        if self.is_torch:
            scales = [math.floor(base * growth**i + 1e-6) for i in range(levels)]
            rows = levels * 2**log2_rows
        else:
            scales = [float(np.float32(base * growth**i) - 1) for i in range(levels)]
            sides = [math.ceil(scale - 1e-6) + 1 for scale in scales]
            scales = [round(s) if abs(s - round(s)) < 1e-5 else s for s in scales]
            rows = sum(min(math.ceil(side**3 / 8) * 8, 2**log2_rows) for side in sides)
        table = np.float32(self._random.normal(size=(rows, 2)))
        self._grids = {
            **getattr(self, "_grids", {}),
            name: (table.astype(float), scales, log2_rows),
        }
        for key, value in (
            ("num_levels", levels),
            ("max_res", finest),
            ("log2_hashmap_size", log2_rows),
        ):
            if self.layout != "tcnn 0.1":
                self.pipeline[f"{name}.{key}"] = torch.tensor(value)
        if self.is_torch:
            start = f"{name}.mlp_base.model.0" if name == "field" else f"{name}.encoding"
            self._keep(f"{start}.hash_table", table)
        elif self.layout == "tcnn" and name != "field":
            self._keep(f"{name}.encoding.tcnn_encoding.params", table.ravel())
        elif self.layout == "tcnn 0.3":
            start = f"{name}.mlp_base_grid" if name == "field" else f"{name}.encoding"
            self._keep(f"{start}.tcnn_encoding.params", table.ravel())

    def _network(
        self, name: str, inputs: int, hidden: int, outputs: int, *, gain: float
    ) -> dict[str, Any]:
        if self.is_torch:
            return self._dense(name, inputs, 0 if self._is_linear(name) else hidden, outputs, gain)
        width = WIDTH
        count = packed_count(inputs, width, hidden, outputs)
        gain = min(gain, 16 / inputs * gain)  # wide inputs would saturate the colours
        values = np.float32(self._random.normal(size=count) * gain / math.sqrt(width))
        with_grid = self.layout == "tcnn 0.1" or (self.layout == "tcnn" and name == "field")
        with_grid = with_grid and name != "head"
        kept, key = values, {"head": "field.mlp_head.tcnn_encoding.params"}.get(name, "")
        if with_grid:
            key = f"{name}.mlp_base." + ("params" if self.layout == "tcnn 0.1" else "model.params")
            kept = np.concatenate([values, self._grids[name][0].astype(np.float32).ravel()])
        elif name == "field":
            key = "field.mlp_base_mlp.tcnn_encoding.params"
        elif name != "head":
            key = f"{name}.mlp_base.1.tcnn_encoding.params"
        elif self.layout == "tcnn 0.1":
            key = "field.mlp_head.params"
        self._keep(key, kept)
        padding = 0.0 if with_grid else 1.0
        numbers = {"width": width, "hidden": hidden, "outputs": outputs, "padding": padding}
        return {"values": values.astype(float), **numbers}

    def _is_linear(self, name: str) -> bool:
        return self.linear and name.startswith("proposal")

    def _dense(
        self, name: str, inputs: int, hidden: int, outputs: int, gain: float
    ) -> dict[str, Any]:
        start = {"field": "field.mlp_base.model.1.layers", "head": "field.mlp_head.layers"}
        prefix = start.get(name, f"{name}.mlp_base.1.layers")
        sizes = [inputs, *[WIDTH] * hidden, outputs]
        layers = []
        for number in range(len(sizes) - 1):
            before, after = sizes[number], sizes[number + 1]
            key = f"{name}.linear" if not hidden else f"{prefix}.{number}"
            weight = self._random.normal(size=(after, before)) * gain / math.sqrt(before)
            bias = self._random.normal(size=after) * 0.3
            layers.append((self._keep(f"{key}.weight", weight), self._keep(f"{key}.bias", bias)))
        return {"layers": layers}


def quadrature(sigma: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Weights of samples along a ray."""
    alpha = 1 - np.exp(-sigma * lengths)
    before = np.concatenate([[1.0], np.cumprod(1 - alpha)[:-1]])
    return alpha * before
