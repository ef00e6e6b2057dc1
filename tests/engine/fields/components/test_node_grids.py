"""Values between the nodes of a grid."""

from __future__ import annotations

import torch

from sa3d_blender.engine.fields.components import node_grids


def test_trilinear_by_gathering_equals_grid_sample() -> None:
    generator = torch.Generator().manual_seed(0)
    volume = torch.randn(5, 6, 7, generator=generator)
    points = torch.rand(500, 3, generator=generator) * 2 - 1
    points[:8] = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 3)
    torch.testing.assert_close(
        node_grids.gathered_trilinear(volume, points),
        node_grids.trilinear(volume, points),
        rtol=1e-4,
        atol=1e-5,
    )
