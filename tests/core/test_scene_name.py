"""What a scene is called after its checkpoint's path."""

from __future__ import annotations

from pathlib import Path

import pytest

from sa3d_blender.core.scene_name import scene_name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("runs/logs/fern.th", "fern"),
        ("outputs/fern/nerfacto/2026-11-23_101500/config.yml", "fern"),
        ("outputs/fern/nerfacto/2026-11-23_101500/nerfstudio_models/step-000029999.ckpt", "fern"),
        ("logs/nerf_synthetic/fern/fine_last.tar", "fern"),
        ("logs/fern/200000.tar", "fern"),
        ("/ckpt/fern/ckpt.npz", "fern"),
        ("/data/nerf/fern/base.ingp", "fern"),
        ("output/fern/point_cloud/iteration_30000/point_cloud.ply", "fern"),
        ("captures/fern/point_cloud.compressed.ply", "fern"),
        ("Käse 3/config.yml", "Käse 3"),
        ("/config.yml", "config"),
    ],
)
def test_scenes_whose_files_are_called_alike_can_be_told_apart(path: str, name: str) -> None:
    assert scene_name(Path(path)) == name
