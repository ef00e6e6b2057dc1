"""What a TensoRF ``.th`` file says, checked and in plain types.

The file holds ``kwargs`` (the model's constructor arguments), ``state_dict`` (the weights) and, if
one was built, the alpha mask as packed bits. It names neither the model class nor the kind of
scene; the class follows from the names of the weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..components.decomposition import LINE_AXES, PLANE_AXES, Decomposition
from ..components.shading import (
    RGB_FEATURES,
    SH_FEATURES,
    NeuralShader,
    PlainColor,
    Shader,
    SphericalHarmonics,
)
from ..files.checkpoint_file import Checkpoint, bad_weights, checked_weight
from ..files.checkpoint_numbers import Numbers

MAX_NODES = 4096
"""Largest grid side that is believed."""
MAX_GRID = 2**30
"""Largest number of grid nodes that is believed."""
MAX_FREQUENCIES = 16
MAX_SAMPLES = 2**16
SHADINGS = ("MLP_Fea", "MLP_PE", "MLP", "SH", "RGB")
ACTIVATIONS = ("softplus", "relu")


@dataclass(frozen=True)
class TensorfParameters:
    """The numbers of ``kwargs`` that rendering needs."""

    box: Float[Tensor, "2 3"]
    grid_size: tuple[int, int, int]
    """Nodes along x, y, z."""
    near_far: tuple[float, float]
    step_ratio: float
    distance_scale: float
    density_shift: float
    min_weight: float
    """Samples of less weight have no colour (``rayMarch_weight_thres``)."""
    activation: str
    shading: str
    app_dim: int
    frequencies: tuple[int, int, int]
    """Frequencies for position, view and feature."""

    @property
    def step(self) -> float:
        """Distance of samples: the mean grid spacing times the step ratio."""
        nodes = torch.tensor(self.grid_size, dtype=torch.float32)
        spacing = (self.box[1] - self.box[0]) / (nodes - 1)
        return float(spacing.mean() * self.step_ratio)

    @property
    def samples(self) -> int:
        """Samples per ray: as many as fit into the box's diagonal, and one."""
        diagonal = float((self.box[1] - self.box[0]).square().sum().sqrt())
        return int(diagonal / self.step) + 1


@dataclass(frozen=True)
class AlphaMask:
    """The training's own map of empty space; its box differs from the field's."""

    mask: Bool[Tensor, "z y x"]
    box: Float[Tensor, "2 3"]


@dataclass(frozen=True)
class TensorfModel:
    """Everything in the file, on the CPU until `load` moves it."""

    kind: str
    """``TensorVMSplit`` or ``TensorCP``."""
    parameters: TensorfParameters
    density: Decomposition
    appearance: Decomposition
    basis: Float[Tensor, "c f"]
    """From products of factors to features (the transposed ``basis_mat``)."""
    shader: Shader
    alpha_mask: AlphaMask | None


