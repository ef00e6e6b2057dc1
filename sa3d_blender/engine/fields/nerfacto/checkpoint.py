"""What a nerfacto checkpoint holds, checked and unpacked, whichever back end trained it.

With nerfstudio's torch back end hash tables and layers are tensors of their own, with biases. With
tiny-cuda-nn (the usual case) a network, or a network and the hash grid in front of it, is one flat
list of numbers. Names changed with nerfstudio's versions; all of them are tried.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ....core.errors import UserError
from ..components.direction_harmonics import COUNT, sixteen_harmonics, torch_harmonics
from ..components.hash_grid import (
    MAX_FEATURES,
    GridShape,
    HashGrid,
    tcnn_hash_grid,
    tcnn_rows,
    torch_hash_grid,
)
from ..components.perceptron import DirectedColor, Layer, Perceptron, packed_width, unpacked_layers
from ..files.checkpoint_file import Checkpoint, bad_weights, checked_weight
from .settings import NerfactoSettings

OUTPUTS = 16
"""Outputs of the field's first network: the density and 15 features."""
PREFIXES = ("_model.module.", "_model.", "module._model.")
BUFFERS = ("num_levels", "max_res", "log2_hashmap_size")
MAX_LAYERS = 16


@dataclass(frozen=True)
class DensityNetwork:
    """A hash grid and the network behind it."""

    grid: HashGrid
    network: Perceptron

    def __call__(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n o"]:
        """The network's output at positions in [0, 1]^3."""
        return self.network(self.grid(points))

    def tensors(self) -> list[Tensor]:
        """All numbers that the output depends on."""
        return [*(level.table for level in self.grid.levels), *self.network.tensors()]


@dataclass(frozen=True)
class NerfactoNetworks:
    """Everything a nerfacto model computes with."""

    field: DensityNetwork
    color: DirectedColor
    proposals: tuple[DensityNetwork, ...]
    box: Float[Tensor, "2 3"]
    """The training's scene box, field frame."""
    packed: bool
    """Whether tiny-cuda-nn trained it."""


def model_weights(checkpoint: Checkpoint) -> dict[str, Any]:
    """The model's weights by name, without the prefixes of the pipeline around it."""
    found = {}
    for name, value in checkpoint.data["pipeline"].items():
        prefix = next((p for p in PREFIXES if str(name).startswith(p)), None)
        if prefix is not None:
            found[str(name).removeprefix(prefix)] = value
    return found


def count_proposals(weights: dict[str, Any]) -> int:
    """How many proposal networks there are."""
    heads = {name.split(".")[1] for name in weights if name.startswith("proposal_networks.")}
    return len(heads)


def read_networks(
    checkpoint: Checkpoint, settings: NerfactoSettings, *, device: torch.device
) -> NerfactoNetworks:
    """The networks of a checkpoint.

    Raises:
        UserError: code ``bad_weights`` when anything is missing, of the wrong size, not finite or
            not supported.
    """
    reader = _Reader(model_weights(checkpoint), checkpoint, settings, device)
    proposals = [reader.proposal(i) for i in range(len(settings.tables) - 1)]
    box = reader.tensor("field.aabb", (2, 3)) if "field.aabb" in reader.state else None
    if box is None:
        box = torch.tensor([[-1.0] * 3, [1.0] * 3], device=device)
    if not bool((box[1] > box[0]).all()):
        raise bad_weights(checkpoint.path, "its scene box is empty")
    return NerfactoNetworks(reader.field(), reader.color(), tuple(proposals), box, reader.is_packed)


def _is_table(value: Any) -> bool:
    return isinstance(value, Tensor) and value.ndim == 2 and 0 < value.shape[1] <= MAX_FEATURES


@dataclass(frozen=True)
class _Reader:
    state: dict[str, Any]
    checkpoint: Checkpoint
    settings: NerfactoSettings
    device: torch.device

    @property
    def is_packed(self) -> bool:
        """Whether tiny-cuda-nn trained the model."""
        return "field.mlp_head.layers.0.weight" not in self.state

    def tensor(self, name: str, shape: tuple[int | None, ...]) -> Tensor:
        return checked_weight(self.state, name, shape, path=self.checkpoint.path).to(self.device)

    def first(self, *names: str) -> str:
        """The first of some names that the file has; the first of all if there is none."""
        return next((name for name in names if name in self.state), names[0])

    def field(self) -> DensityNetwork:
        shape = self.shape(0, "field.")
        if not self.is_packed:
            grid = self.table(
                self.first("field.mlp_base.model.0.hash_table", "field.mlp_base_grid.hash_table"),
                shape,
            )
            layers = self.first("field.mlp_base.model.1.layers", "field.mlp_base_mlp.layers")
            if f"{layers}.0.weight" not in self.state:
                layers = "field.mlp_base_mlp.layers"
            return DensityNetwork(grid, self.dense(layers, grid.width, OUTPUTS))
        whole = self.first("field.mlp_base.model.params", "field.mlp_base.params")
        if whole in self.state:
            return self.packed_pair(whole, shape, OUTPUTS)
        grid = self.packed_grid("field.mlp_base_grid.tcnn_encoding.params", shape)
        network = self.packed("field.mlp_base_mlp.tcnn_encoding.params", shape.width, 1, OUTPUTS)
        return DensityNetwork(grid, Perceptron(network))

    def proposal(self, i: int) -> DensityNetwork:
        start = f"proposal_networks.{i}."
        shape = self.shape(1 + i, start)
        if f"{start}mlp_base.params" in self.state:
            return self.packed_pair(f"{start}mlp_base.params", shape, 1)
        if f"{start}encoding.hash_table" in self.state:
            grid = self.table(f"{start}encoding.hash_table", shape)
        else:
            grid = self.packed_grid(f"{start}encoding.tcnn_encoding.params", shape)
        if f"{start}linear.weight" in self.state:
            return DensityNetwork(grid, Perceptron([self.layer(f"{start}linear", 1, grid.width)]))
        packed = f"{start}mlp_base.1.tcnn_encoding.params"
        if packed in self.state:
            return DensityNetwork(grid, Perceptron(self.packed(packed, grid.width, 1, 1)))
        return DensityNetwork(grid, self.dense(f"{start}mlp_base.1.layers", grid.width, 1))

    def color(self) -> DirectedColor:
        """The network's inputs are the direction, the place's features, and the appearance."""
        appearance = self.appearance()
        inputs = COUNT + OUTPUTS - 1 + len(appearance)
        encode: Callable[[Tensor], Tensor]
        if self.is_packed:
            name = self.first("field.mlp_head.tcnn_encoding.params", "field.mlp_head.params")
            layers, encode = self.packed(name, inputs, 2, 3), sixteen_harmonics
        else:
            layers, encode = self.layers("field.mlp_head.layers", inputs, 3), torch_harmonics
        if len(layers) < 2:
            raise bad_weights(self.checkpoint.path, "its colour network has a single layer")
        return DirectedColor(
            layers,
            harmonics=slice(0, COUNT),
            features=slice(COUNT, COUNT + OUTPUTS - 1),
            constants=slice(COUNT + OUTPUTS - 1, inputs),
            values=appearance,
            encode=encode,
        )

    def appearance(self) -> Float[Tensor, " a"]:
        """What stands for the look of a single training picture."""
        name = "field.embedding_appearance.embedding.weight"
        if name not in self.state:
            return torch.zeros(0, device=self.device)
        mean = self.tensor(name, (None, None)).mean(dim=0)
        return mean if self.settings.average_appearance else torch.zeros_like(mean)

    def shape(self, number: int, start: str) -> GridShape:
        said = {name: self.state[start + name] for name in BUFFERS if start + name in self.state}
        shape = self.settings.shape(number, said, self.checkpoint.path)
        for name, value in self.state.items():
            if name.startswith(start) and name.endswith("hash_table") and _is_table(value):
                return GridShape(
                    shape.levels,
                    value.shape[1],
                    shape.log2_rows,
                    shape.base_resolution,
                    shape.growth,
                )
        return shape

    def table(self, name: str, shape: GridShape) -> HashGrid:
        rows = shape.levels * 2**shape.log2_rows
        return torch_hash_grid(self.tensor(name, (rows, shape.features)), shape)

    def packed_grid(self, name: str, shape: GridShape) -> HashGrid:
        values = self.tensor(name, (None,))
        for fitting in shape.roundings():
            if tcnn_rows(fitting) * shape.features == len(values):
                return tcnn_hash_grid(values, fitting)
        raise self.misfit(name, values)

    def misfit(self, name: str, values: Tensor) -> UserError:
        return bad_weights(
            self.checkpoint.path,
            f"its weights {name!r} have {len(values)} numbers, which do not fit",
        )

    def packed_pair(self, name: str, shape: GridShape, outputs: int) -> DensityNetwork:
        """A network with one hidden layer, and the hash grid in front of it after it in the list.

        The grid fills up the network's inputs with zeros.
        """
        values = self.tensor(name, (None,))
        for fitting in shape.roundings():
            size = len(values) - tcnn_rows(fitting) * shape.features
            width = packed_width(size, shape.width, 1, outputs)
            if width is not None:
                layers = unpacked_layers(values[:size], shape.width, width, 1, outputs, padding=0.0)
                return DensityNetwork(tcnn_hash_grid(values[size:], fitting), Perceptron(layers))
        raise self.misfit(name, values)

    def packed(self, name: str, inputs: int, hidden: int, outputs: int) -> list[Layer]:
        """A network of its own, which fills up its inputs with ones."""
        values = self.tensor(name, (None,))
        width = packed_width(len(values), inputs, hidden, outputs)
        if width is None:
            raise self.misfit(name, values)
        return unpacked_layers(values, inputs, width, hidden, outputs, padding=1.0)

    def dense(self, start: str, inputs: int, outputs: int) -> Perceptron:
        return Perceptron(self.layers(start, inputs, outputs))

    def layers(self, start: str, inputs: int, outputs: int) -> list[Layer]:
        """Layers that are kept one by one, the last of ``outputs``."""
        count = 0
        while f"{start}.{count}.weight" in self.state and count < MAX_LAYERS:
            count += 1
        layers = []
        for i in range(max(count, 1)):
            wanted = outputs if i == count - 1 else None
            layers.append(self.layer(f"{start}.{i}", wanted, inputs))
            inputs = layers[-1].weight.shape[0]
        return layers

    def layer(self, name: str, outputs: int | None, inputs: int) -> Layer:
        weight = self.tensor(f"{name}.weight", (outputs, inputs))
        return Layer(weight, self.tensor(f"{name}.bias", (weight.shape[0],)))
