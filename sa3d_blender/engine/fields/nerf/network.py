"""The network of the original NeRF: a position's density, and its colour from a direction.

After "NeRF: Representing Scenes as Neural Radiance Fields for View Synthesis" (Mildenhall et al.,
ECCV 2020); the order of the inputs follows nerf-pytorch's checkpoints. The arithmetic is arranged
for speed: two layers without a nonlinearity between them are one, and what depends on the direction
alone is multiplied once per ray. Where the processor multiplies bfloat16 matrices, that is used.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..components.perceptron import Layer

BLOCK = 4096
"""Points per pass; keeps the activations in the processor's cache."""


CLOSE_ENOUGH = 3e-5
"""Mean squared error of bfloat16 that is accepted: a PSNR of 45 dB at single points."""
BFLOAT16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16")
"""Instruction sets, as `torch.cpu.get_capabilities` names them."""
PROBE_LENGTH = 0.05
"""Length of the samples whose opacity is compared; a typical distance of samples."""


@dataclass(frozen=True)
class NetworkWeights:
    """The layers of one network, named by what they do."""

    trunk: tuple[Layer, ...]
    """Fully connected layers with ReLU, first to last."""
    skips: frozenset[int]
    """Trunk layers whose input is the encoded position, then the layer before's output."""
    density: Layer
    """One row."""
    feature: Layer | None
    """From the trunk to the view layer, without ReLU; None for a colour without direction."""
    view: Layer | None
    """From feature and encoded direction; ReLU."""
    color: Layer
    """Three rows, from the view layer or, without one, from the trunk."""
    position_frequencies: int
    view_frequencies: int

    @property
    def width(self) -> int:
        """Outputs of the trunk's last layer."""
        return self.trunk[-1].weight.shape[0]


def encode(values: Float[Tensor, "n c"], frequencies: int) -> Float[Tensor, "n e"]:
    """The values, the sines of the values times 1, 2, 4, ..., then the cosines."""
    if not frequencies:
        return values
    octaves = 2.0 ** torch.arange(frequencies, device=values.device)
    angles = (values[:, None, :] * octaves[:, None]).flatten(1)
    return torch.cat([values, angles.sin(), angles.cos()], dim=1)


def encoded_columns(frequencies: int) -> list[int]:
    """Where the checkpoint, which alternates sines and cosines, has the columns of `encode`."""
    halves = [
        [3 + 6 * k + 3 * half + c for k in range(frequencies) for c in range(3)] for half in (0, 1)
    ]
    return [0, 1, 2, *halves[0], *halves[1]]


class NerfNetwork:
    """Evaluates the network in float32 or bfloat16; inputs and outputs are float32."""

    def __init__(self, weights: NetworkWeights, *, dtype: torch.dtype = torch.float32) -> None:
        """Rearrange weights that are on their device already."""
        self.weights = weights
        self.dtype = dtype
        columns = encoded_columns(weights.position_frequencies)
        encoded = len(columns)
        self._entries: dict[int, Tensor] = {}
        self._trunk: list[tuple[Tensor, Tensor]] = []
        for i, layer in enumerate(weights.trunk):
            start = 0
            if i == 0 or i in weights.skips:
                start = encoded
                self._entries[i] = layer.weight[:, columns].T.contiguous().to(dtype)
            rest = layer.weight[:, start:].T.contiguous().to(dtype)
            self._trunk.append((rest, layer.bias.to(dtype)))
        self._density = weights.density.weight.T.contiguous().to(dtype)
        self._density_bias = weights.density.bias
        self._color = weights.color.weight.T.contiguous()
        if weights.view is not None and weights.feature is not None:
            width = weights.feature.weight.shape[0]
            from_feature = weights.view.weight[:, :width]
            self._from_trunk = (from_feature @ weights.feature.weight).T.contiguous().to(dtype)
            rows = [width + c for c in encoded_columns(weights.view_frequencies)]
            self._from_view = weights.view.weight[:, rows].T.contiguous()
            self._view_bias = weights.view.bias + from_feature @ weights.feature.bias

    def per_ray(self, directions: Float[Tensor, "r 3"]) -> Float[Tensor, "r h"]:
        """What depends on the rays' unit field-frame directions alone."""
        if self.weights.view is None:
            return directions[:, :0]
        encoded = encode(directions, self.weights.view_frequencies)
        return torch.addmm(self._view_bias, encoded, self._from_view)

    def trunk(self, points: Float[Tensor, "n 3"]) -> Tensor:
        """The trunk's output [n width] at model-space points, of the network's dtype."""
        encoded = encode(points, self.weights.position_frequencies).to(self.dtype)
        hidden = torch.addmm(self._trunk[0][1], encoded, self._entries[0]).relu_()
        for i, (weight, bias) in enumerate(self._trunk[1:], start=1):
            total = torch.addmm(bias, hidden, weight)
            if i in self._entries:
                total.addmm_(encoded, self._entries[i])
            hidden = total.relu_()
        return hidden

    def density_of(self, hidden: Tensor) -> Float[Tensor, " n"]:
        """Density from the trunk's output."""
        raw = (hidden @ self._density).squeeze(1).float() + self._density_bias
        return raw.relu_()

    def color_of(self, hidden: Tensor, view: Float[Tensor, "n h"]) -> Float[Tensor, "n 3"]:
        """Colour in [0, 1] from the trunk's output and `per_ray` of each point's ray."""
        last = hidden.float()
        if self.weights.view is not None:
            last = (hidden @ self._from_trunk).float().add_(view).relu_()
        return torch.addmm(self.weights.color.bias, last, self._color).sigmoid_()

    def density(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Density at model-space points."""
        return torch.cat([self.density_of(self.trunk(part)) for part in points.split(BLOCK)])


def fast_network(weights: NetworkWeights) -> NerfNetwork:
    """The network in bfloat16 where that is faster and close enough, else in float32."""
    exact = NerfNetwork(weights)
    if weights.density.bias.device.type != "cpu" or not bfloat16_is_faster():
        return exact
    fast = NerfNetwork(weights, dtype=torch.bfloat16)
    return fast if _agree(fast, exact) else exact


def _agree(fast: NerfNetwork, exact: NerfNetwork) -> bool:
    """Whether opacities and colours at random places are the same to `CLOSE_ENOUGH`."""
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(2048, 3, generator=generator) * 2 - 1
    view = exact.per_ray(torch.nn.functional.normalize(points, dim=1))
    both = []
    for network in (fast, exact):
        hidden = network.trunk(points)
        opacity = 1 - (-network.density_of(hidden) * PROBE_LENGTH).exp()
        both.append(opacity[:, None] * network.color_of(hidden, view))
    return float((both[0] - both[1]).square().mean()) < CLOSE_ENOUGH


def bfloat16_is_faster() -> bool:
    """Whether this processor has instructions that multiply bfloat16 matrices."""
    known: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # new in torch 2.10
    return any(known.get(name, False) for name in BFLOAT16_INSTRUCTIONS)
