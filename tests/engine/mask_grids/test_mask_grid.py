"""The vote against hand-computed numbers and against autograd of the paper's loss."""

import torch

from sa3d_blender.engine.mask_grids.mask_grid import PAPER_LAMBDA, MaskGrid, corners


def unit_grid(shape: tuple[int, int, int]) -> MaskGrid:
    return MaskGrid.empty(-torch.ones(3), torch.ones(3), shape)


def test_a_vote_lands_on_the_nodes_around_the_sample() -> None:
    grid = unit_grid((3, 3, 3))
    grid.vote(torch.tensor([[0.25, 0.0, 0.0]]), torch.tensor([0.8]), torch.tensor([True]))
    # x = 0.25 lies a quarter of a cell past node 1: 0.75 and 0.25 of 0.8
    assert torch.allclose(grid.votes_for[1:, 1, 1], torch.tensor([0.6, 0.2]))
    assert float(grid.votes_for.sum()) == float(torch.tensor(0.8))
    assert float(grid.votes_against.abs().sum()) == 0


def test_samples_outside_the_region_do_not_vote() -> None:
    grid = MaskGrid.empty(torch.zeros(3), torch.ones(3), (4, 4, 4))
    grid.vote(torch.tensor([[-0.1, 0.5, 0.5]]), torch.ones(1), torch.tensor([True]))
    assert float(grid.votes_for.sum()) == 0


def test_the_vote_equals_one_gradient_step_of_equation_5() -> None:
    generator = torch.Generator().manual_seed(3)
    count, pixels, shape = 500, 60, (5, 7, 6)
    points = torch.rand(count, 3, generator=generator) * 2 - 1
    weights = torch.rand(count, generator=generator)
    pixel = torch.randint(pixels, (count,), generator=generator)
    mask = torch.rand(pixels, generator=generator) > 0.5

    size = torch.tensor(shape, dtype=torch.float32)
    node, share = corners((points + 1) / 2 * (size - 1), shape)
    m = torch.zeros(shape, requires_grad=True)
    along_ray = weights * (m.reshape(-1)[node] * share).sum(dim=0)
    rendered = torch.zeros(pixels).index_add(0, pixel, along_ray)  # eq. 3
    target = mask.float()
    loss = -(target * rendered).sum() + PAPER_LAMBDA * ((1 - target) * rendered).sum()  # eq. 5
    loss.backward()

    grid = unit_grid(shape)
    grid.vote(points, weights, mask[pixel])
    assert m.grad is not None
    assert torch.allclose(grid.score(PAPER_LAMBDA), -m.grad, atol=1e-5)


def test_trilinear_weights_agree_with_grid_sample() -> None:
    generator = torch.Generator().manual_seed(5)
    grid = unit_grid((4, 5, 6))
    values = torch.rand(4, 5, 6, generator=generator)
    points = torch.rand(100, 3, generator=generator) * 2 - 1
    expected = torch.nn.functional.grid_sample(
        values[None, None], points.flip(1).view(1, -1, 1, 1, 3), align_corners=True
    ).view(-1)
    assert torch.allclose(grid.sample(values, points), expected, atol=1e-6)


def test_the_share_does_not_depend_on_the_number_of_views() -> None:
    grid = unit_grid((2, 2, 2))
    points = torch.zeros(3, 3)
    grid.vote(points, torch.ones(3), torch.tensor([True, True, False]))
    once = grid.share(1.0).clone()
    grid.vote(points, torch.ones(3), torch.tensor([True, True, False]))
    assert torch.allclose(once, grid.share(1.0))
    assert torch.allclose(once, torch.full((2, 2, 2), 1 / 3))
