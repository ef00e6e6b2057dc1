"""Everything but the object: of a made-up scene, and of the bundled one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sa3d_blender.core.errors import UserError
from sa3d_blender.core.settings import FieldOptions, MeshSettings
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.mask_grids.mask_grid import region_nodes
from sa3d_blender.engine.mask_grids.result import SegmentedObject
from sa3d_blender.engine.meshing import solid_nodes
from sa3d_blender.engine.meshing.mesh_clean import boundary_edges, signed_volume
from sa3d_blender.engine.meshing.rest_of_scene import extract_rest
from sa3d_blender.engine.meshing.surface import extract_mesh
from tests.support.made_up_fields import BallOnPlate, PaintedBall

DATA = Path(__file__).parents[2] / "data" / "tabletop"


def ball(side: int = 40) -> SegmentedObject:
    """The ball above the plate."""
    lower, upper = torch.full((3,), -0.6), torch.full((3,), 0.6)
    points = region_nodes(lower, upper, (side, side, side))
    inside = (points.norm(dim=1) < 0.52) & (points[:, 2] > BallOnPlate.plate)
    free = BallOnPlate().depth_below(points) < 0
    shape = (side, side, side)
    values = torch.where(inside, 1.0, -1.0).view(shape)
    return SegmentedObject("ball", lower, upper, values, free.view(shape), level=50.0)


@pytest.mark.parametrize("slab_nodes", [1 << 21, 20_000])
def test_the_rest_is_the_plate_alone(monkeypatch: pytest.MonkeyPatch, slab_nodes: int) -> None:
    monkeypatch.setattr(solid_nodes, "SLAB_NODES", slab_nodes)
    mesh = extract_rest(BallOnPlate(), [ball()], MeshSettings(resolution=80, max_faces=20_000))
    assert boundary_edges(mesh.faces) == 0
    assert len(mesh.faces) <= 20_000
    assert mesh.vertices[:, 2].max() < BallOnPlate.plate + 0.05, "neither ball nor crumb"
    wanted = 4 * (0.7 - abs(BallOnPlate.plate))
    assert signed_volume(mesh.vertices, mesh.faces) == pytest.approx(wanted, rel=0.08)
    top = mesh.vertices[mesh.vertices[:, 2] > BallOnPlate.plate - 0.02]
    assert np.ptp(top[:, :2], axis=0) == pytest.approx([2, 2], abs=0.1)


class HiddenFloor(BallOnPlate):
    """Under the ball the plate has a hole, and all is painted like the ball: nobody looks there."""

    def depth_below(self, points: torch.Tensor) -> torch.Tensor:
        """The scene's, less the hole."""
        away = points[:, :2].norm(dim=1)
        hole = (away < 0.12) & (points[:, 2] < self.plate + 0.005) & (points[:, 2] > -0.6)
        return torch.where(hole, -0.05, super().depth_below(points))

    def color(self, points: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
        """Red about the ball, else green."""
        red = ((points[:, :2].norm(dim=1) < 0.25) & (points[:, 2] > -0.55)).float()
        return torch.stack([red, 1 - red, torch.zeros_like(red)], dim=1)


def test_where_the_object_stood_the_rest_is_flat() -> None:
    """The object's votes end above the plate: below it stay a stump, a hole and its colours."""
    field, plate = HiddenFloor(), BallOnPlate.plate
    entry = ball()
    height = region_nodes(entry.lower, entry.upper, (40, 40, 40))[:, 2].view(40, 40, 40)
    sagging = torch.where(height > plate + 0.1, entry.values, -1.0)
    unseen = torch.linspace(-0.6, 0.6, 40)
    within = (unseen[:, None] ** 2 + unseen[None] ** 2).sqrt() < 0.12
    free = entry.free & ~(within[..., None] & (height < plate))
    entry = replace(entry, values=sagging, free=free)
    mesh = extract_rest(field, [entry], MeshSettings(resolution=80, max_faces=20_000))
    assert boundary_edges(mesh.faces) == 0
    away = np.linalg.norm(mesh.vertices[:, :2], axis=1)
    top = mesh.vertices[(away < 0.4) & (mesh.vertices[:, 2] > -0.68), 2]
    assert len(top) > 10
    assert np.abs(top - plate).max() < 0.015, "a cell is 0.025"
    red = mesh.colors[:, 0].astype(int) > mesh.colors[:, 1]
    assert not red[(away < 0.4) & (mesh.vertices[:, 2] > plate - 0.05)].any()


def test_what_stands_under_a_wide_object_stays() -> None:
    """A crumb below a thing high above the plate is no stump."""
    entry = ball()
    height = region_nodes(entry.lower, entry.upper, (40, 40, 40))[:, 2].view(40, 40, 40)
    upper = replace(entry, values=torch.where(height > 0.1, entry.values, -1.0))
    mesh = extract_rest(BallOnPlate(), [upper], MeshSettings(resolution=80, max_faces=20_000))
    assert mesh.vertices[:, 2].max() > 0.05, "the lower half of the ball is not the object"


def test_nothing_but_the_object_is_one_sentence() -> None:
    entry = ball()
    everything = replace(entry, values=torch.ones_like(entry.values))
    with pytest.raises(UserError, match="nothing but the objects"):
        extract_rest(PaintedBall(), [everything], MeshSettings(resolution=32))


def true_object(name: str, side: int = 56) -> SegmentedObject:
    """An object of the bundled scene, told from its ground-truth mesh by distance to its points."""
    from scipy.spatial import cKDTree

    with np.load(DATA / "gt" / "meshes" / f"{name}.npz") as truth:
        vertices, faces = truth["verts"].astype(np.float64), truth["faces"]
    low, high = vertices.min(axis=0) - 0.1, vertices.max(axis=0) + 0.1
    lower, upper = torch.from_numpy(low).float(), torch.from_numpy(high).float()
    points = region_nodes(lower, upper, (side, side, side))
    middle = vertices[faces].mean(axis=1)
    normal = np.cross(
        vertices[faces[:, 1]] - vertices[faces[:, 0]], vertices[faces[:, 2]] - vertices[faces[:, 0]]
    )
    _, nearest = cKDTree(middle).query(points.numpy())
    outside = ((points.numpy() - middle[nearest]) * normal[nearest]).sum(axis=1)
    values = torch.from_numpy(np.where(outside < 0.0, 1.0, -1.0)).float().view(side, side, side)
    free = torch.zeros_like(values, dtype=torch.bool)
    return SegmentedObject(name, lower, upper, values, free, level=20.0)


@pytest.mark.slow
def test_the_table_stays_when_the_box_is_taken_away() -> None:
    field = load_field(DATA / "tabletop.th", FieldOptions(), device=torch.device("cpu"))
    entry = true_object("box")
    lower, upper = (field.grid_from_field(p[None])[0] for p in (entry.lower, entry.upper))
    entry = replace(entry, lower=lower, upper=upper)
    with torch.no_grad():
        mesh = extract_rest(field, [entry], MeshSettings(resolution=96, max_faces=60_000))
    with np.load(DATA / "gt" / "meshes" / "floor.npz") as truth:
        floor = truth["verts"]
    with np.load(DATA / "gt" / "meshes" / "box.npz") as truth:
        box = truth["verts"]
    low, high = box.min(axis=0) + 0.1, box.max(axis=0) - 0.1
    within = ((mesh.vertices > low) & (mesh.vertices < high)).all(axis=1)
    assert not within.any()
    spread = np.ptp(mesh.vertices, axis=0)[:2]
    assert spread == pytest.approx(np.ptp(floor, axis=0)[:2], rel=0.1)


def test_a_lower_threshold_adds_and_a_lower_density_swells() -> None:
    entry = ball()
    points = region_nodes(entry.lower, entry.upper, (40, 40, 40)).view(40, 40, 40, 3)
    doubt = torch.where(points[..., 0] > 0.2, 0.3, 1.0)  # a side that few views agree on
    entry = replace(entry, values=torch.where(entry.values > 0, doubt, -1.0))
    usual = extract_mesh(BallOnPlate(), entry, MeshSettings(resolution=48))
    strict = extract_mesh(BallOnPlate(), entry, MeshSettings(resolution=48, threshold=0.5))
    thick = extract_mesh(BallOnPlate(), entry, MeshSettings(resolution=48, density=0.5))
    assert strict.vertices[:, 0].max() < 0.3 < usual.vertices[:, 0].max()
    volumes = [signed_volume(mesh.vertices, mesh.faces) for mesh in (strict, usual, thick)]
    assert volumes == sorted(volumes)


def test_a_coarser_mesh_lies_where_the_fine_one_does() -> None:
    fine, coarse = (
        extract_mesh(BallOnPlate(), ball(), MeshSettings(resolution=size)) for size in (96, 32)
    )
    above = [mesh.vertices[mesh.vertices[:, 2] > -0.3] for mesh in (fine, coarse)]
    radii = [np.linalg.norm(vertices, axis=1) for vertices in above]
    assert np.abs(radii[1] - radii[0].mean()).max() < 1.2 / 32
    assert len(coarse.faces) < len(fine.faces) / 4
