"""Hash grids, packed networks and harmonics, against plain code that goes number by number."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from sa3d_blender.engine.fields.components.direction_harmonics import (
    sixteen_harmonics,
    torch_harmonics,
)
from sa3d_blender.engine.fields.components.hash_grid import (
    GridShape,
    tcnn_hash_grid,
    tcnn_rows,
    torch_hash_grid,
)
from sa3d_blender.engine.fields.components.perceptron import (
    Perceptron,
    packed_size,
    unpacked_layers,
)
from tests.support.plain_hash import harmonics, packed_network, tcnn_features, torch_features


def test_nerfstudios_grids_have_the_published_sizes() -> None:
    assert tcnn_rows(GridShape.between(16, 2, 19, 16, 2048)) == 6_098_120
    assert tcnn_rows(GridShape.between(5, 2, 17, 16, 128)) == 383_264
    assert tcnn_rows(GridShape.between(5, 2, 17, 16, 256)) == 430_080


@pytest.mark.parametrize("features", [1, 2, 4, 8])
def test_encodings_of_both_kinds(features: int) -> None:
    random = np.random.default_rng(features)
    points = np.concatenate([random.random((40, 3)), [[0, 0, 0], [1, 1, 1], [0.5, 0.25, 1]]])
    shape = GridShape(4, features, 9, 4, 1.7)
    scalings = [math.floor(4 * 1.7**i) for i in range(4)]
    table = random.normal(size=(4 * 2**9, features)).astype(np.float32)
    found = torch_hash_grid(torch.from_numpy(table), shape)(torch.from_numpy(points).float())
    expected = [torch_features(table, p, scalings, 9) for p in points.astype(np.float32)]
    np.testing.assert_allclose(found.numpy(), expected, atol=2e-5)

    scales = [4 * 1.7**i - 1 for i in range(4)]
    rows = tcnn_rows(shape)
    assert rows == 64 + 344 + 2 * 512  # 4^3, 7^3 rounded up to a multiple of 8, and hashed
    table = random.normal(size=(rows, features)).astype(np.float32)
    found = tcnn_hash_grid(torch.from_numpy(table.ravel()), shape)(torch.from_numpy(points).float())
    expected = [tcnn_features(table, p, scales, 9) for p in points.astype(np.float32)]
    np.testing.assert_allclose(found.numpy(), expected, atol=2e-5)


@pytest.mark.parametrize("padding", [0.0, 1.0])
@pytest.mark.parametrize("size", [(32, 64, 1, 16), (10, 16, 1, 1), (63, 32, 2, 3)])
def test_packed_networks(size: tuple[int, int, int, int], padding: float) -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=packed_size(*size)).astype(np.float32) / 4
    inputs = random.normal(size=(9, size[0]))
    layers = unpacked_layers(torch.from_numpy(values), *size, padding=padding)
    found = Perceptron(layers)(torch.from_numpy(inputs).float())
    expected = [packed_network(values, x, *size[1:], padding=padding) for x in inputs]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-4)


def test_the_usual_networks_have_the_published_sizes() -> None:
    assert packed_size(32, 64, 1, 16) == 3072
    assert packed_size(32, 64, 2, 3) == 7168
    assert packed_size(63, 64, 2, 3) == 9216
    assert packed_size(10, 16, 1, 1) == 512


def test_harmonics() -> None:
    directions = torch.nn.functional.normalize(torch.randn(200, 3), dim=1)
    plain = directions.double().numpy()
    np.testing.assert_allclose(
        sixteen_harmonics(directions).numpy(), [harmonics(d) for d in plain], atol=1e-5
    )
    np.testing.assert_allclose(
        torch_harmonics(directions).numpy(),
        [harmonics((d + 1) / 2, mirrored=True) for d in plain],
        atol=1e-5,
    )
