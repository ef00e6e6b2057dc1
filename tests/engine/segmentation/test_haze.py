"""Hazy fields: objects found by their outlines, and what is shown through haze."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import trimesh

from sa3d_blender.core.cameras import Camera
from sa3d_blender.core.errors import Cancelled
from sa3d_blender.core.prompts import Prompt
from sa3d_blender.core.settings import MeshSettings, SegmentSettings
from sa3d_blender.engine.fields.rays import Samples
from sa3d_blender.engine.mask_grids.mask_grid import MaskGrid
from sa3d_blender.engine.mask_grids.visual_hull import outlined_object, shown
from sa3d_blender.engine.meshing.surface import extract_mesh
from sa3d_blender.engine.rendering.render import View, render_view
from sa3d_blender.engine.rendering.transmittance import Transmittance
from sa3d_blender.engine.run import Run
from sa3d_blender.engine.segmentation import artist_start, pipeline
from sa3d_blender.engine.segmentation.object_votes import ObjectVotes
from sa3d_blender.engine.view_path.views import Target, framing_camera
from tests.support.ground_truth import Scene, id_picture, iou
from tests.support.made_up_fields import HazyBalls
from tests.support.perfect_segmenter import PerfectSegmenter

ALONG_X = np.array([[0.0, 0, -1, -2], [-1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
"""A camera two units before the middle."""


def one_ray(matrix: np.ndarray, *samples: tuple[float, float]) -> View:
    """A picture of one pixel: its samples' places along x and weights, nearest first."""
    points = torch.tensor([[x, 0.0, 0.0] for x, _ in samples]).view(-1, 3)
    depth = (points[:, 0] - float(matrix[0, 3])).abs()
    weights = torch.tensor([weight for _, weight in samples])
    packed = Samples(torch.zeros(len(samples), dtype=torch.long), points, weights, depth, None)
    return View(Camera(1, 1, 1.0, 1.0, 0.5, 0.5, matrix), packed, torch.ones(3))


def test_transmittance_by_hand() -> None:
    view = one_ray(ALONG_X, (-0.9, 0.5), (0.0, 0.25), (0.9, 0.125))
    pixel, depth = torch.zeros(4, dtype=torch.long), torch.tensor([1.0, 1.5, 2.5, 9.0])
    light = Transmittance.of(view)
    assert light.at(pixel, depth).tolist() == pytest.approx([1, 0.5, 0.25, 0.125])
    assert light.before_samples().tolist() == pytest.approx([1, 0.5, 0.25])
    dense = Transmittance.of(view, density=2.0)  # every part is squared
    assert dense.at(pixel, depth).tolist() == pytest.approx([1, 0.25, 1 / 16, 1 / 64])
    lacking = Transmittance.of(view, without=torch.tensor([True, False, False]))
    assert lacking.at(pixel, depth).tolist() == pytest.approx([1, 1, 0.5, 0.25])


def test_rays_do_not_mix() -> None:
    samples = Samples(
        torch.tensor([1, 1, 3]),
        torch.zeros(3, 3),
        torch.tensor([0.5, 0.25, 0.8]),
        torch.tensor([2.0, 4.0, 3.0]),
        None,
    )
    view = View(Camera(4, 1, 1.0, 1.0, 2.0, 0.5, np.eye(4)), samples, torch.ones(3))
    light = Transmittance.of(view)
    pixels, depth = torch.arange(4), torch.full((4,), 3.5)
    assert light.at(pixels, depth).tolist() == pytest.approx([1, 0.5, 1, 0.2])
    assert light.before_samples().tolist() == pytest.approx([1, 0.5, 1])


def test_a_view_without_samples_lets_all_light_through() -> None:
    view = nothing_seen()
    light = Transmittance.of(view)
    assert light.at(torch.arange(6), torch.full((6,), 3.5)).tolist() == [1] * 6
    assert len(light.before_samples()) == 0


