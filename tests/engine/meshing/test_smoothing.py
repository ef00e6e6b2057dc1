"""A surface's ripples are taken out, its volume and its place stay; details in one word."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sa3d_blender.core.settings import MAX_RESOLUTION, MeshSettings
from sa3d_blender.engine.mask_grids.mask_grid import region_nodes
from sa3d_blender.engine.mask_grids.result import SegmentedObject
from sa3d_blender.engine.meshing.mesh_clean import boundary_edges, signed_volume
from sa3d_blender.engine.meshing.surface import extract_mesh
from tests.support.made_up_fields import PaintedBall

SIDE = 32


class RippledBall(PaintedBall):
    """A ball with waves of some six cells, as a trained grid's noise makes them."""

    def depth_below(self, points: torch.Tensor) -> torch.Tensor:
        """The ball's, with waves."""
        return super().depth_below(points) + 0.003 * torch.sin(100 * points).prod(dim=1)


def ball() -> SegmentedObject:
    lower, upper = torch.full((3,), -0.6), torch.full((3,), 0.6)
    away = region_nodes(lower, upper, (SIDE,) * 3).norm(dim=1).view(SIDE, SIDE, SIDE)
    values = torch.where(away < 0.56, 1.0, -1.0)
    return SegmentedObject("ball", lower, upper, values, away > 0.52, level=50.0)


def off_the_ball(settings: MeshSettings) -> tuple[float, float, float]:
    """Mean angle of the faces' normals to the ball's in degrees, mean radius, volume."""
    mesh = extract_mesh(RippledBall(), ball(), settings)
    assert boundary_edges(mesh.faces) == 0
    corners = mesh.vertices[mesh.faces].astype(float)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    middle = corners.mean(axis=1)
    lengths = np.linalg.norm(normals, axis=1) * np.linalg.norm(middle, axis=1)
    cosine = (normals * middle).sum(axis=1) / np.maximum(lengths, 1e-12)
    radius = float(np.linalg.norm(mesh.vertices, axis=1).mean())
    volume = signed_volume(mesh.vertices, mesh.faces)
    return float(np.degrees(np.arccos(cosine.clip(-1, 1))).mean()), radius, volume


def test_a_ball_ripples_less_and_keeps_its_volume() -> None:
    found = [
        off_the_ball(MeshSettings(resolution=96, smooth=amount))
        for amount in (0.0, MeshSettings.smooth, 1.0)
    ]
    angles, radii, volumes = zip(*found, strict=True)
    assert angles[1] < 0.6 * angles[0]
    assert angles[2] < angles[1]
    assert radii == pytest.approx([0.5] * 3, abs=1e-3)
    assert volumes == pytest.approx([volumes[0]] * 3, rel=1e-3)


def test_a_detail_is_what_the_numbers_are_taken_times() -> None:
    draft, normal, fine = (MeshSettings(detail=d) for d in ("draft", "normal", "fine"))
    assert (normal.cells, normal.face_budget) == (160, 60_000)
    assert draft.cells < normal.cells < fine.cells
    assert draft.face_budget < normal.face_budget < fine.face_budget
    assert MeshSettings(detail="fine", resolution=400).cells == MAX_RESOLUTION
    mesh = extract_mesh(PaintedBall(), ball(), MeshSettings(detail="draft", max_faces=8000))
    assert len(mesh.faces) <= 1200
