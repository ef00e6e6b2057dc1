"""A file of Gaussians."""

from __future__ import annotations

from pathlib import Path

import pytest

from sa3d_blender.engine.fields.gaussian_splats.ply_file import write_gaussians
from tests.support.made_up_splats import random_gaussians

COUNT = 300


@pytest.fixture
def cloud(tmp_path: Path) -> Path:
    """A small file in the original layout."""
    path = tmp_path / "point_cloud.ply"
    write_gaussians(random_gaussians(COUNT, 3, seed=1), path)
    return path
