"""What an Instant-NGP snapshot's numbers mean: its networks and hash grid, checked and unpacked.

After "Instant Neural Graphics Primitives with a Multiresolution Hash Encoding" (Mueller et al.,
SIGGRAPH 2022). The weights are one list: the density network, the colour network, the hash grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..components.direction_harmonics import COUNT, sixteen_harmonics
from ..components.hash_grid import (
    MAX_FEATURES,
    MAX_LEVELS,
    MAX_LOG2_ROWS,
    MAX_RESOLUTION,
    GridShape,
    HashGrid,
    tcnn_hash_grid,
    tcnn_rows,
)
from ..components.perceptron import DirectedColor, Layer, Perceptron, packed_size, unpacked_layers
from ..files.checkpoint_file import Checkpoint, bad_weights
from ..files.checkpoint_numbers import Numbers

FINEST = 2048.0
"""Resolution of the finest level over the unit cube, where the file does not say otherwise."""
OUTPUTS = 16
"""Outputs of the density network: first the density's logarithm; all go into the colour."""
MAX_EXPONENT = 10.0
"""Logarithms of colours beyond this are cut off, as Instant-NGP does."""
DEFAULT_ENCODING = {"n_levels": 16, "n_features_per_level": 2, "log2_hashmap_size": 15}
DEFAULT_NETWORK = {"n_neurons": 128, "n_hidden_layers": 5, "n_output_dims": OUTPUTS}
KINDS: dict[str, np.dtype] = {"__half": np.dtype("<f2"), "float": np.dtype("<f4")}


@dataclass(frozen=True)
class NgpNetworks:
    """Everything a snapshot computes with."""

    grid: HashGrid
    density: Perceptron
    color: DirectedColor
    shape: GridShape


def binary(table: dict[str, Any], name: str, kind: np.dtype, path: Path) -> np.ndarray:
    """The numbers that a table keeps as bytes; empty where there are none.

    Raises:
        UserError: code ``bad_weights``; not bytes, or not a whole number of numbers.
    """
    content = table.get(name, b"")
    if not isinstance(content, bytes) or len(content) % kind.itemsize:
        raise bad_weights(path, f"its {name!r} is no list of numbers")
    return np.frombuffer(content, dtype=kind).astype(np.float32)


def read_networks(
    checkpoint: Checkpoint, *, aabb_scale: float, exposure: float, hdr: bool, device: torch.device
) -> NgpNetworks:
    """The networks in a snapshot.

    Args:
        aabb_scale: side of the scene's box in Instant-NGP's units.
        exposure: in stops, of the colours shown.
        hdr: whether colours are linear and unbounded.

    Raises:
        UserError: code ``bad_weights`` when anything is missing, of the wrong size, not finite or
            not supported.
    """
    config, path = checkpoint.data, checkpoint.path
    values = _weights(config["snapshot"], path).to(device)
    shape = grid_shape(_table(config, "encoding", path), aabb_scale, path)
    _check_directions(_table(config, "dir_encoding", path), path)
    sizes = [
        (shape.width, *_layers(_table(config, "network", path), path), OUTPUTS),
        (OUTPUTS + COUNT, *_layers(_table(config, "rgb_network", path), path), 3),
    ]
    counts = [packed_size(*size) for size in sizes]
    left = len(values) - sum(counts)
    fitting = (s for s in shape.roundings() if tcnn_rows(s) * s.features == left)
    shape = next(fitting, shape)
    if tcnn_rows(shape) * shape.features != left:
        raise bad_weights(path, f"its {len(values)} weights do not fit its networks and hash grid")
    density, color, grid = values.split([*counts, left])
    return NgpNetworks(
        grid=tcnn_hash_grid(grid, shape),
        density=Perceptron(unpacked_layers(density, *sizes[0], padding=0.0)),
        color=_color(unpacked_layers(color, *sizes[1], padding=1.0), Display(exposure, hdr)),
        shape=shape,
    )


def _color(layers: list[Layer], finish: Display) -> DirectedColor:
    """The colour network's inputs are the density network's outputs, then the direction."""
    return DirectedColor(
        layers,
        features=slice(0, OUTPUTS),
        harmonics=slice(OUTPUTS, OUTPUTS + COUNT),
        encode=sixteen_harmonics,
        finish=finish,
    )