def nothing_seen() -> View:
    """Six pixels of empty space."""
    none, camera = torch.zeros(0), Camera(3, 2, 1.0, 1.0, 1.5, 1.0, np.eye(4))
    return View(camera, Samples(none.long(), none.view(0, 3), none, none, None), torch.ones(3))


@pytest.fixture(scope="module")
def balls() -> list[tuple[View, np.ndarray, np.ndarray]]:
    """Views around two hazy balls, with the exact masks of both."""
    field, seen = HazyBalls(), []
    for angle in np.linspace(0, 2 * np.pi, 8, endpoint=False):
        camera = looking(2.4 * np.cos(angle), 2.4 * np.sin(angle), 0.9)
        ids = id_picture(two_balls(), camera)
        seen.append((render_view(field, camera, with_color=False), ids == 1, ids == 2))
    return seen


def around_left() -> MaskGrid:
    """A region with room around the left ball."""
    center = HazyBalls.centers[0]
    return MaskGrid.empty(center - 0.5, center + 0.5, (41, 41, 41))


def left_ball(grid: MaskGrid) -> torch.Tensor:
    """Nodes that are truly in it."""
    distance = (grid.node_points() - HazyBalls.centers[0]).norm(dim=1)
    return (distance < HazyBalls.radius).view(grid.shape)


def agreement_with(truth: torch.Tensor, values: torch.Tensor) -> float:
    """IoU of nodes."""
    inside = values > 0
    return float((inside & truth).sum() / (inside | truth).sum())


def test_outlines_find_a_ball_of_haze(balls: list[tuple[View, np.ndarray, np.ndarray]]) -> None:
    grid = around_left()
    values = outlined_object(HazyBalls(), grid, [(view, left) for view, left, _ in balls])
    assert agreement_with(left_ball(grid), values) > 0.78  # eight outlines of a ball are more
    assert float(values.abs().min()) > 0
    assert float(values.abs().max()) <= 1


def test_a_wrong_mask_among_many_is_outvoted(
    balls: list[tuple[View, np.ndarray, np.ndarray]],
) -> None:
    masks = [(view, left) for view, left, _ in balls]
    masks[3] = (masks[3][0], np.zeros_like(masks[3][1]))
    grid = around_left()
    values = outlined_object(HazyBalls(), grid, masks)
    assert agreement_with(left_ball(grid), values) > 0.7


def test_what_stands_before_the_object_hides_it() -> None:
    grid = around_left()
    values = torch.where(left_ball(grid), 1.0, -1.0)
    for camera in (looking(2.3, 0.9, 0.1), looking(2.35, 0.7, 0.1)):  # beside and behind the other
        view = render_view(HazyBalls(), camera, with_color=False)
        ids = id_picture(two_balls(), camera)
        hidden = (id_picture(two_balls(only="left"), camera) == 1) & (ids == 2)
        found = shown(values, grid.lower, grid.upper, view)
        assert np.count_nonzero(hidden) > 25
        assert np.count_nonzero(found & hidden) < 0.3 * np.count_nonzero(hidden)
        assert iou(found, ids == 1) > 0.7
        nothing_before = render_view(LeftBall(), camera, with_color=False)
        alone = shown(values, grid.lower, grid.upper, nothing_before)
        assert np.count_nonzero(alone & hidden) > 0.95 * np.count_nonzero(hidden)


def test_where_nothing_is_known_nothing_is_found() -> None:
    grid = around_left()
    nothing = (nothing_seen(), np.ones((2, 3), bool))
    for masks in ([], [nothing]):  # one outline alone is a cone without an end
        assert float(outlined_object(HazyBalls(), grid, masks).max()) < 0
    everywhere = torch.ones(grid.shape)
    assert not shown(everywhere, grid.lower, grid.upper, nothing[0]).any()


def test_the_search_can_be_cancelled(balls: list[tuple[View, np.ndarray, np.ndarray]]) -> None:
    run = Run(is_cancelled=lambda: True)
    with pytest.raises(Cancelled):
        outlined_object(HazyBalls(), around_left(), [(balls[0][0], balls[0][1])], run)


class LeftBall(HazyBalls):
    """Without the other one."""

    centers = HazyBalls.centers[:1]


