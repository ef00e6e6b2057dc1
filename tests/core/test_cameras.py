"""Cameras: hand-computed pixels, files in both dialects, and every refusal."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sa3d_blender.core.cameras import Camera, camera_from_blender, read_transforms
from sa3d_blender.core.errors import UserError
from sa3d_blender.core.png import encode_png

EYE = np.eye(4)
BLENDER: dict[str, Any] = {
    "field_from_camera": EYE,
    "lens": 50.0,
    "sensor_fit": "AUTO",
    "sensor_width": 36.0,
    "sensor_height": 24.0,
    "shift_x": 0.0,
    "shift_y": 0.0,
    "resolution_x": 1920,
    "resolution_y": 1080,
    "resolution_percentage": 100,
    "pixel_aspect_x": 1.0,
    "pixel_aspect_y": 1.0,
}


def test_a_point_lands_where_the_pinhole_says() -> None:
    camera = Camera(100, 80, 50, 60, 50, 40, EYE)
    # x = 50 + 50 * 1/2, y = 40 - 60 * 0.5/2
    assert camera.project(np.array([[1, 0.5, -2]])).tolist() == [[75, 25]]
    assert np.isnan(camera.project(np.array([[0, 0, 1.0]]))).all()


def test_resizing_and_cropping_keep_the_view() -> None:
    camera = Camera(100, 80, 50, 60, 45, 42, EYE)
    points = np.array([[0.3, -0.2, -1.5], [-0.5, 0.4, -2]])
    assert np.allclose(camera.resized(200, 40).project(points), camera.project(points) * (2, 0.5))
    cropped = camera.cropped(10, 20, 60, 60, 100, 80)
    assert np.allclose(cropped.project(points), (camera.project(points) - (10, 20)) * 2)


def test_json_round_trip() -> None:
    camera = Camera(100, 80, 50.5, 60.25, 45, 42, np.diag([1, 1, 1, 1.0]))
    again = Camera.from_json(json.loads(json.dumps(camera.to_json())))
    assert again.to_json() == camera.to_json()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, (1920, 1080, 50 / 36 * 1920, 960, 540)),
        ({"shift_x": 0.1}, (1920, 1080, 50 / 36 * 1920, 960 - 192, 540)),
        ({"shift_y": 0.1}, (1920, 1080, 50 / 36 * 1920, 960, 540 + 192)),
        ({"resolution_percentage": 33}, (633, 356, 50 / 36 * 633, 316.5, 178)),
        ({"resolution_x": 800}, (800, 1080, 50 / 36 * 1080, 400, 540)),
        ({"sensor_fit": "VERTICAL"}, (1920, 1080, 50 / 24 * 1080, 960, 540)),
        ({"sensor_fit": "HORIZONTAL", "resolution_x": 8}, (8, 1080, 50 / 36 * 8, 4, 540)),
    ],
)
def test_blenders_cameras(change: dict[str, Any], expected: tuple[float, ...]) -> None:
    camera = camera_from_blender(**(BLENDER | change))
    found = (camera.width, camera.height, camera.fl_x, camera.cx, camera.cy)
    assert found == pytest.approx(expected)


def test_pixel_aspect_stretches_one_axis() -> None:
    camera = camera_from_blender(**(BLENDER | {"pixel_aspect_x": 2.0}))
    assert camera.fl_y == pytest.approx(camera.fl_x * 2)


def test_scale_in_the_matrix_is_dropped() -> None:
    camera = camera_from_blender(**(BLENDER | {"field_from_camera": np.diag([3, 3, 3, 1.0])}))
    assert np.allclose(camera.field_from_camera, EYE)


@pytest.mark.parametrize("size", [(0, 10), (10, 0), (20_000, 20_000), (-1, 5)])
def test_impossible_sizes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(UserError, match="cannot be rendered; choose a size"):
        Camera(*size, 1, 1, 0, 0, EYE)


@pytest.mark.parametrize("matrix", [np.eye(3), np.full((4, 4), np.nan)])
def test_impossible_matrices_are_refused(matrix: np.ndarray) -> None:
    with pytest.raises(UserError, match="4x4 and finite"):
        Camera(1, 1, 1, 1, 0, 0, matrix)


def test_impossible_focal_lengths_are_refused() -> None:
    with pytest.raises(UserError, match="focal length must be positive"):
        Camera(1, 1, 0, 1, 0, 0, EYE)


def write(path: Path, data: Any) -> Path:
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def test_nerf_synthetic_files_take_their_size_from_the_images(tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    picture = np.zeros((60, 80, 3), np.uint8)
    (tmp_path / "test" / "r_0.png").write_bytes(encode_png(picture))
    frames = [{"file_path": "./test/r_0", "transform_matrix": EYE.tolist()}]
    path = write(tmp_path / "t.json", {"camera_angle_x": math.pi / 2, "frames": frames})
    (camera,) = read_transforms(path)
    assert (camera.width, camera.height, camera.cx) == (80, 60, 40)
    assert camera.fl_x == pytest.approx(40)
    (small,) = read_transforms(path, size=(40, 30))
    assert small.fl_x == pytest.approx(20)


def jpeg_header(width: int, height: int) -> bytes:
    """A thumbnail's segment, a table, and then what states the size, as progressive files have."""
    thumbnail = b"\xff\xe1\x00\x0c\xff\xc0\x00\x0b\x08\x00\x01\x00\x01\x03"
    frame = b"\xff\xff\xc2\x00\x0b\x08" + height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return b"\xff\xd8" + thumbnail + b"\xff\xc4\x00\x04ab" + frame + b"\x01\x01\x11\x00"


