"""From an appearance feature and a viewing direction to a colour: the ways of grid-based fields.

Facts of the formats (order of the inputs, frequencies, signs of the spherical harmonics) follow
"TensoRF: Tensorial Radiance Fields" (Chen et al., ECCV 2022), "Direct Voxel Grid Optimization"
(Sun et al., CVPR 2022) and their published checkpoints.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

SH_FEATURES = 27
RGB_FEATURES = 3


@runtime_checkable
class Shader(Protocol):
    """Colours from appearance features."""

    def per_ray(self, directions: Float[Tensor, "r 3"]) -> Float[Tensor, "r v"]:
        """What depends on the rays' unit model directions alone."""
        ...

    def __call__(
        self,
        features: Float[Tensor, "s c"],
        points: Float[Tensor, "s 3"],
        view: Float[Tensor, "s v"],
    ) -> Float[Tensor, "s 3"]:
        """Colours of samples at grid-frame ``points``; ``view`` is `per_ray` of their rays."""
        ...


def encode(values: Float[Tensor, "n c"], frequencies: int) -> list[Float[Tensor, "n c"]]:
    """Sines of the values times 1, 2, 4, ..., then their cosines; one tensor per frequency.

    Doubled angles come from the double-angle formulas, which cost two products instead of two
    transcendental functions.
    """
    if not frequencies:
        return []
    sines = [values.sin()]
    cosines = [values.cos()]
    for _ in range(frequencies - 1):
        sine, cosine = sines[-1], cosines[-1]
        sines.append(2 * sine * cosine)
        cosines.append(1 - 2 * sine.square())
    return sines + cosines


def encoded_columns(channels: int, frequencies: int) -> list[list[int]]:
    """Where the checkpoint, which keeps a channel's frequencies together, has `encode`'s parts."""
    return [
        [(half * channels + c) * frequencies + k for c in range(channels)]
        for half in range(2)
        for k in range(frequencies)
    ]


class SphericalHarmonics:
    """Spherical harmonics per colour: ``max(0, sum_k B_k(v) f[c, k] + 0.5)``.

    Args:
        count: basis functions, 1, 4 or 9 (degrees 0, 1, 2).
    """

    def __init__(self, count: int = 9) -> None:
        self.count = count

    def per_ray(self, directions: Float[Tensor, "r 3"]) -> Float[Tensor, "r b"]:
        """The basis functions."""
        return spherical_harmonics(directions)[:, : self.count]

    def __call__(
        self,
        features: Float[Tensor, "s c"],
        points: Float[Tensor, "s 3"],
        view: Float[Tensor, "s b"],
    ) -> Float[Tensor, "s 3"]:
        """Colours of samples."""
        colors = torch.bmm(features.view(-1, 3, self.count), view[:, :, None]).squeeze(2)
        return (colors + 0.5).clamp_min(0)


def spherical_harmonics(directions: Float[Tensor, "r 3"]) -> Float[Tensor, "r 9"]:
    """The nine real basis functions up to degree 2 at unit directions."""
    x, y, z = directions.unbind(dim=1)
    k1, k2 = 0.4886025119029199, 1.0925484305920792
    return torch.stack(
        [
            torch.full_like(x, 0.28209479177387814),
            -k1 * y,
            k1 * z,
            -k1 * x,
            k2 * x * y,
            -k2 * y * z,
            0.31539156525252005 * (2 * z * z - x * x - y * y),
            -k2 * x * z,
            0.5462742152960396 * (x * x - y * y),
        ],
        dim=1,
    )


class PlainColor:
    """The feature is the colour."""

    def per_ray(self, directions: Float[Tensor, "r 3"]) -> Float[Tensor, "r 0"]:
        """Nothing: the colour does not depend on the direction."""
        return directions[:, :0]

    def __call__(
        self,
        features: Float[Tensor, "s c"],
        points: Float[Tensor, "s 3"],
        view: Float[Tensor, "s 0"],
    ) -> Float[Tensor, "s 3"]:
        """Colours of samples."""
        return features


class NeuralShader:
    """Linear layers with ReLU between them and a sigmoid at the end.

    The first layer's inputs are the feature, the direction, then encodings of the feature
    (``MLP_Fea``) or the position (``MLP_PE``), then of the direction. What depends on the
    direction alone is multiplied once per ray instead of once per sample. The inputs are never
    joined: each block is multiplied with its rows of the layer, which spares a copy.
    """

    _FEATURE, _VIEW, _POSITION = range(3)

    def __init__(
        self,
        weights: list[Tensor],
        biases: list[Tensor],
        *,
        channels: int,
        feature_frequencies: int,
        position_frequencies: int,
        view_frequencies: int,
    ) -> None:
        """Take the layers' weights [out in] and biases [out] in order, two layers or more.

        Raises:
            ValueError: the first layer's width does not fit the frequencies.
        """
        self.feature_frequencies = feature_frequencies
        self.position_frequencies = position_frequencies
        self.view_frequencies = view_frequencies
        layout = [
            (self._FEATURE, [list(range(channels))]),
            (self._VIEW, [list(range(3))]),
            (self._FEATURE, encoded_columns(channels, feature_frequencies)),
            (self._POSITION, encoded_columns(3, position_frequencies)),
            (self._VIEW, encoded_columns(3, view_frequencies)),
        ]
        self._first: tuple[list[Tensor], ...] = ([], [], [])
        start = 0
        for kind, parts in layout:
            for columns in parts:
                chosen = [start + column for column in columns]
                self._first[kind].append(weights[0][:, chosen].T.contiguous())
            start += sum(map(len, parts))
        if start != weights[0].shape[1]:
            raise ValueError("the first layer's width does not fit")
        self._weights = [weight.T.contiguous() for weight in weights[1:]]
        self._first_bias, self._biases = biases[0], biases[1:]

    def per_ray(self, directions: Float[Tensor, "r 3"]) -> Float[Tensor, "r h"]:
        """The directions' share of the first layer, with its bias."""
        total = self._first_bias.expand(len(directions), -1).clone()
        inputs = [directions, *encode(directions, self.view_frequencies)]
        _add_products(total, inputs, self._first[self._VIEW])
        return total

    def __call__(
        self,
        features: Float[Tensor, "s c"],
        points: Float[Tensor, "s 3"],
        view: Float[Tensor, "s h"],
    ) -> Float[Tensor, "s 3"]:
        """Colours of samples."""
        return self.logits(features, points, view).sigmoid_()

    def logits(
        self,
        features: Float[Tensor, "s c"],
        points: Float[Tensor, "s 3"],
        view: Float[Tensor, "s h"],
    ) -> Float[Tensor, "s 3"]:
        """What the sigmoid makes the colours of."""
        hidden = view.clone()
        inputs = [features, *encode(features, self.feature_frequencies)]
        _add_products(hidden, inputs, self._first[self._FEATURE])
        _add_products(
            hidden, encode(points, self.position_frequencies), self._first[self._POSITION]
        )
        for bias, weight in zip(self._biases, self._weights, strict=True):
            hidden = torch.addmm(bias, hidden.relu_(), weight)
        return hidden


def _add_products(total: Tensor, inputs: list[Tensor], weights: list[Tensor]) -> None:
    for block, weight in zip(inputs, weights, strict=True):
        total.addmm_(block, weight)
