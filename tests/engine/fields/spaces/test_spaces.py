"""Frames: field to grid and back, distances, and where samples are placed."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from sa3d_blender.engine.fields.rays import Rays
from sa3d_blender.engine.fields.spaces.ndc import NdcSpace
from sa3d_blender.engine.fields.spaces.stepped_rays import BoxSpace, SteppedRays


@pytest.fixture
def box_space() -> BoxSpace:
    box = torch.tensor([[-1.0, -2.0, -3.0], [3.0, 2.0, 1.0]])
    return BoxSpace(box, near=2.0, step=0.1, distance_scale=25.0)


@pytest.fixture
def ndc_space() -> NdcSpace:
    box = torch.tensor([[-1.5, -1.6, -1.0], [1.4, 1.2, 0.9]])
    return NdcSpace(box, focal=(1.6, 2.0), samples=101, distance_scale=25.0)


def unit(directions: Tensor) -> Tensor:
    return directions / directions.norm(dim=1, keepdim=True)


def sample_places(stepped: SteppedRays, ray: int, k: list[float]) -> tuple[Tensor, Tensor]:
    index = torch.full((len(k),), ray)
    return stepped.points(index, torch.tensor(k)), stepped.depth(index, torch.tensor(k))


def test_box_corners_are_the_grid_corners(box_space: BoxSpace) -> None:
    grid = box_space.grid_from_field(box_space.box)
    torch.testing.assert_close(grid, torch.tensor([[-1.0] * 3, [1.0] * 3]))


@pytest.mark.parametrize("name", ["box_space", "ndc_space"])
def test_there_and_back(name: str, request: pytest.FixtureRequest) -> None:
    space = request.getfixturevalue(name)
    generator = torch.Generator().manual_seed(0)
    grid = torch.rand(200, 3, generator=generator) * 2 - 1
    back = space.grid_from_field(space.field_from_grid(grid))
    torch.testing.assert_close(back, grid, rtol=0, atol=1e-5)


def test_ndc_by_hand(ndc_space: NdcSpace) -> None:
    """A point two near distances away, computed with pencil and paper."""
    grid = ndc_space.grid_from_field(torch.tensor([[0.5, -0.4, -2.0]]))
    # model x = -0.5; ndc = (-1.6 * -0.5 / -2, -2.0 * -0.4 / -2, 1 + 2 / -2)
    ndc = torch.tensor([[-0.4, -0.4, 0.0]])
    low, high = ndc_space.box
    torch.testing.assert_close(grid, (ndc - low) / (high - low) * 2 - 1)


def test_field_frame_is_right_handed(ndc_space: NdcSpace) -> None:
    """What lies right of the axis has negative model x; TensoRF's own frame is the mirror image."""
    right = ndc_space.grid_from_field(torch.tensor([[0.3, 0.0, -2.0], [-0.3, 0.0, -2.0]]))
    ndc_x = (right[:, 0] + 1) / 2 * 2.9 - 1.5
    assert float(ndc_x[0]) == pytest.approx(-0.24, abs=1e-5)
    assert float(ndc_x[1]) == pytest.approx(0.24, abs=1e-5)


def test_ndc_behind_the_origin_is_not_a_number(ndc_space: NdcSpace) -> None:
    assert bool(ndc_space.grid_from_field(torch.tensor([[0.0, 0.0, 1.0]])).isnan().any())


def test_infinity_is_brought_back_finite() -> None:
    box = torch.tensor([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]])
    space = NdcSpace(box, focal=(1.0, 1.0), samples=10, distance_scale=1.0)
    points = space.field_from_grid(torch.tensor([[0.3, 0.2, 1.0], [0.0, 0.0, 5.0]]))
    assert bool(torch.isfinite(points).all())
    assert float(points[0, 2]) < -1000