@pytest.mark.parametrize("name", ["Bild ä.jpg", "Bild ä.JPEG", "Bild ä"])
def test_sizes_of_jpegs_are_read(tmp_path: Path, name: str) -> None:
    ending = "" if "." in name else ".jpg"
    (tmp_path / f"{name}{ending}").write_bytes(jpeg_header(640, 480))
    frames = [{"file_path": name, "transform_matrix": EYE.tolist()}]
    path = write(tmp_path / "t.json", {"camera_angle_x": 1, "frames": frames})
    (camera,) = read_transforms(path)
    assert (camera.width, camera.height) == (640, 480)


@pytest.mark.parametrize("content", [b"", b"\xff\xd8", b"\xff\xd8\xff\xe1\x00\x09", b"GIF89a"])
def test_pictures_that_tell_no_size(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    frames = [{"file_path": "a.jpg", "transform_matrix": EYE.tolist()}]
    path = write(tmp_path / "t.json", {"camera_angle_x": 1, "frames": frames})
    with pytest.raises(UserError, match="give the size"):
        read_transforms(path)


def test_a_matrix_without_its_last_row_and_a_byte_order_mark(tmp_path: Path) -> None:
    data = {"camera_angle_x": 1, "w": 4, "h": 3}
    frames = [{"transform_matrix": np.diag([1.0, 1, 1, 1])[:3].tolist()}]
    path = tmp_path / "t.json"
    path.write_text(json.dumps({**data, "frames": frames}), encoding="utf-8-sig")
    (camera,) = read_transforms(path)
    assert np.array_equal(camera.field_from_camera, EYE)


def test_nerfstudio_files_bring_everything(tmp_path: Path) -> None:
    data = {"w": 80, "h": 60, "fl_x": 70, "fl_y": 71, "cx": 41, "cy": 29}
    frames = [{"transform_matrix": EYE.tolist()}, {"transform_matrix": EYE.tolist(), "fl_x": 90}]
    first, second = read_transforms(write(tmp_path / "t.json", {**data, "frames": frames}))
    assert (first.fl_x, first.fl_y, first.cx, first.cy) == (70, 71, 41, 29)
    assert second.fl_x == 90


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "not a transforms.json"),
        ("{}", "not a transforms.json"),
        ('{"frames": []}', "holds no frames"),
        ('{"w": 4, "h": 4, "frames": [{"transform_matrix": 3}]}', "lacks its matrix or focal"),
        ('{"w": Infinity, "h": 4, "frames": [{"transform_matrix": 3}]}', "lacks its matrix"),
        ('{"camera_angle_x": 1, "frames": [{"transform_matrix": []}]}', "give the size"),
    ],
)
def test_bad_files_are_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "t.json"
    path.write_text(text)
    with pytest.raises(UserError, match=sentence):
        read_transforms(path)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no camera file at"):
        read_transforms(tmp_path / "none.json")
