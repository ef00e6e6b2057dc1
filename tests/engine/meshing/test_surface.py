"""Meshes of a made-up field: a ball on a plate, of which the mask grid holds the ball."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh
from scipy import ndimage

from sa3d_blender.core.errors import UserError
from sa3d_blender.core.mesh import MeshData
from sa3d_blender.core.settings import FieldOptions, MeshSettings
from sa3d_blender.engine.fields.rays import Rays, Samples
from sa3d_blender.engine.mask_grids.mask_grid import region_nodes
from sa3d_blender.engine.mask_grids.result import SegmentedObject, SegmentResult
from sa3d_blender.engine.meshing import solid_nodes
from sa3d_blender.engine.meshing.completion import fill_solid
from sa3d_blender.engine.meshing.mesh_clean import (
    boundary_edges,
    drop_islands,
    limit_faces,
    mended,
    outward,
    signed_volume,
)
from sa3d_blender.engine.meshing.mesh_files import write_mesh
from sa3d_blender.engine.meshing.surface import INSIDE_DEPTH, deep_inside, extract_mesh

RADIUS = 0.5


class BallField:
    """A dense ball in a box twice as long in x; the field frame is the grid frame scaled."""

    family, scene, notes, pixel_center = "made_up", "bounded", (), 0.5
    background = torch.ones(3)
    device = torch.device("cpu")
    scale = torch.tensor([2.0, 1.0, 1.0])
    box = torch.stack([-scale, scale])

    def grid_from_field(self, points: torch.Tensor) -> torch.Tensor:
        return points / self.scale

    def field_from_grid(self, points: torch.Tensor) -> torch.Tensor:
        return points * self.scale

    def density(self, points: torch.Tensor) -> torch.Tensor:
        radius = self.field_from_grid(points).norm(dim=1)
        return 100 * torch.sigmoid((RADIUS - radius) * 60)

    def color(self, points: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
        return torch.tensor([0.2, 0.6, 1.0]).expand(len(points), 3)

    def march(self, rays: Rays, *, with_color: bool, faint: float = 0.0) -> Samples:
        empty = torch.zeros(0)
        none = torch.zeros(0, 3)
        return Samples(empty.long(), none, empty, empty, none)

    def info(self) -> dict[str, Any]:
        return {}


def ball(side: int = 48) -> SegmentedObject:
    """The ball, decided everywhere; free outside of it."""
    field = BallField()
    lower, upper = torch.tensor([-0.4, -0.8, -0.8]), torch.tensor([0.4, 0.8, 0.8])
    points = field.field_from_grid(region_nodes(lower, upper, (side, side, side)))
    inside = (points.norm(dim=1) < RADIUS + 0.02).view(side, side, side)
    values = torch.where(inside, 1.0, -1.0)
    return SegmentedObject("ball", lower, upper, values, ~inside, level=50.0)


@pytest.fixture(scope="module")
def mesh() -> MeshData:
    return extract_mesh(BallField(), ball(), MeshSettings(resolution=64))


def test_slabs_leave_no_seam(mesh: MeshData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solid_nodes, "SLAB_NODES", 5000)
    again = extract_mesh(BallField(), ball(), MeshSettings(resolution=64))
    assert np.array_equal(again.faces, mesh.faces)
    assert np.allclose(again.vertices, mesh.vertices, atol=1e-6)


def test_depth_is_the_distance_to_what_is_seen_to_be_free(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (deep_inside(np.zeros((9, 5, 5), bool)) == 1).all(), "nothing near is known to be free"
    free = np.random.default_rng(0).random((60, 9, 9)) < 0.002
    free[20:45] = False
    whole = deep_inside(free)
    distance = ndimage.distance_transform_edt(~free)
    assert (whole[distance > INSIDE_DEPTH + 4] > 0.5).all()
    assert (whole[free] < 0).all()
    monkeypatch.setattr(solid_nodes, "SLAB_NODES", 100)
    assert np.allclose(deep_inside(free), whole, atol=1e-6), "slabs leave no seam"


def test_a_thin_skin_over_low_density_leaves_no_pits() -> None:
    """Nobody sees into the ball, so it is full up to its skin, even where that is too faint."""

    class FaintSkin(BallField):
        def density(self, points: torch.Tensor) -> torch.Tensor:
            radius = self.field_from_grid(points).norm(dim=1)
            faint = (points[:, 0] > 0.1) & (radius > RADIUS / 2)
            return torch.where(faint, 0.2, 1.0) * super().density(points)

    made = extract_mesh(FaintSkin(), ball(), MeshSettings(resolution=64))
    assert np.linalg.norm(made.vertices, axis=1).min() > RADIUS - 0.05


def test_vertices_lie_on_the_ball_in_the_field_frame(mesh: MeshData) -> None:
    radius = np.linalg.norm(mesh.vertices, axis=1)
    assert np.abs(radius - RADIUS).max() < 0.02
    assert np.abs(mesh.vertices.mean(axis=0)).max() < 0.01


def test_the_mesh_is_closed_and_faces_outward(mesh: MeshData) -> None:
    assert boundary_edges(mesh.faces) == 0
    volume = signed_volume(mesh.vertices, mesh.faces)
    assert volume == pytest.approx(4 / 3 * np.pi * RADIUS**3, rel=0.05)


def test_colors_are_the_fields(mesh: MeshData) -> None:
    assert np.array_equal(np.unique(mesh.colors, axis=0), [[51, 153, 255]])


def test_a_region_that_cuts_the_ball_is_closed_there() -> None:
    whole = ball()
    cut = SegmentedObject(
        "half",
        whole.lower,
        torch.tensor([0.4, 0.8, 0.0]),
        whole.values[..., :24],
        whole.free[..., :24],
        50.0,
    )
    half = extract_mesh(BallField(), cut, MeshSettings(resolution=48))
    assert boundary_edges(half.faces) == 0
    assert half.vertices[:, 2].max() < 0.05


def test_the_face_budget_is_kept_and_the_surface_stays_closed(mesh: MeshData) -> None:
    vertices, faces = limit_faces(mesh.vertices, mesh.faces, 800)
    assert len(faces) <= 800
    assert boundary_edges(faces) == 0
    assert signed_volume(vertices, faces) == pytest.approx(0.52, rel=0.1)


def test_islands_and_cavities_are_left_out(mesh: MeshData) -> None:
    small = trimesh.creation.icosphere(subdivisions=1, radius=0.05)
    cavity = trimesh.creation.icosphere(subdivisions=4, radius=0.3)
    count = len(mesh.vertices)
    vertices = np.concatenate([mesh.vertices, small.vertices + 2, cavity.vertices])
    faces = np.concatenate(
        [mesh.faces, small.faces + count, cavity.faces[:, ::-1] + count + len(small.vertices)]
    )
    kept, _ = drop_islands(vertices.astype(np.float32), faces.astype(np.int32))
    assert len(kept) == count


def test_inward_faces_are_turned(mesh: MeshData) -> None:
    turned = outward(mesh.vertices, mesh.faces[:, ::-1].copy())
    assert signed_volume(mesh.vertices, turned) > 0


@pytest.mark.parametrize("resolution", [4, 5000])
def test_an_impossible_resolution_is_refused(resolution: int) -> None:
    with pytest.raises(UserError, match="resolution"):
        extract_mesh(BallField(), ball(8), MeshSettings(resolution=resolution))


def test_an_empty_object_is_refused() -> None:
    empty = ball(8)
    nothing = SegmentedObject(
        "none", empty.lower, empty.upper, -empty.values.abs(), empty.free, 50.0
    )
    with pytest.raises(UserError, match="Nothing of 'none' is over the mask threshold"):
        extract_mesh(BallField(), nothing, MeshSettings())


def test_the_solid_between_votes_is_split_where_they_meet() -> None:
    # a column of solid: the upper walls voted for, the ground around its foot against
    share = torch.zeros(24, 24, 24)
    free = torch.ones(24, 24, 24, dtype=torch.bool)
    free[8:16, 8:16, 8:20] = False
    free[:, :, :8] = False
    share[8:16, 8:16, 8:20] = 1.0
    share[9:15, 9:15, :19] = 0.0
    share[:, :, 7] = -1.0
    share[8:16, 8:16, 7] = 0.0
    filled = fill_solid(share, free)
    assert bool((filled[10:14, 10:14, 12:18] > 0).all())  # inside the column
    assert bool((filled[10:14, 10:14, 1:5] < 0).all())  # deep in the ground
    assert float(filled[2, 2, 20]) == 0  # free space stays undecided


@pytest.mark.parametrize("ending", [".glb", ".ply", ".obj"])
def test_files_keep_shape_and_colour(mesh: MeshData, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"Kännchen 杯{ending}"
    write_mesh(mesh, path)
    loaded = trimesh.load(path, force="mesh", process=False)
    assert len(loaded.faces) == len(mesh.faces)
    assert np.array_equal(np.unique(loaded.visual.vertex_colors, axis=0), [[51, 153, 255, 255]])
    vertices = np.asarray(loaded.vertices)
    if ending == ".glb":  # Y up in the file
        vertices = np.stack([vertices[:, 0], -vertices[:, 2], vertices[:, 1]], axis=1)
    assert np.allclose(vertices, mesh.vertices, atol=1e-5)


def test_faces_of_a_mesh_with_millions_of_vertices_are_not_confused() -> None:
    """The numbers of these two faces' corners, as one of 64 bits, are the same."""
    count = 2**22
    faces = np.array([[0, 2**21 + 1, count - 1], [2**20, 2**21 + 1, count - 1]], np.int32)
    _, kept = mended(np.zeros((count, 3), np.float32), faces)
    assert len(kept) == 2


