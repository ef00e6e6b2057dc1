"""Faces where a surface bends or its colours change: few on flat sides, none wasted on a ball."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sa3d_blender.core.mesh import MeshData
from sa3d_blender.core.settings import MeshSettings
from sa3d_blender.engine.mask_grids.mask_grid import region_nodes
from sa3d_blender.engine.mask_grids.result import SegmentedObject
from sa3d_blender.engine.meshing.finishing import cell_size
from sa3d_blender.engine.meshing.mesh_clean import boundary_edges, limit_faces, signed_volume
from sa3d_blender.engine.meshing.mesh_detail import split_faces
from sa3d_blender.engine.meshing.surface import extract_mesh, march_cubes
from tests.support.made_up_fields import PaintedBall

SIDE = 48
HALF = torch.tensor([0.5, 0.35, 0.4])


class Box(PaintedBall):
    """A box, red all over or in squares of two colours."""

    squares = False

    def depth_below(self, points: torch.Tensor) -> torch.Tensor:
        """How far a point lies below the box's surface."""
        return (HALF - points.abs()).amin(dim=1)

    def color(self, points: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
        """Red; of squares, every second one blue."""
        odd = (points / 0.2).floor().sum(dim=1) % 2 * float(self.squares)
        return torch.stack([1 - odd, torch.zeros_like(odd), odd], dim=1)


class PaintedBox(Box):
    """In squares."""

    squares = True


def found(field: PaintedBall) -> SegmentedObject:
    """The whole of what a field holds, decided everywhere."""
    lower, upper = torch.full((3,), -0.6), torch.full((3,), 0.6)
    depth = field.depth_below(region_nodes(lower, upper, (SIDE,) * 3)).view(SIDE, SIDE, SIDE)
    values = torch.where(depth > -0.06, 1.0, -1.0)
    return SegmentedObject("thing", lower, upper, values, depth < -0.02, level=50.0)


def made(field: PaintedBall, **settings: object) -> MeshData:
    mesh = extract_mesh(field, found(field), MeshSettings(resolution=96, **settings))  # type: ignore[arg-type]
    assert boundary_edges(mesh.faces) == 0
    assert signed_volume(mesh.vertices, mesh.faces) > 0
    return mesh


def test_flat_sides_have_few_faces_and_fine_leaves_many() -> None:
    draft, normal, fine = (len(made(Box(), detail=d).faces) for d in ("draft", "normal", "fine"))
    ball = len(made(PaintedBall()).faces)
    assert draft < normal < fine
    assert max(normal, ball) < MeshSettings().max_faces / 5, "as many as its form needs"


def test_colours_have_the_faces_that_flat_sides_do_not_need() -> None:
    plain, painted = made(Box()), made(PaintedBox())
    assert len(painted.faces) > 2 * len(plain.faces)
    assert (plain.colors[:, 2] < 40).all()
    corners = painted.vertices[painted.faces]
    area = np.linalg.norm(np.cross(*(corners[:, 1:] - corners[:, :1]).transpose(1, 0, 2)), axis=1)
    middle = torch.from_numpy(corners.mean(axis=1))
    wanted = 255 * PaintedBox().color(middle, middle).numpy()
    shown = painted.colors[painted.faces].mean(axis=1)
    assert np.average(np.abs(shown - wanted).max(axis=1), weights=area) < 20
    assert len(made(PaintedBox(), max_faces=3000).faces) <= 3000


def test_simplifying_stays_within_its_tolerance() -> None:
    axis = np.arange(70, dtype=np.float32) - 34.5
    away = np.linalg.norm(np.stack(np.meshgrid(axis, axis, axis, indexing="ij")), axis=0)
    edge = torch.full((3,), 34.5)
    inside = (30 - away).clip(-2, 2).astype(np.float32)
    for unit in (1.0, 1e-3, 1e3):  # whatever the units
        vertices, faces = march_cubes(inside, -edge * unit, edge * unit)
        cell = cell_size(vertices, faces)
        assert cell == pytest.approx(0.8 * unit, rel=0.3)
        fewer, light = limit_faces(vertices, faces, 10**6, 0.3 * cell)
        assert len(light) < len(faces) / 5
        assert boundary_edges(light) == 0
        middles = fewer[light].mean(axis=1)
        assert np.abs(np.linalg.norm(middles, axis=1) / unit - 30).max() < 0.15


def test_faces_split_along_their_edges_leave_no_gap() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
    faces = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]], np.int32)
    for split in range(64):
        edges = [(a, b) for a in range(4) for b in range(a + 1, 4)]
        chosen = [edge for n, edge in enumerate(edges) if split >> n & 1]
        number = {edge: 4 + n for n, edge in enumerate(chosen)}
        middles = np.array(
            [
                [number.get(tuple(sorted((f[i], f[(i + 1) % 3]))), -1) for i in range(3)]
                for f in faces
            ]  # type: ignore[call-overload]
        )
        places = np.concatenate(
            [vertices, *(vertices[list(edge)].mean(axis=0)[None] for edge in chosen)]
        )
        found_faces = split_faces(places, faces, middles)
        assert len(found_faces) == 4 + 2 * len(chosen)
        assert boundary_edges(found_faces) == 0
        assert signed_volume(places, found_faces) == pytest.approx(signed_volume(vertices, faces))