def is_tensorf(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint has TensoRF's tables."""
    data = checkpoint.data
    if not isinstance(data, dict) or "state_dict" not in data:
        return False
    kwargs = data.get("kwargs")
    return isinstance(kwargs, dict) and "shadingMode" in kwargs and "gridSize" in kwargs


def read_model(checkpoint: Checkpoint, *, device: torch.device) -> TensorfModel:
    """Check and take apart a TensoRF checkpoint.

    Raises:
        UserError: code ``bad_weights`` when anything is missing, of the wrong size, not finite or
            not supported.
    """
    path, data = checkpoint.path, checkpoint.data
    parameters = _parameters(data["kwargs"], path)
    state = data["state_dict"]
    if not isinstance(state, dict):
        raise bad_weights(path, "its table of weights is not one")
    if "plane_coef" in state:
        raise bad_weights(path, "it is a TensorVM model, which TensoRF itself cannot train")
    reader = _WeightReader(state, path, parameters.grid_size, device)
    appearance = reader.decomposition("app")
    channels, dimension = appearance.channels, parameters.app_dim
    basis = reader.weight("basis_mat.weight", (dimension, channels))
    return TensorfModel(
        kind="TensorVMSplit" if appearance.planes else "TensorCP",
        parameters=parameters,
        density=reader.decomposition("density"),
        appearance=appearance,
        basis=basis.T.contiguous(),
        shader=_shader(reader, parameters),
        alpha_mask=_alpha_mask(data, path, device),
    )


@dataclass(frozen=True)
class _WeightReader:
    state: dict[str, Any]
    path: Path
    grid_size: tuple[int, int, int]
    device: torch.device

    def weight(self, name: str, shape: tuple[int | None, ...]) -> Tensor:
        return checked_weight(self.state, name, shape, path=self.path).to(self.device)

    def decomposition(self, prefix: str) -> Decomposition:
        size = self.grid_size
        lines = [
            self.weight(f"{prefix}_line.{i}", (1, None, size[axis], 1))[0, :, :, 0]
            for i, axis in enumerate(LINE_AXES)
        ]
        if "density_plane.0" not in self.state:
            if len({line.shape[0] for line in lines}) > 1:
                raise bad_weights(self.path, f"its {prefix} lines differ in length")
            return Decomposition([], lines, size)
        planes = [
            self.weight(f"{prefix}_plane.{i}", (1, lines[i].shape[0], size[second], size[first]))[0]
            for i, (first, second) in enumerate(PLANE_AXES)
        ]
        return Decomposition(planes, lines, size)


def _parameters(kwargs: dict[str, Any], path: Path) -> TensorfParameters:
    numbers = Numbers(kwargs, path)
    grid_size = tuple(int(n) for n in numbers.many("gridSize", 3, low=2.0, high=float(MAX_NODES)))
    if math.prod(grid_size) > MAX_GRID:
        raise bad_weights(
            path, f"its grid of {'x'.join(map(str, grid_size))} is unbelievably large"
        )
    near, far = numbers.many("near_far", 2)
    frequencies = [
        int(numbers.one(name, low=0.0, high=float(MAX_FREQUENCIES)))
        for name in ("pos_pe", "view_pe", "fea_pe")
    ]
    parameters = TensorfParameters(
        box=_box(kwargs.get("aabb"), path, "aabb"),
        grid_size=(grid_size[0], grid_size[1], grid_size[2]),
        near_far=(near, far),
        step_ratio=numbers.one("step_ratio", low=1e-3, high=1e3),
        distance_scale=numbers.one("distance_scale", low=1e-6, high=1e6),
        density_shift=numbers.one("density_shift"),
        min_weight=numbers.one("rayMarch_weight_thres", low=0.0, high=1.0),
        activation=_choice(kwargs, "fea2denseAct", ACTIVATIONS, path),
        shading=_choice(kwargs, "shadingMode", SHADINGS, path),
        app_dim=int(numbers.one("app_dim", low=1.0, high=4096.0)),
        frequencies=(frequencies[0], frequencies[1], frequencies[2]),
    )
    if not parameters.samples <= MAX_SAMPLES:
        raise bad_weights(path, "its step_ratio asks for unbelievably many samples")
    return parameters


def _box(value: Any, path: Path, name: str) -> Float[Tensor, "2 3"]:
    box = checked_weight({name: value}, name, (2, 3), path=path)
    if not (box[1] > box[0]).all():
        raise bad_weights(path, f"its box {name!r} is empty")
    return box


def _choice(kwargs: dict[str, Any], name: str, choices: tuple[str, ...], path: Path) -> str:
    value = kwargs.get(name)
    if value not in choices:
        raise bad_weights(path, f"its {name} {value!r} is none of {', '.join(choices)}")
    return str(value)


def _shader(reader: _WeightReader, parameters: TensorfParameters) -> Shader:
    channels = parameters.app_dim
    if parameters.shading in ("SH", "RGB"):
        wanted = SH_FEATURES if parameters.shading == "SH" else RGB_FEATURES
        if channels != wanted:
            raise bad_weights(reader.path, f"{parameters.shading} shading needs {wanted} features")
        return SphericalHarmonics() if parameters.shading == "SH" else PlainColor()
    position, view, feature = parameters.frequencies
    position = position if parameters.shading == "MLP_PE" else 0
    feature = feature if parameters.shading == "MLP_Fea" else 0
    inputs = channels + 3 + 2 * feature * channels + 6 * position + 6 * view
    first = reader.weight("renderModule.mlp.0.weight", (None, inputs))
    width = first.shape[0]
    shapes = {0: (width, inputs), 2: (width, width), 4: (3, width)}
    weights = [reader.weight(f"renderModule.mlp.{i}.weight", s) for i, s in shapes.items()]
    biases = [reader.weight(f"renderModule.mlp.{i}.bias", s[:1]) for i, s in shapes.items()]
    return NeuralShader(
        weights,
        biases,
        channels=channels,
        feature_frequencies=feature,
        position_frequencies=position,
        view_frequencies=view,
    )


def _alpha_mask(data: dict[str, Any], path: Path, device: torch.device) -> AlphaMask | None:
    if "alphaMask.mask" not in data:
        return None
    shape = data.get("alphaMask.shape")
    sizes = Numbers({"alphaMask.shape": list(shape or ())}, path).many(
        "alphaMask.shape", 5, low=1.0, high=float(MAX_NODES)
    )
    depth, height, width = (int(size) for size in sizes[2:])
    count = depth * height * width
    bits = data["alphaMask.mask"]
    fits = isinstance(bits, np.ndarray) and bits.dtype == np.uint8 and bits.ndim == 1
    if sizes[:2] != [1, 1] or not fits or len(bits) != -(-count // 8):
        raise bad_weights(path, "its alpha mask does not have the size it claims")
    mask = np.unpackbits(bits)[:count].reshape(depth, height, width).astype(bool)
    box = _box(data.get("alphaMask.aabb"), path, "alphaMask.aabb")
    return AlphaMask(torch.from_numpy(mask).to(device), box.to(device))
