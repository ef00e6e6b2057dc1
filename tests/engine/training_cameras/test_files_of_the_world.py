"""Camera files as other programs write them: mirrored, split up, in other forms, or never fetched.

The near bounds of COLMAP models are compared with those that LLFF's own script computes, which goes
through the points' tracks and so counts a point once for a picture.
"""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sa3d_blender.core.cameras import Camera
from sa3d_blender.core.errors import UserError
from sa3d_blender.engine.rendering.picture_files import read_picture
from sa3d_blender.engine.training_cameras import read_training_cameras
from tests.support.camera_files import (
    assert_same,
    colmap_pose,
    some_cameras,
    write_colmap,
    write_kind,
    write_poses_bounds,
    write_transforms,
)

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def seen_points(cameras: list[Camera], seed: int) -> tuple[np.ndarray, list[list[int]]]:
    """Points before the cameras, and for each camera the numbers of those that it sees.

    The farthest ones often several times, as features of one picture may be matched to one point.
    """
    rng = np.random.default_rng(seed)
    points = rng.uniform((-1, -1, -9), (1, 1, -2), (60, 3))
    seen = []
    for _ in cameras:
        ids = rng.choice(60, 40, replace=False)
        far = ids[np.argsort(points[ids, 2])[:15]]
        seen.append([int(i) for i in rng.permutation([*ids, *np.repeat(far, 5)])])
    return points, seen


def write_model(folder: Path, cameras: list[Camera], seed: int, *, binary: bool) -> float:
    """Write a COLMAP model; returns the near bound that LLFF's script computes of its tracks."""
    points, seen = seen_points(cameras, seed)
    write_colmap(folder, cameras, binary=binary, points=False)
    poses = [colmap_pose(camera) for camera in cameras]
    if binary:
        images, tracks = struct.pack("<Q", len(cameras)), struct.pack("<Q", len(points))
        for number, ((turn, move), ids) in enumerate(zip(poses, seen, strict=True)):
            images += struct.pack("<i7di", number + 1, *turn, *move, number + 3) + b"a.png\0"
            images += struct.pack("<Q", len(ids)) + b"".join(
                struct.pack("<ddq", 1, 2, i) for i in ids
            )
        for number, place in enumerate(points):
            tracks += struct.pack("<Q3d3BdQ", number, *place, 1, 2, 3, 0.5, 0)
        (folder / "images.bin").write_bytes(images)
        (folder / "points3D.bin").write_bytes(tracks)
    else:
        lines = []
        for number, ((turn, move), ids) in enumerate(zip(poses, seen, strict=True)):
            lines.append(" ".join(map(repr, map(float, (*turn, *move)))))
            lines[-1] = f"{number + 1} {lines[-1]} {number + 3} a.png"
            lines.append(" ".join(f"1 2 {i}" for i in ids))
        (folder / "images.txt").write_text("\n".join(lines))
        rows = [f"{i} {x!r} {y!r} {z!r} 1 2 3 0.5" for i, (x, y, z) in enumerate(points.tolist())]
        (folder / "points3D.txt").write_text("\n".join(rows))
    return llff_near(cameras, points, seen)


def llff_near(cameras: list[Camera], points: np.ndarray, seen: list[list[int]]) -> float:
    """The smallest near bound: of each camera the 0.1 percentile of the depths of what it sees."""
    depths = [-(points - c.origin) @ c.field_from_camera[:3, 2] for c in cameras]
    visible = np.zeros((len(points), len(cameras)), bool)
    for camera, ids in enumerate(seen):
        for number in ids:
            visible[number, camera] = True
    return min(float(np.percentile(d[visible[:, i]], 0.1)) for i, d in enumerate(depths))


@pytest.mark.parametrize(("seed", "binary"), [(1, True), (2, False), (3, True)])
def test_a_point_that_is_seen_twice_in_one_picture_counts_once(
    tmp_path: Path, seed: int, binary: bool
) -> None:
    cameras = some_cameras(6, seed)
    near = write_model(tmp_path / "0", cameras, seed, binary=binary)
    model = read_training_cameras(tmp_path / "0")
    assert model.nearest == pytest.approx(near, rel=1e-12)
    llff = read_training_cameras(write_poses_bounds(tmp_path / "p.npy", cameras, (near, 9.0)))
    found = sorted(model.placed("forward_facing").cameras, key=lambda c: tuple(c.origin))
    expected = sorted(llff.placed("forward_facing").cameras, key=lambda c: tuple(c.origin))
    assert_same(found, expected, atol=1e-12)


def test_mirrored_cameras_become_right_handed_and_see_the_mirror_image(tmp_path: Path) -> None:
    honest = some_cameras(3)
    off = [replace(camera, cx=30.0) for camera in honest]
    mirrored = [
        replace(c, field_from_camera=c.field_from_camera * (-1, 1, 1, 1)) if i else c
        for i, c in enumerate(off)
    ]
    read = read_training_cameras(write_transforms(tmp_path / "t.json", mirrored))
    (note,) = read.notes
    assert "2 of 3 training cameras are mirrored" in note
    points = np.array([[0.3, 0.2, -3.0], [-0.5, 0.1, -5.0]])
    for before, after in zip(mirrored[1:], read.cameras[1:], strict=True):
        assert np.linalg.det(after.field_from_camera[:3, :3]) == pytest.approx(1)
        assert np.allclose(after.forward, before.forward)
        x, y = before.project(points).T
        assert np.allclose(after.project(points).T, [after.width - x, y])
    assert_same(read.cameras[:1], off[:1])


