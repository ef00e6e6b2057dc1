"""DirectVoxGO's ways from features to colours.

Coarse models store the colours themselves, before a sigmoid. Fine ones have a small network that
sees the features and the viewing direction, whose output may be added to a stored colour.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ..components.shading import NeuralShader, PlainColor, Shader
from ..files.checkpoint_file import bad_weights
from ..files.checkpoint_numbers import Numbers
from .grids import FeatureGrid, GridReader

COLORS = 3
MAX_CHANNELS = 4096
MAX_DEPTH = 64
MAX_FREQUENCIES = 16


class StoredColor(PlainColor):
    """The feature is the colour before a sigmoid."""

    def __call__(
        self,
        features: Float[Tensor, "s 3"],
        points: Float[Tensor, "s 3"],
        view: Float[Tensor, "s 0"],
    ) -> Float[Tensor, "s 3"]:
        """Colours of samples."""
        return features.sigmoid()


class TintedColor:
    """The first three features are a colour, the network changes it with the direction."""

    def __init__(self, network: NeuralShader) -> None:
        self._network = network

    def per_ray(self, directions: Float[Tensor, "r 3"]) -> Float[Tensor, "r h"]:
        """What depends on the rays' directions alone."""
        return self._network.per_ray(directions)

    def __call__(
        self,
        features: Float[Tensor, "s c"],
        points: Float[Tensor, "s 3"],
        view: Float[Tensor, "s h"],
    ) -> Float[Tensor, "s 3"]:
        """Colours of samples."""
        change = self._network.logits(features[:, COLORS:], points, view)
        return change.add_(features[:, :COLORS]).sigmoid_()


def read_shader(reader: GridReader, kwargs: dict[str, Any]) -> tuple[FeatureGrid, Shader]:
    """The colour features of a checkpoint and what turns them into colours.

    Raises:
        UserError: code ``bad_weights``.
    """
    path = reader.path
    if "posfreq" in reader.state or kwargs.get("rgbnet_full_implicit"):
        raise bad_weights(path, "its colours depend on positions, which newer files' do not")
    if "rgbnet.0.weight" not in reader.state:
        return reader.features("k0", COLORS), StoredColor()
    numbers = Numbers(kwargs, path)
    channels = int(numbers.one("rgbnet_dim", low=1.0, high=float(MAX_CHANNELS)))
    features = reader.features("k0", channels)
    direct = bool(kwargs.get("rgbnet_direct", True))
    if not direct and channels <= COLORS:
        raise bad_weights(path, "it has too few features for its kind of colours")
    inputs = channels if direct else channels - COLORS
    network = _network(reader, numbers, inputs)
    return features, network if direct else TintedColor(network)


def _network(reader: GridReader, numbers: Numbers, channels: int) -> NeuralShader:
    """Layers ``0``, ``2.0``, ``3.0``, ..., and the last at the network's depth."""
    depth = int(numbers.one("rgbnet_depth", low=2.0, high=float(MAX_DEPTH)))
    frequencies = _frequencies(reader)
    inputs = channels + 3 + 6 * frequencies
    names = ["rgbnet.0", *(f"rgbnet.{i}.0" for i in range(2, depth)), f"rgbnet.{depth}"]
    width = reader.weight("rgbnet.0.weight", (None, inputs)).shape[0]
    shapes = [(width, inputs), *[(width, width)] * (depth - 2), (COLORS, width)]
    layers = list(zip(names, shapes, strict=True))
    return NeuralShader(
        [reader.weight(f"{name}.weight", shape) for name, shape in layers],
        [reader.weight(f"{name}.bias", shape[:1]) for name, shape in layers],
        channels=channels,
        feature_frequencies=0,
        position_frequencies=0,
        view_frequencies=frequencies,
    )


def _frequencies(reader: GridReader) -> int:
    """How many frequencies encode the direction: 1, 2, 4, ...; possibly none."""
    found = reader.state.get("viewfreq")
    if not isinstance(found, Tensor) or found.ndim != 1 or len(found) > MAX_FREQUENCIES:
        raise bad_weights(reader.path, "it lacks the weights 'viewfreq'")
    doubled = 2.0 ** torch.arange(len(found))
    if len(found) and not torch.equal(reader.weight("viewfreq", (len(found),)).cpu(), doubled):
        raise bad_weights(reader.path, "its frequencies of the direction are not powers of two")
    return len(found)
