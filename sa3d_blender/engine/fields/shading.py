"""TensoRF's five ways from an appearance feature and a viewing direction to a colour.

Facts of the format (order of the inputs, frequencies, signs of the spherical harmonics) follow
"TensoRF: Tensorial Radiance Fields" (Chen et al., ECCV 2022) and its published checkpoints.
"""

from __future__ import annotations

from typing import Protocol

import torch
from jaxtyping import Float, Int64
from torch import Tensor

SH_FEATURES = 27
RGB_FEATURES = 3


class Shader(Protocol):
    """Colours from appearance features."""

    def __call__(
        self,
        features: Float[Tensor, "s c"],
        points: Float[Tensor, "s 3"],
        directions: Float[Tensor, "r 3"],
        ray_index: Int64[Tensor, " s"],
    ) -> Float[Tensor, "s 3"]:
        """Colours of samples at grid-frame ``points`` on rays of unit model ``directions``."""
        ...


def encode(values: Float[Tensor, "n c"], frequencies: int) -> Float[Tensor, "n k"]:
    """Sines, then cosines, of the values times 1, 2, 4, ...: [n, 2 * frequencies * c].

    Frequency-major: all channels at one frequency stay together. Doubled angles come from the
    double-angle formulas, which cost two products instead of two transcendental functions.
    """
    sines = [values.sin()]
    cosines = [values.cos()]
    for _ in range(frequencies - 1):
        sine, cosine = sines[-1], cosines[-1]
        sines.append(2 * sine * cosine)
        cosines.append(1 - 2 * sine.square())
    return torch.cat([*sines[:frequencies], *cosines[:frequencies]], dim=1)


def encoded_columns(channels: int, frequencies: int) -> list[int]:
    """Where `encode`'s columns lie in the checkpoint's channel-major order."""
    block = [c * frequencies + k for k in range(frequencies) for c in range(channels)]
    return block + [channels * frequencies + column for column in block]


class SphericalHarmonics:
    """Degree-2 spherical harmonics per colour: ``max(0, sum_k B_k(v) f[c, k] + 0.5)``."""

    def __call__(
        self,
        features: Float[Tensor, "s c"],
        points: Float[Tensor, "s 3"],
        directions: Float[Tensor, "r 3"],
        ray_index: Int64[Tensor, " s"],
    ) -> Float[Tensor, "s 3"]:
        basis = spherical_harmonics(directions).index_select(0, ray_index)
        colors = (features.view(-1, 3, 9) * basis[:, None]).sum(dim=2)
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

    def __call__(
        self,
        features: Float[Tensor, "s c"],
        points: Float[Tensor, "s 3"],
        directions: Float[Tensor, "r 3"],
        ray_index: Int64[Tensor, " s"],
    ) -> Float[Tensor, "s 3"]:
        return features


class NeuralShader:
    """Three linear layers: ReLU, ReLU, sigmoid.

    The first layer's inputs are the feature, the direction, then encodings of the feature
    (``MLP_Fea``) or the position (``MLP_PE``), then of the direction. What depends on the
    direction alone is multiplied once per ray instead of once per sample.
    """

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
        """Take the layers' weights [out in] and biases [out] in order.

        Raises:
            ValueError: the first layer's width does not fit the frequencies.
        """
        self.feature_frequencies = feature_frequencies
        self.position_frequencies = position_frequencies
        self.view_frequencies = view_frequencies
        layout = [
            (0, list(range(channels))),
            (1, list(range(3))),
            (0, encoded_columns(channels, feature_frequencies)),
            (0, encoded_columns(3, position_frequencies)),
            (1, encoded_columns(3, view_frequencies)),
        ]
        if sum(len(columns) for _, columns in layout) != weights[0].shape[1]:
            raise ValueError("the first layer's width does not fit")
        chosen: tuple[list[int], list[int]] = ([], [])
        start = 0
        for part, columns in layout:
            chosen[part].extend(start + column for column in columns)
            start += len(columns)
        self._sample_weight = weights[0][:, chosen[0]].T.contiguous()
        self._ray_weight = weights[0][:, chosen[1]].T.contiguous()
        self._hidden_weight = weights[1].T.contiguous()
        self._output_weight = weights[2].T.contiguous()
        self._biases = biases

    def __call__(
        self,
        features: Float[Tensor, "s c"],
        points: Float[Tensor, "s 3"],
        directions: Float[Tensor, "r 3"],
        ray_index: Int64[Tensor, " s"],
    ) -> Float[Tensor, "s 3"]:
        view = [directions]
        if self.view_frequencies:
            view.append(encode(directions, self.view_frequencies))
        per_ray = torch.addmm(self._biases[0], torch.cat(view, dim=1), self._ray_weight)
        inputs = [features]
        if self.feature_frequencies:
            inputs.append(encode(features, self.feature_frequencies))
        if self.position_frequencies:
            inputs.append(encode(points, self.position_frequencies))
        hidden = per_ray.index_select(0, ray_index)
        hidden.addmm_(torch.cat(inputs, dim=1), self._sample_weight).relu_()
        hidden = torch.addmm(self._biases[1], hidden, self._hidden_weight).relu_()
        return torch.addmm(self._biases[2], hidden, self._output_weight).sigmoid_()
