"""Camera files with distortion, cut off, damaged, or of no use: left out and said, or refused."""

from __future__ import annotations

import json
import struct
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sa3d_blender.core.errors import UserError
from sa3d_blender.engine.training_cameras import read_training_cameras
from tests.support.camera_files import (
    assert_same,
    some_cameras,
    write_colmap,
    write_kind,
    write_poses_bounds,
    write_transforms,
)


@pytest.mark.parametrize(
    ("model", "more"),
    [("OPENCV", (0.1, 0, 0, 0)), ("SIMPLE_RADIAL", (-0.02,)), ("RADIAL_FISHEYE", (0, 0))],
)
@pytest.mark.parametrize("binary", [True, False])
def test_distortion_is_left_out_and_said(
    tmp_path: Path, binary: bool, model: str, more: tuple[float, ...]
) -> None:
    cameras = some_cameras()
    read = read_training_cameras(
        write_colmap(tmp_path, cameras, binary=binary, model=model, more=more)
    )
    assert_same(read.cameras, cameras)
    (note,) = read.notes
    assert "All training pictures have lens distortion" in note


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, ()),
        ({"k1": 0.0, "p2": 0}, ()),
        ({"k1": 0.1}, ("1 of 2 training pictures",)),
        ({"camera_model": "OPENCV_FISHEYE"}, ("1 of 2 training pictures",)),
        ({"is_fisheye": True}, ("1 of 2 training pictures",)),
    ],
)
def test_distortion_in_a_transforms_file(
    tmp_path: Path, change: dict[str, Any], said: tuple[str, ...]
) -> None:
    path = write_transforms(tmp_path / "t.json", some_cameras(2))
    data = json.loads(path.read_text())
    data["frames"][0] |= change
    path.write_text(json.dumps(data))
    notes = read_training_cameras(path).notes
    assert len(notes) == len(said)
    assert all(part in note for part, note in zip(said, notes, strict=True))


def test_instant_ngps_angles_are_read_for_both_axes(tmp_path: Path) -> None:
    frame = {"file_path": "a.jpg", "transform_matrix": np.eye(4).tolist()}
    angles = {"camera_angle_x": np.pi / 2, "camera_angle_y": np.pi / 3, "w": 80.0, "h": 60.0}
    (tmp_path / "transforms.json").write_text(json.dumps({**angles, "frames": [frame]}))
    (camera,) = read_training_cameras(tmp_path).cameras
    assert camera.fl_x == pytest.approx(40)
    assert camera.fl_y == pytest.approx(30 * np.sqrt(3))


def test_what_was_made_of_a_model_goes_before_the_model(tmp_path: Path) -> None:
    cameras = some_cameras()
    write_colmap(tmp_path / "sparse" / "0", cameras, binary=True)
    assert read_training_cameras(tmp_path).kind == "colmap"
    write_poses_bounds(tmp_path / "poses_bounds.npy", cameras)
    assert read_training_cameras(tmp_path).kind == "llff"
    write_transforms(tmp_path / "transforms.json", cameras)
    assert read_training_cameras(tmp_path).kind == "transforms"
    assert read_training_cameras(tmp_path / "sparse" / "0" / "images.bin").kind == "colmap"


@pytest.mark.parametrize("kind", ["llff", "colmap text", "colmap binary"])
def test_a_file_that_is_cut_off_is_one_sentence(tmp_path: Path, kind: str) -> None:
    path = write_kind(tmp_path, kind, some_cameras(3))
    for file in [path] if path.is_file() else sorted(path.iterdir()):
        whole = file.read_bytes()
        step = max(1, len(whole) // 40)
        for end in range(0, len(whole) - 40, step):
            file.write_bytes(whole[:end])
            if kind == "colmap text":  # which may end between two lines, or within a number
                with suppress(UserError):
                    read_training_cameras(path)
                continue
            with pytest.raises(UserError) as refused:
                read_training_cameras(path)
            assert str(refused.value).count(". ") == 0
            assert str(refused.value).endswith(".")
        file.write_bytes(whole)


def test_binary_numbers_that_promise_too_much_are_refused(tmp_path: Path) -> None:
    write_colmap(tmp_path, some_cameras(2), binary=True)
    for name in ("cameras.bin", "images.bin", "points3D.bin"):
        whole = (tmp_path / name).read_bytes()
        for count in (2**63, 10**9):
            (tmp_path / name).write_bytes(struct.pack("<Q", count) + whole[8:])
            with pytest.raises(UserError, match="damaged or cut off"):
                read_training_cameras(tmp_path)
        (tmp_path / name).write_bytes(whole)
    whole = (tmp_path / "cameras.bin").read_bytes()
    (tmp_path / "cameras.bin").write_bytes(whole[:12] + struct.pack("<i", 99) + whole[16:])
    with pytest.raises(UserError, match="'number 99' is not known"):
        read_training_cameras(tmp_path)


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.zeros((3, 14)), "not of LLFF's cameras"),
        (np.zeros((0, 17)), "not of LLFF's cameras"),
        (np.zeros((2, 17), int), "not of LLFF's cameras"),
        (np.full((2, 17), np.nan), "are no numbers"),
        (np.zeros((2, 17)), "choose a size"),
        (np.array([{"a": 1}], dtype=object), "damaged or no array"),
    ],
)
def test_other_arrays_are_refused(tmp_path: Path, array: np.ndarray, sentence: str) -> None:
    np.save(tmp_path / "poses_bounds.npy", array, allow_pickle=True)
    with pytest.raises(UserError, match=sentence):
        read_training_cameras(tmp_path)


