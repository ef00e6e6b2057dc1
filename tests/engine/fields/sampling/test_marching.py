"""The quadrature against numbers computed by hand, and skipping against not skipping."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from sa3d_blender.engine.fields.sampling import marching
from sa3d_blender.engine.fields.sampling.marching import Occupancy, march_steps
from sa3d_blender.engine.fields.sampling.occupancy import CellGrid, alpha_mask_cells, node_cells
from sa3d_blender.engine.fields.spaces.stepped_rays import SteppedRays


def along_x(steps: int, length: float, rays: int = 1) -> SteppedRays:
    """Rays through the grid from -1 along x, the samples in the middle of equal parts."""
    width = 2 / steps
    directions = torch.tensor([[1.0, 0.0, 0.0]]).repeat(rays, 1)
    return SteppedRays(
        origins=torch.tensor([[-1 + width / 2, 0.0, 0.0]]).repeat(rays, 1),
        steps=directions * width,
        lengths=torch.full((rays,), length),
        first=torch.zeros(rays),
        last=torch.full((rays,), steps - 1.0),
        depth=lambda ray_index, k: k,
        directions=directions,
    )


def full_grid(count: int) -> CellGrid:
    cells = torch.ones(count, count, count, dtype=torch.bool)
    half = torch.full((3,), count / 2)
    return CellGrid(cells, half, half.clone())


@pytest.fixture
def unmerged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marching, "MERGED_WEIGHT", 1e-9)


@pytest.mark.usefixtures("unmerged")
def test_four_samples_by_hand() -> None:
    """tau = 0, ln 2, ln 4, ln 2: weights 0, 1/2, 3/8, 1/16."""
    values = torch.tensor([0.0, math.log(2), math.log(4), math.log(2)]) / 0.5
    found = march_steps(
        along_x(4, 0.5),
        lambda points: values[((points[:, 0] + 1) * 2).long()],
        Occupancy.of(full_grid(4)),
        min_weight=0.0,
    )
    assert found.k.tolist() == [1.0, 2.0, 3.0]
    assert found.weights.tolist() == pytest.approx([1 / 2, 3 / 8, 1 / 16])


@pytest.mark.usefixtures("unmerged")
def test_constant_fog_follows_beer_and_lambert() -> None:
    found = march_steps(
        along_x(200, 0.01),
        lambda points: torch.full((len(points),), 1.5),
        Occupancy.of(full_grid(8)),
        min_weight=0.0,
    )
    assert float(found.weights.sum()) == pytest.approx(1 - math.exp(-1.5 * 2), abs=1e-5)


def test_light_neighbours_merge_at_their_mean() -> None:
    """Two steps within the merging distance become one sample; sums stay."""
    found = march_steps(
        along_x(200, 1.0),
        lambda points: torch.where((points[:, 0] > 0) & (points[:, 0] < 0.02), 0.01, 0.0),
        Occupancy.of(full_grid(8)),
        min_weight=0.0,
    )
    first, second = 1 - math.exp(-0.01), math.exp(-0.01) * (1 - math.exp(-0.01))
    assert found.weights.tolist() == pytest.approx([first + second])
    mean = (100 * first + 101 * second) / (first + second)
    assert found.k.tolist() == pytest.approx([mean])


def test_nothing_is_evaluated_behind_an_opaque_surface() -> None:
    seen = []

    def wall(points: Tensor) -> Tensor:
        seen.append(float(points[:, 0].max()))
        return torch.where(points[:, 0] > -0.5, 1e3, 0.0)

    found = march_steps(along_x(1000, 1.0), wall, Occupancy.of(full_grid(64)), min_weight=1e-4)
    assert float(found.weights.sum()) == pytest.approx(1, abs=1e-4)
    assert max(seen) < -0.4


def test_nothing_is_evaluated_in_empty_space() -> None:
    grid = full_grid(64)
    grid.cells[:, :, :40] = False
    cells = CellGrid(grid.cells, grid.scale, grid.offset)
    seen = []

    def fog(points: Tensor) -> Tensor:
        seen.append(points[:, 0])
        return torch.full((len(points),), 0.5)

    march_steps(along_x(500, 0.01), fog, Occupancy.of(cells), min_weight=0.0)
    assert float(torch.cat(seen).min()) >= 40 / 32 - 1


def test_empty_grid_and_no_rays() -> None:
    cells = torch.zeros(4, 4, 4, dtype=torch.bool)
    empty = CellGrid(cells, torch.full((3,), 2.0), torch.full((3,), 2.0))
    found = march_steps(along_x(10, 1.0), _fog, Occupancy.of(empty), min_weight=0.0)
    assert len(found.weights) == 0
    found = march_steps(along_x(10, 1.0, 0), _fog, Occupancy.of(full_grid(4)), min_weight=0.0)
    assert len(found.weights) == 0


def _fog(points: Tensor) -> Tensor:
    return torch.ones(len(points))


def test_skipping_changes_nothing() -> None:
    """Random rays through random cells, with the hierarchy and without it."""
    generator = torch.Generator().manual_seed(1)
    cells = torch.rand(20, 24, 28, generator=generator) > 0.97
    half = torch.tensor([14.0, 12.0, 10.0])
    grid = CellGrid(cells, half, half.clone())
    origins = torch.randn(300, 3, generator=generator)
    origins = 2 * origins / origins.norm(dim=1, keepdim=True)
    aims = torch.rand(300, 3, generator=generator) * 2 - 1
    rays = SteppedRays(
        origins=origins,
        steps=(aims - origins) / 150,
        lengths=torch.full((300,), 0.05),
        first=torch.zeros(300),
        last=torch.full((300,), 299.0),
        depth=lambda ray_index, k: k,
        directions=aims - origins,
    )

    def density(points: Tensor) -> Tensor:
        return grid(points).float() * 3

    found = march_steps(rays, density, Occupancy.of(grid), min_weight=0.0)
    opacity = torch.zeros(300).index_add_(0, found.ray_index, found.weights)
    k = torch.arange(300.0)
    points = rays.origins[:, None] + k[:, None] * rays.steps[:, None]
    tau = density(points.view(-1, 3)).view(300, 300).sum(dim=1) * 0.05
    torch.testing.assert_close(opacity, 1 - (-tau).exp(), rtol=0, atol=2e-4)


def test_alpha_mask_cells_equal_positive_interpolation() -> None:
    generator = torch.Generator().manual_seed(2)
    mask = torch.rand(5, 6, 7, generator=generator) > 0.8
    mask_box = torch.tensor([[-1.2, -0.9, -1.0], [0.8, 1.3, 1.1]])
    field_box = torch.tensor([[-1.0, -1.2, -0.9], [1.1, 1.2, 1.0]])
    cells = alpha_mask_cells(mask, mask_box, field_box)
    grid = torch.rand(2000, 3, generator=generator) * 2 - 1
    points = (grid + 1) / 2 * (field_box[1] - field_box[0]) + field_box[0]
    normalised = (points - mask_box[0]) / (mask_box[1] - mask_box[0]) * 2 - 1
    value = functional.grid_sample(
        mask[None, None].float(), normalised.view(1, 1, 1, -1, 3), align_corners=True
    )
    assert bool((cells(grid) == (value.view(-1) > 0)).all())


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_node_cells_cover_every_dense_node(factor: int) -> None:
    generator = torch.Generator().manual_seed(4)
    size = (11, 14, 17)
    nodes = torch.rand(size[::-1], generator=generator) > 0.99
    layers = 2 * factor
    slabs = [nodes[z : z + layers + 1] for z in range(0, size[2] - 1, layers)]
    cells = node_cells(slabs, size, factor)
    points = torch.rand(4000, 3, generator=generator) * 2 - 1
    value = functional.grid_sample(
        nodes[None, None].float(), points.view(1, 1, 1, -1, 3), align_corners=True
    ).view(-1)
    assert bool(cells(points)[value > 0].all())
    if factor == 1:
        assert bool((cells(points) == (value > 0)).all())


def test_overlap_keeps_every_shared_place() -> None:
    generator = torch.Generator().manual_seed(6)
    half = torch.tensor([6.0, 5.0, 4.0])
    one = CellGrid(torch.rand(8, 10, 12, generator=generator) > 0.7, half, half.clone())
    scale, offset = torch.tensor([3.3, 2.9, 4.1]), torch.tensor([3.1, 2.7, 4.3])
    two = CellGrid(torch.rand(8, 6, 7, generator=generator) > 0.7, scale, offset)
    both = one.overlaps(two)
    points = torch.rand(5000, 3, generator=generator) * 2 - 1
    shared = one(points) & two(points)
    assert bool(both(points)[shared].all())
    assert bool(one(points)[both(points)].all())
    assert int(both.cells.sum()) < int(one.cells.sum())


def test_no_place_outside_a_rays_own_stretch_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rays of a tile have different numbers of samples; the others' numbers mean other places."""
    steps, late = 64, 5000
    width = 2 / steps
    start = -1 + width / 2
    rays = SteppedRays(
        origins=torch.tensor([[start - late * width, 0.5, 0.0], [start, 0.0, 0.0]]),
        steps=torch.tensor([[width, 0.0, 0.0]] * 2),
        lengths=torch.full((2,), 0.01),
        first=torch.tensor([float(late), 0.0]),
        last=torch.tensor([late + 2.0, steps - 1.0]),
        depth=lambda ray_index, k: k,
        directions=torch.tensor([[1.0, 0.0, 0.0]] * 2),
    )
    within, reached = CellGrid.within, []

    def noted(grid: CellGrid, points: Tensor) -> Tensor:
        reached.append(float(points.abs().max()))
        return within(grid, points)

    monkeypatch.setattr(CellGrid, "within", noted)
    grid = full_grid(128)  # fine: short stretches, several of them per round
    march_steps(rays, lambda points: torch.ones(len(points)), Occupancy.of(grid), min_weight=0.0)
    assert max(reached) <= 1
