"""Paths around a target: what they look at, how far they step, what they keep."""

import math

import numpy as np
import pytest

from sa3d_blender.core.cameras import Camera
from sa3d_blender.engine.view_path.views import (
    MIN_TRAINING_CAMERAS,
    Stand,
    Target,
    choose_cameras,
    crop_to_target,
    enclosing,
    framing_camera,
    orbit,
    plan_views,
    spiral,
    target_of_points,
    up_axis,
)

UP = np.array([0.0, 0.0, 1.0])
TARGET = Target(np.array([0.3, -0.2, 0.1]), 0.4)


def start_camera(position: tuple[float, float, float] = (3.5, 0.0, 1.9)) -> Camera:
    return framing_camera(np.array(position), Target(np.zeros(3), 1.2), UP, 200)


def degrees_between(a: Camera, b: Camera, target: Target) -> float:
    first, second = (c.origin - target.center for c in (a, b))
    cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    return math.degrees(math.acos(np.clip(cosine, -1, 1)))


def test_a_framing_camera_centres_its_target_and_leaves_context() -> None:
    camera = framing_camera(np.array([2.0, 1.0, 1.0]), TARGET, UP, 256)
    assert np.allclose(camera.project(TARGET.center[None]), 128)
    rim = TARGET.center + TARGET.radius * camera.field_from_camera[:3, 0]
    reach = float(np.abs(camera.project(rim[None])[0, 0] - 128))
    assert 128 / 2.8 < reach < 128 / 2.3
    assert np.allclose(np.linalg.det(camera.field_from_camera[:3, :3]), 1)


def test_each_view_of_an_orbit_is_close_to_one_before_it() -> None:
    path = orbit(start_camera(), TARGET, 24, 256)
    assert len(path) == 24
    for index, camera in enumerate(path[1:], start=1):
        nearest = min(degrees_between(camera, seen, TARGET) for seen in path[:index])
        assert nearest <= 31
    distance = np.linalg.norm(start_camera().origin - TARGET.center)
    assert all(np.isclose(np.linalg.norm(c.origin - TARGET.center), distance) for c in path)
    assert max(degrees_between(path[0], c, TARGET) for c in path) > 120  # all around


def test_eight_views_go_around_in_steps_that_are_not_too_long() -> None:
    planned = plan_views(
        start_camera(), TARGET, stand=None, count=24, size=64, given=[], is_clear=lambda _: True
    )
    assert len({tuple(camera.origin) for camera in planned}) == 24
    for index, camera in enumerate(planned[1:], start=1):
        assert min(degrees_between(camera, seen, TARGET) for seen in planned[:index]) <= 46
    for camera in orbit(start_camera(), TARGET, 24, 64):
        assert min(degrees_between(camera, seen, TARGET) for seen in planned[:8]) <= 46


def test_an_orbit_from_above_goes_lower_and_never_over_the_top() -> None:
    path = orbit(start_camera((0.9, 0.0, 3.4)), TARGET, 20, 128)
    heights = [math.degrees(math.asin(float(-c.forward @ UP))) for c in path]
    assert max(heights) < 85
    assert min(heights) < max(heights) - 20


def test_a_spiral_stays_in_front() -> None:
    start = start_camera()
    path = spiral(start, TARGET, 24, 256, Stand(start.origin, 2.0))
    assert max(degrees_between(start, c, TARGET) for c in path) < 15
    assert np.allclose(path[0].origin, start.origin)


@pytest.mark.parametrize("back", [0.0, 6.0])
@pytest.mark.parametrize("away", [1.5, 8.0, 90.0])
def test_a_spiral_stays_where_the_field_was_seen(away: float, back: float) -> None:
    """However deep the scene is, and wherever the artist's own camera stands."""
    stand = Stand(np.zeros(3), 0.3)
    target = Target(np.array([0.0, 0.0, -away]), 0.3 * away)
    start = framing_camera(np.array([0.1, 0.0, back]), target, np.array([0.0, 1.0, 0.0]), 64)
    for camera in spiral(start, target, 24, 64, stand):
        assert np.linalg.norm(camera.origin - stand.center) <= stand.radius + 1e-9
        assert camera.fl_x >= start.fl_x - 1e-9, "no picture is wider than the artist's"


@pytest.mark.parametrize("height", [0.0, 1.2, 6.0])
def test_z_is_up_however_steeply_the_camera_looks(height: float) -> None:
    camera = framing_camera(np.array([2.0, 0.3, height]), Target(np.zeros(3), 1.0), UP, 64)
    assert np.array_equal(up_axis(camera), UP)


