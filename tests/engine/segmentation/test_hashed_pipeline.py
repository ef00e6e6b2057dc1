"""From a field in a published layout that holds a ball to its mesh, undistorted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sa3d_blender.core.prompts import Prompt
from sa3d_blender.core.settings import FieldOptions, MeshSettings, SegmentSettings
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.meshing.mesh_clean import boundary_edges
from sa3d_blender.engine.meshing.surface import extract_mesh
from sa3d_blender.engine.parallel import one_core
from sa3d_blender.engine.rendering.render import render_view
from sa3d_blender.engine.segmentation.object_votes import ObjectVotes
from sa3d_blender.engine.view_path.views import Target, framing_camera
from tests.support.fitted_fields import MAKERS, Ball

BALLS = {
    "instant_ngp": Ball(np.array([0.3, -0.2, 0.4]), 0.6),
    "instant_ngp 4": Ball(np.array([1.5, -2.0, 0.4]), 1.2),
    "nerfacto": Ball(np.array([0.2, 1.1, -0.1]), 0.5),
    "plenoxels": Ball(np.array([0.3, -0.2, 0.4]), 0.6),
}
"""Inside the unit cube; across the border of nested cubes; across the border of the contraction."""

ASKEW = np.array([0.05, 0.1, 0.07])
"""So that no view looks straight along an axis."""


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
def test_ball(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SA3D_CACHE", str(tmp_path / "cache"))
    ball = BALLS[name]
    field = load_field(MAKERS[name](tmp_path, ball), FieldOptions(), device=torch.device("cpu"))
    target = Target(ball.center, ball.radius)
    settings = SegmentSettings(grid_resolution=48)
    votes = ObjectVotes.start(Prompt("ball", ((0.0, 0.0),), (1,)), settings, field, target)
    up = np.array([0.0, 0.0, 1.0])
    views = {}
    with one_core():
        for number, direction in enumerate(
            np.concatenate([np.eye(3), -np.eye(3), np.ones((1, 3))])
        ):
            position = ball.center + 4 * ball.radius * (direction + ASKEW)
            views[number] = render_view(field, framing_camera(position, target, up, 56))
            votes.vote(number, views[number], views[number].opacity().numpy() > 0.5)
        assert votes.tighten(field, views)
        mesh = extract_mesh(field, votes.finished(field, views), MeshSettings(resolution=40))
    distance = np.linalg.norm(mesh.vertices - ball.center, axis=1)
    assert distance.mean() == pytest.approx(ball.radius, rel=0.06)
    assert distance.std() < 0.03 * ball.radius
    assert boundary_edges(mesh.faces) == 0
    color = mesh.colors.mean(axis=0) / 255
    np.testing.assert_allclose(color, ball.color, atol=0.03)
