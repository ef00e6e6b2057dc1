"""Small fully connected networks, as hash-encoded fields have them, and how files pack them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

PADDED = 16
"""Tiny-cuda-nn rounds a network's inputs and outputs up to multiples of this."""


@dataclass(frozen=True)
class Layer:
    """One linear layer as the checkpoint has it."""

    weight: Float[Tensor, "out in"]
    bias: Float[Tensor, " out"]


class Perceptron:
    """Linear layers with ReLU between them."""

    def __init__(self, layers: list[Layer]) -> None:
        """Rearrange layers that are on their device already."""
        self._layers = [(layer.bias, layer.weight.T.contiguous()) for layer in layers]

    def __call__(self, inputs: Float[Tensor, "n i"]) -> Float[Tensor, "n o"]:
        """The last layer's output."""
        (bias, weight), *rest = self._layers
        hidden = torch.addmm(bias, inputs, weight)
        for bias, weight in rest:
            hidden = torch.addmm(bias, hidden.relu_(), weight)
        return hidden

    def tensors(self) -> list[Tensor]:
        """Biases and weights, first to last."""
        return [tensor for layer in self._layers for tensor in layer]


class DirectedColor:
    """Colours from features of a place and the direction it is seen along; a `Shader`.

    Args:
        layers: the network, first to last.
        features: columns of the first layer's weight that take the place's features.
        harmonics: columns that take what ``encode`` makes of the direction.
        constants: columns that take ``values``.
        values: inputs that are the same everywhere.
        encode: from unit directions [r 3] to [r h].
        finish: from the last layer's output to colours.
    """

    def __init__(
        self,
        layers: list[Layer],
        *,
        features: slice,
        harmonics: slice,
        encode: Callable[[Tensor], Tensor],
        finish: Callable[[Tensor], Tensor] = torch.sigmoid,
        constants: slice | None = None,
        values: Float[Tensor, " c"] | None = None,
    ) -> None:
        first = layers[0]
        self._encode, self._finish = encode, finish
        self._from_features = first.weight[:, features].T.contiguous()
        self._from_direction = first.weight[:, harmonics].T.contiguous()
        self._bias = first.bias
        if constants is not None and values is not None:
            self._bias = first.bias + first.weight[:, constants] @ values
        self._rest = Perceptron(layers[1:])

    def per_ray(self, directions: Float[Tensor, "r 3"]) -> Float[Tensor, "r h"]:
        """The directions' share of the first layer, with its bias."""
        return torch.addmm(self._bias, self._encode(directions), self._from_direction)

    def __call__(
        self,
        features: Float[Tensor, "s c"],
        points: Float[Tensor, "s 3"],
        view: Float[Tensor, "s h"],
    ) -> Float[Tensor, "s 3"]:
        """Colours of samples; ``view`` is `per_ray` of their rays."""
        hidden = torch.addmm(view, features, self._from_features).relu_()
        return self._finish(self._rest(hidden))


def padded(size: int) -> int:
    """The next multiple of 16."""
    return -(-size // PADDED) * PADDED


def packed_size(inputs: int, width: int, hidden: int, outputs: int) -> int:
    """How many numbers tiny-cuda-nn keeps for a network of ``hidden`` layers of ``width``."""
    return width * (padded(inputs) + width * (hidden - 1) + padded(outputs))


def packed_width(size: int, inputs: int, hidden: int, outputs: int) -> int | None:
    """The width of a network that is kept in that many numbers; None if there is none."""
    for width in range(PADDED, 4096 + 1, PADDED):
        if packed_size(inputs, width, hidden, outputs) == size:
            return width
    return None


def unpacked_layers(
    values: Float[Tensor, " n"],
    inputs: int,
    width: int,
    hidden: int,
    outputs: int,
    *,
    padding: float,
) -> list[Layer]:
    """The layers in tiny-cuda-nn's flat list of a network's weights.

    Matrices follow each other row by row, without biases. Inputs are filled up with ``padding``
    to a multiple of 16: ones amount to a bias. Outputs beyond the wanted are dropped.

    Args:
        values: exactly as many as `packed_size` says.
        inputs, width, hidden, outputs: sizes; ``hidden`` counts the hidden layers.
        padding: what the encoding in front writes into the inputs beyond its own: 1 or 0.
    """
    shapes = [(width, padded(inputs)), *[(width, width)] * (hidden - 1), (padded(outputs), width)]
    layers = []
    for rows, columns in shapes:
        weight, values = values[: rows * columns].view(rows, columns), values[rows * columns :]
        layers.append(Layer(weight, torch.zeros(rows, device=weight.device)))
    first, last = layers[0].weight, layers[-1].weight
    layers[0] = Layer(first[:, :inputs].contiguous(), padding * first[:, inputs:].sum(dim=1))
    layers[-1] = Layer(last[:outputs].contiguous(), layers[-1].bias[:outputs])
    return layers