@pytest.mark.parametrize("kind", ["transforms", "llff", "colmap text", "colmap binary"])
def test_pointers_of_git_lfs_are_named(tmp_path: Path, kind: str) -> None:
    path = write_kind(tmp_path, kind, some_cameras(2))
    for file in [path] if path.is_file() else sorted(path.iterdir()):
        whole = file.read_bytes()
        file.write_text(POINTER)
        with pytest.raises(UserError, match=r"is a Git LFS pointer.*run git lfs pull") as refused:
            read_training_cameras(path)
        assert str(file) in str(refused.value)
        file.write_bytes(whole)


def test_pictures_that_are_pointers_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text(POINTER)
    frame = {"file_path": "a", "transform_matrix": np.eye(4).tolist()}
    (tmp_path / "transforms.json").write_text(json.dumps({"fl_x": 9, "frames": [frame]}))
    with pytest.raises(UserError, match=r"a\.png is a Git LFS pointer.*run git lfs pull"):
        read_training_cameras(tmp_path)
    with pytest.raises(UserError, match=r"a\.png is a Git LFS pointer.*run git lfs pull"):
        read_picture(tmp_path / "a.png")


@pytest.mark.parametrize(
    "lens",
    [
        {"w": 80, "h": 60, "K": [[70, 0, 41], [0, 71, 29], [0, 0, 1]]},
        {"w": 80, "h": 60, "camera_angle_x": 9, "intrinsics": [[70, 0, 41, 0], [0, 71, 29, 0]]},
        {"intrinsics": {"fx": 70, "fy": 71, "cx": 41, "cy": 29, "width": 80, "height": 60}},
        {"w": 80, "h": 60, "intrinsics": {"fl_x": 70, "fl_y": 71, "cx": 41, "cy": 29}},
        {"width": 80, "height": 60, "fx": 70.0, "fy": 71, "cx": 41, "cy": 29},
    ],
)
def test_other_forms_of_a_lens_are_read(tmp_path: Path, lens: dict[str, Any]) -> None:
    frame = {"transform_matrix": np.eye(4).tolist()}
    for data in ({**lens, "frames": [frame]}, {"frames": [{**frame, **lens}]}):
        (tmp_path / "t.json").write_text(json.dumps(data))
        read = read_training_cameras(tmp_path / "t.json")
        assert_same(read.cameras, [Camera(80, 60, 70, 71, 41, 29, np.eye(4))])


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"fl_x": 9}, "has no transform_matrix"),
        ({"transform_matrix": np.eye(4).tolist()}, "has none of fl_x, fx, camera_angle_x, K and"),
        ({"transform_matrix": 3, "fl_x": []}, "in a form that is not known"),
        ({"transform_matrix": np.eye(4).tolist(), "K": [[1]]}, "in a form that is not known"),
        ({"transform_matrix": np.eye(4).tolist(), "fl_x": -9}, "focal length must be positive"),
    ],
)
def test_what_a_frame_lacks_is_said_in_words_and_with_the_file(
    tmp_path: Path, values: dict[str, Any], sentence: str
) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"w": 80, "h": 60, "frames": [values]}))
    with pytest.raises(UserError, match=sentence) as refused:
        read_training_cameras(path)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("kind", ["llff", "colmap text", "colmap binary"])
def test_a_focal_length_that_is_none_is_refused_with_the_files_name(
    tmp_path: Path, kind: str
) -> None:
    cameras = some_cameras(2)
    for camera in cameras:
        object.__setattr__(camera, "fl_x", -70.0)
    path = write_kind(tmp_path, kind, cameras)
    with pytest.raises(UserError, match="focal length must be positive") as refused:
        read_training_cameras(path)
    assert str(path) in str(refused.value)


def test_of_several_models_in_a_folder_the_largest_is_taken(tmp_path: Path) -> None:
    for number, count in enumerate((2, 5, 3)):
        write_colmap(tmp_path / "sparse" / str(number), some_cameras(count), binary=True)
    assert_same(read_training_cameras(tmp_path / "sparse").cameras, some_cameras(5))
    assert len(read_training_cameras(tmp_path).cameras) == 2  # a data set's usual one
    (tmp_path / "sparse" / "0" / "images.bin").unlink()
    assert_same(read_training_cameras(tmp_path).cameras, some_cameras(5))


@pytest.mark.parametrize(
    ("fl_x", "fl_y", "said"),
    [
        (163 * 80.0, 163 * 80.0, ["a focal length of 163 times the picture's width"]),
        (0.9, 0.9, ["a focal length of 0.0112 times the picture's width"]),
        (70.0, 27 * 70.0, ["a focal length in y of 27 times that in x"]),
        (70.0, 75.0, []),
        (8 * 80.0, 8 * 80.0, []),
    ],
)
def test_odd_focal_lengths_are_said(
    tmp_path: Path, fl_x: float, fl_y: float, said: list[str]
) -> None:
    cameras = [replace(camera, fl_x=fl_x, fl_y=fl_y) for camera in some_cameras(2)]
    path = write_transforms(tmp_path / "t.json", cameras)
    notes = read_training_cameras(path).notes
    assert len(notes) == len(said)
    assert all(part in note for part, note in zip(said, notes, strict=True))
    stretched = read_training_cameras(path, size=(30, 90)).notes
    assert not any("in y" in note for note in stretched)  # a size that was asked for is not odd