def two_balls(only: str = "") -> Scene:
    """The balls as if they were solid."""
    meshes = {}
    for name, center in zip(("left", "right"), HazyBalls.centers.numpy(), strict=True):
        ball = trimesh.creation.icosphere(subdivisions=3, radius=HazyBalls.radius)
        if only in ("", name):
            meshes[name] = (ball.vertices + center, ball.faces)
    return Scene({"left": 1, "right": 2}, meshes)


@pytest.fixture
def perfect(monkeypatch: pytest.MonkeyPatch) -> PerfectSegmenter:
    """Cuts the balls as if they were solid."""
    segmenter = PerfectSegmenter(two_balls())
    segmenter.watch(monkeypatch)
    return segmenter


def looking(x: float, y: float, z: float) -> Camera:
    """From there to the middle."""
    target = Target(np.zeros(3), 0.75)
    return framing_camera(np.array([x, y, z]), target, np.array([0.0, 0.0, 1.0]), 64)


class FewHeavySamples(HazyBalls):
    """The same haze, asked at so few places that each of them is heavy."""

    thickness = 6.0
    step = 0.1


class Skins(HazyBalls):
    """Balls that are met at their surface."""

    thickness = 200.0
    step = 0.01


@pytest.mark.parametrize(("field", "hazy"), [(FewHeavySamples(), True), (Skins(), False)])
def test_haze_is_told_by_where_the_light_comes_from(field: HazyBalls, hazy: bool) -> None:
    settings, target = SegmentSettings(grid_resolution=48), Target(field.centers[0].numpy(), 0.3)
    votes = ObjectVotes.start(Prompt("left", ((1.0, 1.0),), (1,)), settings, field, target)
    camera = looking(0.3, -2.5, 0.8)
    view = render_view(field, camera, with_color=False)
    votes.vote(1, view, id_picture(two_balls(), camera) == 1)
    assert not votes.hazy  # every sample is heavy
    assert votes.tighten(field, {1: view})
    assert votes.in_haze == hazy


def test_masks_through_haze(perfect: PerfectSegmenter) -> None:
    field, first = HazyBalls(), looking(0.3, -2.5, 0.8)
    prompts = []
    for name, center in zip(("left", "right"), field.centers.numpy(), strict=True):
        x, y = first.project(center[None].astype(float))[0]
        prompts.append(Prompt(name, ((float(x), float(y)),), (1,)))
    settings = SegmentSettings(views=8, view_size=64, grid_resolution=48)
    found, _ = pipeline.segment(field, perfect, first, prompts, settings)
    agreed = []
    for camera in (looking(2.2, 1.0, 0.5), looking(-2.3, 0.7, 0.4), looking(0.2, 2.5, 1.2)):
        ids, view = id_picture(perfect.scene, camera), render_view(field, camera, with_color=False)
        for number, entry in enumerate(found, start=1):
            assert entry.hazy
            agreed.append(iou(entry.mask(view), ids == number))
    assert np.mean(agreed) > 0.91  # one vote per view: 0.82
    for entry, center in zip(found, field.centers.numpy(), strict=True):
        mesh = extract_mesh(field, entry, MeshSettings(resolution=64))
        off = np.linalg.norm(mesh.vertices - center, axis=1) - field.radius
        assert np.median(np.abs(off)) < 0.1 * field.radius


@pytest.mark.parametrize(("apart", "hazy"), [(0.01, False), (0.5, True)])
def test_a_click_on_haze_does_not_say_how_deep_the_object_lies(apart: float, hazy: bool) -> None:
    depth, weights = 2 + apart * torch.tensor([0.0, 0.5, 1.0]), torch.full((3,), 0.3)
    samples = Samples(torch.zeros(3, dtype=torch.long), torch.zeros(3, 3), weights, depth, None)
    view = View(Camera(1, 1, 1.0, 1.0, 0.5, 0.5, np.eye(4)), samples, torch.ones(3))
    assert artist_start._on_haze(view, [(0.5, 0.5)]) == hazy