@pytest.mark.parametrize("up", [(0.0, 1.0, 0.0), (0.0, 0.0, -1.0), (-1.0, 0.0, 0.0)])
def test_another_up_is_seen_from_a_level_camera(up: tuple[float, float, float]) -> None:
    axis = np.array(up)
    camera = framing_camera(2.5 * np.roll(axis, 1), Target(np.zeros(3), 1.0), axis, 64)
    assert np.array_equal(up_axis(camera), axis)


def test_a_crop_shows_the_same_rays() -> None:
    camera = start_camera()
    crop = crop_to_target(camera, TARGET, 256)
    point = np.array([[0.2, -0.1, 0.3]])
    scale = crop.fl_x / camera.fl_x
    moved = (camera.project(point) - [camera.cx, camera.cy]) * scale + [crop.cx, crop.cy]
    assert np.allclose(crop.project(point), moved)
    assert scale > 1
    assert np.array_equal(crop.field_from_camera, camera.field_from_camera)


def test_the_target_of_a_half_seen_ball_is_about_the_ball() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(4000, 3))
    points *= 0.5 / np.linalg.norm(points, axis=1, keepdims=True)
    seen = points[points[:, 0] > 0] + 1.0  # the side facing +x
    camera = framing_camera(np.array([5.0, 1.0, 1.0]), Target(np.ones(3), 0.5), UP, 64)
    target = target_of_points(seen, camera)
    assert np.allclose(target.center, 1.0, atol=0.25)
    assert 0.35 < target.radius < 0.6


@pytest.mark.parametrize("spilled", [0, 200, 3000])
def test_what_a_mask_spills_on_behind_the_object_is_not_its_depth(spilled: int) -> None:
    """The click tells what is meant, even where most of the mask is a wall 30 times as far."""
    draw = np.random.default_rng(3)
    camera = framing_camera(np.zeros(3), Target(np.array([0.0, 0.0, -2.0]), 0.4), UP, 64)
    ball = draw.normal(size=(1000, 3))
    ball = np.array([0.0, 0.0, -2.0]) + 0.3 * ball / np.linalg.norm(ball, axis=1)[:, None]
    ball = ball[ball[:, 2] > -2]
    wall = np.c_[draw.uniform(-10, 10, (spilled, 2)), np.full(spilled, -60.0)]
    target = target_of_points(np.concatenate([ball, wall]), camera, np.array([[0, 0, -1.7]]))
    assert np.linalg.norm(target.center - [0.0, 0.0, -2.0]) < 0.2
    assert 0.2 < target.radius < 0.4


def test_one_sphere_holds_all_targets() -> None:
    small = [Target(np.array([x, 0.0, 0.0]), 0.1 * (1 + x)) for x in (0.0, 1.0)]
    whole = enclosing(small)
    for target in small:
        gap = np.linalg.norm(target.center - whole.center) + target.radius
        assert gap <= whole.radius + 1e-9
    assert whole.margin * whole.radius >= 2.5 * 0.2  # each keeps its surroundings
    assert whole.margin < 2.5  # together they are context enough
    assert enclosing(small[:1]).margin == pytest.approx(2.5)


def test_given_cameras_are_used_when_there_are_enough() -> None:
    start = start_camera()
    given = orbit(start, Target(np.zeros(3), 1.2), 40, 200)
    chosen = choose_cameras(start, given, TARGET, 12, 128)
    assert len(chosen) == 12
    origins = {tuple(np.round(c.origin, 6)) for c in given}
    assert all(tuple(np.round(c.origin, 6)) in origins for c in chosen)
    few = given[: MIN_TRAINING_CAMERAS - 1]
    planned = plan_views(
        start, TARGET, stand=None, count=6, size=64, given=few, is_clear=lambda camera: True
    )
    assert len(planned) == 6
    assert not any(tuple(np.round(c.origin, 6)) in origins for c in planned[1:])


def test_views_behind_something_are_left_out() -> None:
    planned = plan_views(
        start_camera(),
        TARGET,
        stand=None,
        count=12,
        size=64,
        given=[],
        is_clear=lambda camera: bool(camera.origin[0] > 0),
    )
    assert 1 < len(planned) < 12
    assert all(c.origin[0] > 0 for c in planned[1:])
