"""Writes one set of cameras in every format that training cameras come in."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from sa3d_blender.core.cameras import Camera

POINTS = np.array([[0.2, 0.1, -3.0], [0.4, -0.3, -5.0], [-0.1, 0.0, -4.0]])
"""What the COLMAP models' cameras see: world positions of points 5, 7 and 9."""
POINT_IDS = (5, 7, 9)


def some_cameras(count: int = 14, seed: int = 0) -> list[Camera]:
    """Cameras on one side that look about along -z, all with one square lens."""
    rng = np.random.default_rng(seed)
    cameras = []
    for _ in range(count):
        matrix = np.eye(4)
        turn, _ = np.linalg.qr(np.eye(3) + 0.15 * rng.normal(size=(3, 3)))
        matrix[:3, :3] = turn * np.sign(np.diag(turn))
        if np.linalg.det(matrix[:3, :3]) < 0:
            matrix[:3, 0] *= -1
        matrix[:3, 3] = rng.uniform(-0.4, 0.4, 3)
        cameras.append(Camera(80, 60, 70.5, 70.5, 40, 30, matrix))
    return cameras


def write_transforms(path: Path, cameras: Sequence[Camera]) -> Path:
    """As nerfstudio does, intrinsics with every frame."""
    frames = [
        {"file_path": f"images/{name}", **camera.to_json()}
        for name, camera in zip(picture_names(cameras), cameras, strict=True)
    ]
    path.write_text(json.dumps({"camera_model": "OPENCV", "frames": frames}), encoding="utf-8")
    return path


def write_poses_bounds(
    path: Path, cameras: Sequence[Camera], bounds: tuple[float, float] = (2.0, 9.0)
) -> Path:
    """LLFF's columns: down, right, back, centre, (height, width, focal); then the bounds."""
    rows = []
    for camera in cameras:
        right, up, back, center = camera.field_from_camera[:3].T
        sizes = np.array([camera.height, camera.width, camera.fl_x])
        block = np.stack([-up, right, back, center, sizes], axis=1)
        rows.append([*block.ravel(), *bounds])
    np.save(path, np.array(rows))
    return path


def write_colmap(
    folder: Path,
    cameras: Sequence[Camera],
    *,
    binary: bool,
    model: str = "PINHOLE",
    more: Sequence[float] = (),
    points: bool = True,
) -> Path:
    """A COLMAP model, its images in no order; ``more`` are a camera model's further parameters."""
    folder.mkdir(parents=True, exist_ok=True)
    (_write_binary if binary else _write_text)(folder, cameras, model, tuple(more), points)
    return folder


def picture_names(cameras: Sequence[Camera]) -> list[str]:
    """One name with a space for each."""
    return [f"bild {number:03d}.jpg" for number in range(len(cameras))]


def colmap_pose(camera: Camera) -> tuple[list[float], list[float]]:
    """Quaternion (w, x, y, z) and translation of COLMAP's camera-from-world."""
    from scipy.spatial.transform import Rotation  # the add-on's environments have no scipy

    turn = (camera.field_from_camera[:3, :3] * (1, -1, -1)).T
    x, y, z, w = Rotation.from_matrix(turn).as_quat()
    return [w, x, y, z], list(-turn @ camera.origin)


NUMBERS = {
    "SIMPLE_PINHOLE": 0,
    "PINHOLE": 1,
    "SIMPLE_RADIAL": 2,
    "RADIAL": 3,
    "OPENCV": 4,
    "OPENCV_FISHEYE": 5,
    "RADIAL_FISHEYE": 9,
}


def _parameters(camera: Camera, model: str, more: tuple[float, ...]) -> list[float]:
    one = model.startswith(("SIMPLE", "RADIAL"))
    focal = [camera.fl_x] if one else [camera.fl_x, camera.fl_y]
    return [*focal, camera.cx, camera.cy, *more]


def _write_text(
    folder: Path, cameras: Sequence[Camera], model: str, more: tuple[float, ...], points: bool
) -> None:
    lenses, images = ["# Camera list with one line of data per camera:"], ["# Image list"]
    numbered = list(enumerate(zip(picture_names(cameras), cameras, strict=True)))
    for number, (name, camera) in reversed(numbered):
        values = " ".join(repr(float(v)) for v in _parameters(camera, model, more))
        lenses.append(f"{number + 3} {model} {camera.width} {camera.height} {values}")
        quaternion, translation = colmap_pose(camera)
        numbers = " ".join(repr(float(v)) for v in (*quaternion, *translation))
        images.append(f"{number + 1} {numbers} {number + 3} {name}")
        seen = " ".join(f"1.5 2.5 {point}" for point in (*POINT_IDS, -1))
        images.append(seen if number else "")
    (folder / "cameras.txt").write_text("\n".join(lenses) + "\n", encoding="utf-8")
    (folder / "images.txt").write_text("\n".join(images) + "\n", encoding="utf-8")
    if points:
        lines = [
            f"{number} {x} {y} {z} 10 20 30 0.5 1 0 2 0"
            for number, (x, y, z) in zip(POINT_IDS, POINTS, strict=True)
        ]
        (folder / "points3D.txt").write_text("\n".join(reversed(lines)), encoding="utf-8")


def _write_binary(
    folder: Path, cameras: Sequence[Camera], model: str, more: tuple[float, ...], points: bool
) -> None:
    lenses = images = struct.pack("<Q", len(cameras))
    numbered = list(enumerate(zip(picture_names(cameras), cameras, strict=True)))
    for number, (name, camera) in reversed(numbered):
        values = _parameters(camera, model, more)
        lenses += struct.pack("<iiQQ", number + 3, NUMBERS[model], camera.width, camera.height)
        lenses += struct.pack(f"<{len(values)}d", *values)
        quaternion, translation = colmap_pose(camera)
        images += struct.pack("<i7di", number + 1, *quaternion, *translation, number + 3)
        images += name.encode() + b"\0"
        seen = (*POINT_IDS, -1) if number else ()
        images += struct.pack("<Q", len(seen))
        images += b"".join(struct.pack("<ddq", 1.5, 2.5, point) for point in seen)
    (folder / "cameras.bin").write_bytes(lenses)
    (folder / "images.bin").write_bytes(images)
    if points:
        data = struct.pack("<Q", len(POINT_IDS))
        for number, position in reversed(list(zip(POINT_IDS, POINTS, strict=True))):
            data += struct.pack("<Q3d3BdQ", number, *position, 10, 20, 30, 0.5, 2)
            data += struct.pack("<4i", 1, 0, 2, 0)
        (folder / "points3D.bin").write_bytes(data)


def assert_same(found: Sequence[Camera], expected: Sequence[Camera], atol: float = 1e-9) -> None:
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert (a.width, a.height) == (b.width, b.height)
        assert [a.fl_x, a.fl_y, a.cx, a.cy] == pytest.approx([b.fl_x, b.fl_y, b.cx, b.cy])
        assert np.allclose(a.field_from_camera, b.field_from_camera, atol=atol)


def write_kind(folder: Path, kind: str, cameras: Sequence[Camera]) -> Path:
    """The cameras in a format, under a name that is hard to spell.

    Args:
        kind: ``transforms``, ``llff``, ``colmap text`` or ``colmap binary``.
    """
    folder = folder / "Käse 猫"
    folder.mkdir()
    if kind == "transforms":
        return write_transforms(folder / "kameras ä.json", cameras)
    if kind == "llff":
        return write_poses_bounds(folder / "poses_bounds.npy", cameras)
    return write_colmap(folder / "sparse" / "0", cameras, binary=kind == "colmap binary")
