"""Camera files of every kind: known values, the same cameras from all, in the field's frame."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sa3d_blender.core.cameras import Camera, read_transforms
from sa3d_blender.core.errors import UserError
from sa3d_blender.engine.training_cameras import read_training_cameras
from tests.support.camera_files import (
    assert_same,
    picture_names,
    some_cameras,
    write_colmap,
    write_kind,
    write_poses_bounds,
    write_transforms,
)

SHELF = Path(__file__).resolve().parents[2] / "data" / "shelf" / "transforms_train.json"


@pytest.mark.parametrize("kind", ["transforms", "llff", "colmap text", "colmap binary"])
def test_every_format_gives_the_same_cameras(tmp_path: Path, kind: str) -> None:
    cameras = some_cameras()
    read = read_training_cameras(write_kind(tmp_path, kind, cameras))
    assert read.kind == kind.split()[0]
    assert read.notes == ()
    assert_same(read.cameras, cameras)
    if kind.startswith("colmap"):
        assert read.names == tuple(picture_names(cameras))


@pytest.mark.parametrize("kind", ["transforms", "llff", "colmap text", "colmap binary"])
def test_a_size_overrules_the_files(tmp_path: Path, kind: str) -> None:
    cameras = some_cameras()
    read = read_training_cameras(write_kind(tmp_path, kind, cameras), size=(40, 60))
    assert_same(read.cameras, [camera.resized(40, 60) for camera in cameras])


def test_known_values_of_poses_bounds(tmp_path: Path) -> None:
    # A camera at (1, 2, 3) that looks along +x with +z up: right -y, down -z, back -x.
    down, right, back, center = (0, 0, -1), (0, -1, 0), (-1, 0, 0), (1, 2, 3)
    block = np.array([down, right, back, center, (480, 640, 500)], dtype=float).T
    np.save(tmp_path / "poses_bounds.npy", np.array([[*block.ravel(), 1.5, 20.0]]))
    read = read_training_cameras(tmp_path)
    (camera,) = read.cameras
    assert (camera.width, camera.height, camera.fl_x, camera.cx) == (640, 480, 500, 320)
    assert camera.forward.tolist() == [1, 0, 0]
    assert read.nearest == 1.5
    # A point a little left of what it looks at, and above.
    assert camera.project(np.array([[2, 2.1, 3.2]]))[0] == pytest.approx([320 - 50, 240 - 100])


def test_known_values_of_a_colmap_model(tmp_path: Path) -> None:
    # Turned by 90 degrees about y: the camera's z is the world's -x.
    half = np.sqrt(0.5)
    (tmp_path / "cameras.txt").write_text("7 SIMPLE_RADIAL 640 480 500 320 240 0\n")
    (tmp_path / "images.txt").write_text(f"1 {half} 0 {half} 0 1 2 3 7 bild eins.png\n\n")
    (camera,) = read_training_cameras(tmp_path).cameras
    assert (camera.width, camera.height, camera.fl_x, camera.fl_y) == (640, 480, 500, 500)
    assert np.allclose(camera.forward, [-1, 0, 0])
    assert np.allclose(camera.field_from_camera[:3, 1], [0, -1, 0])  # COLMAP's y points down
    assert np.allclose(camera.origin, [3, -2, -1])


def moved(cameras: Sequence[Camera], seed: int = 3) -> tuple[list[Camera], float]:
    """The cameras in some other coordinates: turned, shifted and scaled; and the scale."""
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    turn *= np.linalg.det(turn)
    scale, shift = 3.7, np.array([5.0, -2.0, 11.0])
    there = []
    for camera in cameras:
        matrix = np.eye(4)
        matrix[:3, :3] = turn @ camera.field_from_camera[:3, :3]
        matrix[:3, 3] = scale * turn @ camera.origin + shift
        there.append(replace(camera, field_from_camera=matrix))
    return there, scale


def test_forward_facing_fields_have_their_cameras_where_the_training_put_them(
    tmp_path: Path,
) -> None:
    """The shelf's cameras are as TensoRF's own loader placed them, by LLFF's rules, mirrored back.

    Moved anywhere and written as LLFF would, they must come back to the same places.
    """
    expected = read_transforms(SHELF)
    there, scale = moved(expected)
    nearest = scale / 0.75  # the trained frame's unit is 0.75 of the nearest bound
    path = write_poses_bounds(tmp_path / "poses_bounds.npy", there, (nearest, 9 * nearest))
    placed = read_training_cameras(path).placed("forward_facing")
    assert_same(placed.cameras, expected, atol=1e-5)


@pytest.mark.parametrize("binary", [True, False])
def test_a_colmap_model_of_a_forward_facing_scene_is_placed_like_llffs_file(
    tmp_path: Path, binary: bool
) -> None:
    cameras = some_cameras()
    folder = write_colmap(tmp_path / "sparse", cameras, binary=binary)
    read = read_training_cameras(folder)
    assert read.nearest is not None
    depths = [3.0, 5.0, 4.0]  # of the points, from the origin, roughly
    assert min(depths) - 0.8 < read.nearest < min(depths) + 0.8
    bounds = (read.nearest, 9.0)
    llff = read_training_cameras(write_poses_bounds(tmp_path / "p.npy", cameras, bounds))
    assert_same(read.placed("forward_facing").cameras, llff.placed("forward_facing").cameras)
    assert_same(read.placed("bounded").cameras, cameras)


def test_a_colmap_model_without_points_has_no_scale(tmp_path: Path) -> None:
    folder = write_colmap(tmp_path, some_cameras(), binary=True, points=False)
    read = read_training_cameras(folder)
    assert_same(read.placed("unbounded").cameras, some_cameras())
    with pytest.raises(UserError, match=r"no points.*points3D"):
        read.placed("forward_facing")


def ring(count: int = 16) -> list[Camera]:
    """Cameras three quarters around (1, 2, 3) at distance 5, above, all looking at it; z is up."""
    cameras = []
    for angle in np.linspace(0, 1.5 * np.pi, count):
        back = np.array([np.cos(angle) * 0.8, np.sin(angle) * 0.8, 0.6])
        right = np.array([-np.sin(angle), np.cos(angle), 0.0])
        matrix = np.eye(4)
        matrix[:3, :3] = np.stack([right, np.cross(back, right), back], axis=1)
        matrix[:3, 3] = np.array([1, 2, 3]) + 5 * back
        cameras.append(Camera(80, 60, 70, 70, 40, 30, matrix))
    return cameras


def test_captures_all_around_come_to_the_unit_sphere(tmp_path: Path) -> None:
    read = read_training_cameras(write_poses_bounds(tmp_path / "p.npy", ring()))
    placed = read.placed("bounded")
    centers = np.array([camera.origin for camera in placed.cameras])
    assert np.allclose(centers.mean(axis=0)[:2], 0)  # their mean side is up
    assert centers.mean(axis=0)[2] > 0.5
    for camera in placed.cameras:
        assert np.linalg.norm(camera.origin) == pytest.approx(1)
        assert np.allclose(camera.forward, -camera.origin)  # they look at the origin
        assert np.linalg.det(camera.field_from_camera[:3, :3]) == pytest.approx(1)


def test_unbounded_captures_are_turned_upright(tmp_path: Path) -> None:
    read = read_training_cameras(write_poses_bounds(tmp_path / "p.npy", ring()))
    lying, upright = (read.placed(scene).cameras for scene in ("bounded", "unbounded"))
    before, after = (np.array([c.origin for c in cameras]) for cameras in (lying, upright))
    assert np.allclose(before.mean(axis=0), after.mean(axis=0))  # about their own centre
    assert np.ptp(before[:, 1]) > 0.5
    assert np.ptp(after[:, 1]) < 1e-9  # the ring lies across y
    distances = np.linalg.norm(np.diff(after, axis=0), axis=1)
    assert np.allclose(distances, np.linalg.norm(np.diff(before, axis=0), axis=1))
    assert np.allclose(np.abs([c.field_from_camera[1, 1] for c in upright]), 0.8)


def test_a_field_that_says_how_it_was_placed_is_believed(tmp_path: Path) -> None:
    read = read_training_cameras(write_transforms(tmp_path / "t.json", some_cameras()))
    similarity = np.diag([2.0, 2.0, 2.0, 1.0])
    similarity[:3, 3] = 1, 2, 3
    for before, after in zip(
        read.cameras, read.placed("unbounded", similarity).cameras, strict=True
    ):
        assert np.allclose(after.origin, 2 * before.origin + [1, 2, 3])
        assert np.allclose(after.forward, before.forward)


def test_nerfstudios_preparation_is_undone_before_its_training_is_applied(tmp_path: Path) -> None:
    """As its loader does; other fields are trained on the cameras as the file has them."""
    path = write_transforms(tmp_path / "transforms.json", some_cameras())
    plain = read_training_cameras(path)
    write_colmap(tmp_path / "colmap" / "sparse" / "0", some_cameras(), binary=True)
    silent = read_training_cameras(path).placed("unbounded", np.eye(4))
    for before, after in zip(plain.cameras, silent.cameras, strict=True):
        x, y, z = before.origin
        assert np.allclose(after.origin, [y, x, -z])
    said = {"applied_transform": [[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0.5]]}
    path.write_text(json.dumps(json.loads(path.read_text()) | said))
    read = read_training_cameras(path)
    for before, after in zip(
        read.cameras, read.placed("unbounded", np.eye(4)).cameras, strict=True
    ):
        x, y, z = before.origin
        assert np.allclose(after.origin, [x, 0.5 - z, y])
    assert_same(read.placed("unbounded").cameras, plain.cameras)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"applied_transform": "x"}))
    with pytest.raises(UserError, match=r"applied_transform .* is no 3x4 matrix"):
        read_training_cameras(path)


@pytest.mark.parametrize("kind", ["transforms", "colmap text", "colmap binary"])
def test_bounded_fields_live_in_the_files_coordinates(tmp_path: Path, kind: str) -> None:
    cameras = some_cameras()
    read = read_training_cameras(write_kind(tmp_path, kind, cameras))
    assert_same(read.placed("bounded").cameras, cameras)
