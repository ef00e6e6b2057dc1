"""Files of Gaussians that cannot be used are told of in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from numpy.lib.recfunctions import repack_fields
from plyfile import PlyData, PlyElement

from sa3d_blender.core.errors import UserError
from sa3d_blender.engine.fields.gaussian_splats.ply_file import write_gaussians
from tests.support.made_up_splats import random_gaussians
from tests.support.opened_splats import load, refused

COUNT = 300


def test_a_cut_file(cloud: Path) -> None:
    data = cloud.read_bytes()
    for length in (len(data) - 3, len(data) // 2, 800, 60):
        cloud.write_bytes(data[:length])
        with pytest.raises(UserError) as caught:
            load(cloud)
        assert caught.value.code in ("truncated", "not_a_checkpoint")


def test_a_count_that_no_file_can_hold(cloud: Path) -> None:
    data = cloud.read_bytes()
    for count in (b"0", b"301", b"999999999999", b"-4", b"many"):
        cloud.write_bytes(data.replace(b"element vertex 300", b"element vertex " + count))
        with pytest.raises(UserError) as caught:
            load(cloud)
        assert caught.value.code in ("truncated", "bad_weights")


def test_places_that_are_no_numbers(cloud: Path) -> None:
    gaussians = random_gaussians(COUNT, 0, seed=1)
    gaussians.means[:50, 1] = torch.nan
    write_gaussians(gaussians, cloud)
    assert "50 of its 300 Gaussians" in refused(cloud, "bad_weights")
    gaussians.means[1:50, 1] = 0
    write_gaussians(gaussians, cloud)
    field = load(cloud)
    assert len(field.gaussians) == COUNT - 1
    assert "1 damaged Gaussians of 300 were left out." in field.notes


def test_sizes_that_are_none(cloud: Path) -> None:
    gaussians = random_gaussians(COUNT, 0, seed=1)
    gaussians.log_scales[:] = -torch.inf
    write_gaussians(gaussians, cloud)
    assert "no usable place, size or colour" in refused(cloud, "bad_weights")


def test_a_wrong_number_of_harmonics(cloud: Path) -> None:
    rows = PlyData.read(str(cloud), mmap=False)["vertex"].data
    names = [name for name in rows.dtype.names if name != "f_rest_44"]
    PlyData([PlyElement.describe(repack_fields(rows[names]), "vertex")]).write(str(cloud))
    assert "44 is no number of spherical harmonics" in refused(cloud, "bad_weights")


def test_meshes_and_point_clouds(tmp_path: Path) -> None:
    path = tmp_path / "other.ply"
    head = "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\n"
    head += "property float z\n{}end_header\n0 0 0\n"
    path.write_text(head.format("element face 0\nproperty list uchar int vertex_indices\n"))
    assert "is a mesh, not a splat" in refused(path, "not_a_checkpoint")
    path.write_text(head.format(""))
    assert "is a point cloud, not a splat" in refused(path, "not_a_checkpoint")


def test_what_only_points_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "point_cloud.ply"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 34\n")
    assert "git lfs pull" in refused(path, "lfs_pointer")


def test_formats_that_are_not_read_are_named(tmp_path: Path) -> None:
    for ending in ("ksplat", "sog"):
        path = tmp_path / f"scene.{ending}"
        path.write_bytes(b"\0\1" + bytes(4096))
        assert f"(.{ending})" in refused(path, "unknown_format")
    path = tmp_path / "scene.spz"
    path.write_bytes(b"NGSP" + bytes(100))
    assert "version 4" in refused(path, "unknown_format")