def test_an_unknown_ending_is_refused(mesh: MeshData, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="must end in"):
        write_mesh(mesh, tmp_path / "a.stl")


def test_a_result_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "result.npz"
    saved = SegmentResult("/a b/ü.th", FieldOptions(background="black"), (ball(12),))
    saved.save(path)
    loaded = SegmentResult.load(path, device=torch.device("cpu"))
    assert loaded.checkpoint == saved.checkpoint
    assert loaded.options == saved.options
    first, second = loaded.objects[0], saved.objects[0]
    assert torch.equal(first.values, second.values)
    assert torch.equal(first.free, second.free)
    assert (first.name, first.level, first.soft) == ("ball", 50.0, False)


@pytest.mark.parametrize("content", [b"", b"no", b"PK\x03\x04broken"])
def test_a_broken_result_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "result.npz"
    path.write_bytes(content)
    with pytest.raises(UserError, match="not a result"):
        SegmentResult.load(path, device=torch.device("cpu"))


def test_a_result_with_a_flipped_byte_is_refused(tmp_path: Path) -> None:
    """Wherever it is: no sum of the archive is passed over, and every damage is a sentence."""
    path = tmp_path / "result.npz"
    SegmentResult("/a b/ü.th", FieldOptions(), (ball(12),)).save(path)
    content = path.read_bytes()
    refused = 0
    for position in range(0, len(content), 5):
        damaged = bytearray(content)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        try:
            loaded = SegmentResult.load(path, device=torch.device("cpu"))
        except UserError:
            refused += 1
        else:  # in what nobody reads, such as the time of a member
            assert torch.equal(loaded.objects[0].values, ball(12).values.half().float())
    assert refused