@dataclass(frozen=True)
class Display:
    """From the colour network's output to colours as a screen shows them."""

    exposure: float
    hdr: bool

    def __call__(self, output: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Display-referred colours in [0, 1]."""
        if self.hdr:
            linear = output.clamp(-MAX_EXPONENT, MAX_EXPONENT).exp()
        elif not self.exposure:
            return output.sigmoid()
        else:
            linear = _linear(output.sigmoid())
        return _encoded(linear * 2.0**self.exposure).clamp(0, 1)


def _linear(srgb: Tensor) -> Tensor:
    return torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _encoded(linear: Tensor) -> Tensor:
    powers = 1.055 * linear.clamp_min(1e-8) ** (1 / 2.4) - 0.055
    return torch.where(linear <= 0.0031308, linear * 12.92, powers)


def grid_shape(encoding: dict[str, Any], aabb_scale: float, path: Path) -> GridShape:
    """The hash grid's shape. Raises UserError (``bad_weights``)."""
    kind = str(encoding.get("otype", "")).lower()
    hashed = kind == "hashgrid" or (
        kind == "grid" and str(encoding.get("type", "hash")).lower() == "hash"
    )
    if not hashed or str(encoding.get("interpolation", "linear")).lower() != "linear":
        raise bad_weights(path, "its positions are not encoded by a plain hash grid")
    numbers = Numbers({**DEFAULT_ENCODING, **encoding}, path)
    features = numbers.whole("n_features_per_level", low=1, high=MAX_FEATURES)
    levels = numbers.whole("n_levels", low=1, high=MAX_LEVELS)
    if encoding.get("n_features"):
        levels = numbers.whole("n_features", low=features, high=MAX_LEVELS * features) // features
    log2_rows = numbers.whole("log2_hashmap_size", low=1, high=MAX_LOG2_ROWS)
    base = 2 ** (log2_rows // 3)
    if encoding.get("base_resolution"):
        base = numbers.whole("base_resolution", low=1, high=MAX_RESOLUTION)
    growth = 1.0
    if encoding.get("per_level_scale"):
        growth = numbers.one("per_level_scale", low=1.0, high=64.0)
    elif levels > 1:
        span = np.log(np.float32(FINEST * aabb_scale / base)) / np.float32(levels - 1)
        growth = float(np.exp(span))
    if base * growth ** (levels - 1) > MAX_RESOLUTION:
        raise bad_weights(path, "its hash grid is unbelievably fine")
    return GridShape(levels, features, log2_rows, base, growth)


def _weights(snapshot: dict[str, Any], path: Path) -> Float[Tensor, " n"]:
    kind = KINDS.get(str(snapshot.get("params_type", "__half")))
    if kind is None:
        raise bad_weights(path, "its weights are numbers of an unknown kind")
    values = torch.from_numpy(binary(snapshot, "params_binary", kind, path))
    if not len(values) or snapshot.get("n_params", len(values)) != len(values):
        raise bad_weights(path, "its weights are missing or not as many as it says")
    if not torch.isfinite(values).all():
        raise bad_weights(path, "its weights contain values that are not numbers")
    return values


def _layers(network: dict[str, Any], path: Path) -> tuple[int, int]:
    """Width and number of hidden layers."""
    usual = {"activation": "relu", "output_activation": "none"}
    if any(str(network.get(name, value)).lower() != value for name, value in usual.items()):
        raise bad_weights(path, "its networks have other activations than Instant-NGP's own")
    numbers = Numbers({**DEFAULT_NETWORK, **network}, path)
    numbers.whole("n_output_dims", low=OUTPUTS, high=OUTPUTS)
    width = numbers.whole("n_neurons", low=16, high=1024)
    return width, numbers.whole("n_hidden_layers", low=1, high=16)


def _check_directions(encoding: dict[str, Any], path: Path) -> None:
    """Raise UserError unless directions are encoded by spherical harmonics of degree 4."""
    first = encoding
    nested = encoding.get("nested")
    if isinstance(nested, list) and nested and isinstance(nested[0], dict):
        first = nested[0]
    kind, degree = str(first.get("otype", "")).lower(), first.get("degree", 4)
    if kind != "sphericalharmonics" or degree != 4:
        raise bad_weights(path, "its directions are not encoded by spherical harmonics of degree 4")


def _table(config: dict[str, Any], name: str, path: Path) -> dict[str, Any]:
    table = config.get(name)
    if not isinstance(table, dict):
        raise bad_weights(path, f"its configuration lacks {name!r}")
    return table