@pytest.mark.parametrize("origin", [(0.2, -0.1, 0.3), (0.0, 0.0, 0.0), (0.1, 0.2, -1.7)])
def test_ndc_depth_is_field_distance(ndc_space: NdcSpace, origin: tuple[float, ...]) -> None:
    origins = torch.tensor([origin])
    directions = unit(torch.tensor([[0.3, -0.2, -1.0]]))
    stepped = ndc_space.step_rays(Rays(origins, directions))
    ks = [float(k) for k in range(int(stepped.first[0]), 90, 7)]
    grid, depth = sample_places(stepped, 0, ks)
    assert float(depth.min()) >= -1e-5
    expected = ndc_space.grid_from_field(origins + depth[:, None] * directions)
    torch.testing.assert_close(grid, expected, rtol=0, atol=1e-4)


def test_ndc_optical_length_is_that_of_the_steps(ndc_space: NdcSpace) -> None:
    rays = Rays(torch.zeros(1, 3), unit(torch.tensor([[0.3, 0.1, -1.0]])))
    stepped = ndc_space.step_rays(rays)
    half = (ndc_space.box[1] - ndc_space.box[0]) / 2
    length = (stepped.steps[0] * half).norm() * 25.0
    torch.testing.assert_close(stepped.lengths[0], length)


def test_ndc_direction_at_a_point_is_the_ray_direction(ndc_space: NdcSpace) -> None:
    directions = unit(torch.tensor([[0.3, -0.2, -1.0]]))
    stepped = ndc_space.step_rays(Rays(torch.tensor([[0.2, -0.1, 0.3]]), directions))
    grid, _ = sample_places(stepped, 0, [3.0, 50.0])
    found = ndc_space.model_directions(grid, directions.expand(2, 3))
    torch.testing.assert_close(found, stepped.directions.expand(2, 3), rtol=0, atol=1e-4)


def test_rays_that_do_not_go_forward_have_no_ndc_samples(ndc_space: NdcSpace) -> None:
    directions = unit(torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]))
    stepped = ndc_space.step_rays(Rays(torch.zeros(2, 3), directions))
    assert bool((stepped.last < stepped.first).all())
    assert bool(torch.isfinite(stepped.origins).all())


def straight_down(height: float) -> Rays:
    return Rays(torch.tensor([[0.5, 0.5, height]]), torch.tensor([[0.0, 0.0, -1.0]]))


def test_far_camera_starts_at_the_box(box_space: BoxSpace) -> None:
    stepped = box_space.step_rays(straight_down(5.0))
    _, depth = sample_places(stepped, 0, [0.0, 1.0])
    assert depth.tolist() == pytest.approx([4.0, 4.1])
    assert float(stepped.last[0]) == pytest.approx(40, abs=1)
    assert float(stepped.lengths[0]) == pytest.approx(2.5)


@pytest.mark.parametrize(("height", "start"), [(2.95, 2.0), (1.55, 0.6), (0.0, 0.0), (-2.0, 0.0)])
def test_near_camera_keeps_the_phase_of_the_training(
    box_space: BoxSpace, height: float, start: float
) -> None:
    """Samples continue from ``near`` = 2 towards the box's face or the camera, in whole steps."""
    stepped = box_space.step_rays(straight_down(height))
    _, depth = sample_places(stepped, 0, [0.0])
    assert float(depth[0]) == pytest.approx(start, abs=1e-4)
    assert math.remainder(float(depth[0]) - 2.0, 0.1) == pytest.approx(0, abs=1e-4)


def test_box_behind_the_camera_has_no_samples(box_space: BoxSpace) -> None:
    stepped = box_space.step_rays(straight_down(-5.0))
    assert float(stepped.last[0]) < float(stepped.first[0])


def test_axis_parallel_ray_beside_the_box_has_no_samples(box_space: BoxSpace) -> None:
    rays = Rays(torch.tensor([[10.0, 0.0, 5.0]]), torch.tensor([[0.0, 0.0, -1.0]]))
    stepped = box_space.step_rays(rays)
    assert float(stepped.last[0]) < float(stepped.first[0])