def test_an_array_that_promises_more_than_there_is_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "poses_bounds.npy"
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 17), }"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + b"\0" * 99)
    with pytest.raises(UserError, match="damaged or no array"):
        read_training_cameras(path)


def test_bounds_that_are_not_positive_are_refused(tmp_path: Path) -> None:
    write_poses_bounds(tmp_path / "poses_bounds.npy", some_cameras(), (-1.0, 3.0))
    with pytest.raises(UserError, match=r"bounds .* not positive"):
        read_training_cameras(tmp_path)


@pytest.mark.parametrize("scene", ["bounded", "unbounded", "forward_facing"])
def test_cameras_that_determine_no_frame_are_refused(tmp_path: Path, scene: str) -> None:
    there_and_back = some_cameras(1) * 2
    turned = there_and_back[1].field_from_camera * [[-1, 1, -1, 1]]
    both = [there_and_back[0], replace(there_and_back[1], field_from_camera=turned)]
    read = read_training_cameras(write_poses_bounds(tmp_path / "p.npy", both))
    with pytest.raises(UserError, match="frame cannot be told"):
        read.placed(scene)


def test_lenses_without_a_pinhole_part_are_refused(tmp_path: Path) -> None:
    path = write_transforms(tmp_path / "t.json", some_cameras(1))
    path.write_text(path.read_text().replace('"OPENCV"', '"EQUIRECTANGULAR"'))
    with pytest.raises(UserError, match="'EQUIRECTANGULAR', which no perspective camera"):
        read_training_cameras(path)


@pytest.mark.parametrize(
    ("cameras", "images", "sentence"),
    [
        ("1 PINHOLE 8 8 9 9 4 4", "1 1 0 0 0 0 0 0 2 a.png\n", "has no camera 2 for 'a.png'"),
        ("1 PINHOLE 8 8 9 9", "1 1 0 0 0 0 0 0 1 a.png\n", "damaged or cut off"),
        ("1 MAGIC 8 8 9 9 4 4", "1 1 0 0 0 0 0 0 1 a.png\n", "'MAGIC' is not known"),
        ("1 PINHOLE 8 8 9 9 4 4", "1 0 0 0 0 0 0 0 1 a.png\n", "damaged or cut off"),
        ("1 PINHOLE 8 8 9 9 4 4", "1 nan 0 0 0 0 0 0 1 a.png\n", "damaged or cut off"),
        ("1 PINHOLE 8 8 9 9 4 4", "1 1 0 0 0 nan 0 0 1 a.png\n", "4x4 and finite"),
        ("1 PINHOLE 8 8 -9 9 4 4", "1 1 0 0 0 0 0 0 1 a.png\n", "must be positive"),
        ("1 PINHOLE 8 8 9 9 4 4", "# nothing\n", "holds no images"),
    ],
)
def test_damaged_text_models_are_one_sentence(
    tmp_path: Path, cameras: str, images: str, sentence: str
) -> None:
    (tmp_path / "cameras.txt").write_text(cameras)
    (tmp_path / "images.txt").write_text(images)
    with pytest.raises(UserError, match=sentence):
        read_training_cameras(tmp_path)


def test_folders_and_files_without_cameras_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no cameras; choose a transforms"):
        read_training_cameras(tmp_path)
    (tmp_path / "images.txt").write_text("1 1 0 0 0 0 0 0 1 a.png\n")
    with pytest.raises(UserError, match="holds no COLMAP model; it needs cameras and images"):
        read_training_cameras(tmp_path / "images.txt")
    with pytest.raises(UserError, match="no camera file at"):
        read_training_cameras(tmp_path / "none.npy")
    (tmp_path / "t.json").write_bytes(b"\xff\xfe\x00binary")
    with pytest.raises(UserError, match=r"not a transforms\.json"):
        read_training_cameras(tmp_path / "t.json")
