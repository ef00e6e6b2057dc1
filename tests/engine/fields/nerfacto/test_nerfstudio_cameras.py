"""The training cameras that a nerfstudio run leads to."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sa3d_blender.core.errors import UserError
from sa3d_blender.engine.fields import training_cameras
from tests.support.plain_nerfacto import PlainNerfacto

DEEP = "outputs/tabletop/nerfacto/2024-01-01_000000"
"""Where nerfstudio puts a run, seen from where it was started."""


def data_set(folder: Path) -> np.ndarray:
    """Write a ``transforms.json`` of one camera; returns its matrix."""
    matrix = np.eye(4)
    matrix[:3, 3] = [1, 2, 3]
    frame = {"file_path": "images/a.png", "transform_matrix": matrix.tolist()}
    shared = {"w": 40, "h": 30, "fl_x": 50.0, "frames": [frame]}
    folder.mkdir(parents=True)
    (folder / "transforms.json").write_text(json.dumps(shared))
    return matrix


def test_cameras_come_in_the_training_frame(tmp_path: Path) -> None:
    run = tmp_path / DEEP
    checkpoint = PlainNerfacto().save(run)
    data_set(tmp_path / "data" / "scene")
    turned = [[0, 1, 0, 0.5], [-1, 0, 0, 0], [0, 0, 1, -2]]
    (run / "dataparser_transforms.json").write_text(json.dumps({"transform": turned, "scale": 0.5}))
    for path in (run, run / "config.yml", checkpoint):
        (camera,) = training_cameras(path).cameras
        np.testing.assert_allclose(camera.origin, [1.25, -0.5, 0.5])
        np.testing.assert_allclose(camera.field_from_camera[:3, :3], np.array(turned)[:, :3])
        assert (camera.width, camera.height, camera.fl_x) == (40, 30, 50.0)


def test_without_a_transform_the_files_coordinates_are_used(tmp_path: Path) -> None:
    checkpoint = PlainNerfacto().save(tmp_path)
    matrix = data_set(tmp_path / "data" / "scene")
    (tmp_path / "dataparser_transforms.json").unlink()
    (camera,) = training_cameras(checkpoint).cameras
    np.testing.assert_allclose(camera.field_from_camera, matrix)


@pytest.mark.parametrize("config", [True, False])
def test_data_that_is_not_there(tmp_path: Path, config: bool) -> None:
    checkpoint = PlainNerfacto().save(tmp_path, config=config)
    with pytest.raises(UserError) as caught:
        training_cameras(checkpoint)
    assert caught.value.code == "no_cameras"
    assert "choose its transforms.json" in str(caught.value)


@pytest.mark.parametrize("named", ["[1, 2]", "{a: b}", "'\0'", "/no/such/folder"])
def test_paths_that_are_none(tmp_path: Path, named: str) -> None:
    checkpoint = PlainNerfacto().save(tmp_path)
    text = f"pipeline: {{datamanager: {{data: {named}}}, model: {{}}}}\n"
    (tmp_path / "config.yml").write_text(text)
    with pytest.raises(UserError):
        training_cameras(checkpoint)


def test_families_that_never_know(tmp_path: Path) -> None:
    checkpoint = Path(__file__).parents[3] / "data" / "tabletop_nerf" / "002250.tar"
    with pytest.raises(UserError) as caught:
        training_cameras(checkpoint)
    assert caught.value.code == "no_cameras"
    assert "nerf-pytorch" in str(caught.value)
