"""What a nerf-pytorch ``.tar`` file says, checked and in plain types.

The file holds the weights of a coarse and of a fine network and the optimiser's state. Sizes,
frequencies and skip connections follow from the shapes; nothing is said about the scene.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..components.perceptron import Layer
from ..files.checkpoint_file import Checkpoint, bad_weights, checked_weight
from .network import NetworkWeights

MAX_LAYERS = 64
MAX_WIDTH = 4096
MAX_FREQUENCIES = 16


def is_nerf(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint has nerf-pytorch's tables."""
    data = checkpoint.data
    return isinstance(data, dict) and isinstance(data.get("network_fn_state_dict"), dict)


def read_networks(
    checkpoint: Checkpoint, *, device: torch.device
) -> tuple[NetworkWeights, NetworkWeights | None]:
    """The coarse and, where there is one, the fine network.

    Raises:
        UserError: code ``bad_weights`` when anything is missing, of the wrong size, not finite or
            not supported.
    """
    data, path = checkpoint.data, checkpoint.path
    coarse = _Reader(data["network_fn_state_dict"], path, device).network()
    state = data.get("network_fine_state_dict")
    if state is None:
        return coarse, None
    if not isinstance(state, dict):
        raise bad_weights(path, "its table of the fine network's weights is not one")
    return coarse, _Reader(state, path, device).network()


@dataclass(frozen=True)
class _Reader:
    state: dict[str, Any]
    path: Path
    device: torch.device

    def layer(self, name: str, outputs: int | None, inputs: int | None) -> Layer:
        weight = checked_weight(self.state, f"{name}.weight", (outputs, inputs), path=self.path)
        bias = checked_weight(self.state, f"{name}.bias", (weight.shape[0],), path=self.path)
        return Layer(weight.to(self.device), bias.to(self.device))

    def network(self) -> NetworkWeights:
        trunk, skips, frequencies = self._trunk()
        width = trunk[-1].weight.shape[0]
        if "alpha_linear.weight" not in self.state:
            return self._without_view(trunk, skips, frequencies)
        feature = self.layer("feature_linear", width, width)
        view = self.layer("views_linears.0", None, None)
        return NetworkWeights(
            trunk=trunk,
            skips=skips,
            density=self.layer("alpha_linear", 1, width),
            feature=feature,
            view=view,
            color=self.layer("rgb_linear", 3, view.weight.shape[0]),
            position_frequencies=frequencies,
            view_frequencies=self._frequencies(view.weight.shape[1] - width, "direction"),
        )

    def _without_view(
        self, trunk: tuple[Layer, ...], skips: frozenset[int], frequencies: int
    ) -> NetworkWeights:
        """A network whose last layer gives colour, density and, in some files, an unused value."""
        output = self.layer("output_linear", None, trunk[-1].weight.shape[0])
        if output.weight.shape[0] not in (4, 5):
            raise bad_weights(self.path, "its last layer does not give a colour and a density")
        return NetworkWeights(
            trunk=trunk,
            skips=skips,
            density=Layer(output.weight[3:4], output.bias[3:4]),
            feature=None,
            view=None,
            color=Layer(output.weight[:3], output.bias[:3]),
            position_frequencies=frequencies,
            view_frequencies=0,
        )

    def _trunk(self) -> tuple[tuple[Layer, ...], frozenset[int], int]:
        """The layers, those that take the encoded position again, and its frequencies."""
        first = self.layer("pts_linears.0", None, None)
        width, encoded = first.weight.shape
        layers, skips = [first], set()
        while f"pts_linears.{len(layers)}.weight" in self.state and len(layers) < MAX_LAYERS:
            i = len(layers)
            layer = self.layer(f"pts_linears.{i}", width, None)
            inputs = layer.weight.shape[1]
            if inputs == width + encoded:
                skips.add(i)
            elif inputs != width:
                raise bad_weights(self.path, f"its layer pts_linears.{i} takes {inputs} values")
            layers.append(layer)
        if width > MAX_WIDTH:
            raise bad_weights(self.path, f"its layers of {width} values are unbelievably wide")
        return tuple(layers), frozenset(skips), self._frequencies(encoded, "position")

    def _frequencies(self, size: int, what: str) -> int:
        """Frequencies of an encoding of that size: three values and six per frequency."""
        frequencies, rest = divmod(size - 3, 6)
        if rest or not 0 <= frequencies <= MAX_FREQUENCIES:
            raise bad_weights(self.path, f"its encoded {what} of {size} values is not known")
        return frequencies
