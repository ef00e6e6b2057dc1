"""Plenoxels' files against the plain renderer, and what they say about their scene."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from sa3d_blender.core.prompts import Prompt
from sa3d_blender.core.settings import FieldOptions, MeshSettings, SegmentSettings
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.protocol import RadianceField
from sa3d_blender.engine.fields.rays import Rays
from sa3d_blender.engine.fields.sampling import marching
from sa3d_blender.engine.meshing.surface import extract_mesh
from sa3d_blender.engine.segmentation.pipeline import segment
from sa3d_blender.engine.view_path.views import Target, framing_camera
from tests.support.fitted_fields import Ball, plenoxels_balls
from tests.support.inward_rays import composite, looking_inwards
from tests.support.plain_plenoxels import (
    NDC_RADIUS,
    Arrays,
    PlainPlenoxels,
    in_ndc,
    make_arrays,
    write,
)
from tests.support.scripted_segmenter import ScriptedSegmenter

CPU = torch.device("cpu")
FORWARD = FieldOptions(ndc_focal=1.7, ndc_aspect=1.25)


def loaded(
    folder: Path, arrays: Arrays, options: FieldOptions | None = None, *, compressed: bool = False
) -> RadianceField:
    path = write(folder / "ckpt.npz", arrays, compressed=compressed)
    return load_field(path, options or FieldOptions(), device=CPU)


@pytest.fixture
def _unmerged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every sample for itself, so that the comparison is exact."""
    monkeypatch.setattr(marching, "MERGED_WEIGHT", 1e-9)
    monkeypatch.setattr(marching, "MERGED_SPAN", 0.0)


def compare(field: RadianceField, plain: list[tuple[np.ndarray, float, float]], rays: Rays) -> None:
    """Pictures and opacities as the plain renderer's."""
    image, opacity = composite(field, field.march(rays, with_color=True), len(rays))
    expected = np.array([color for color, _, _ in plain])
    assert 0.2 < float(opacity.mean()) < 1
    assert float((image - torch.from_numpy(expected)).abs().mean()) < 1e-3
    assert np.abs(opacity.numpy() - [o for _, o, _ in plain]).mean() < 1e-3


@pytest.mark.parametrize("filled", [1.0, 0.5, 0.1])
@pytest.mark.parametrize("basis", [1, 4, 9])
@pytest.mark.usefixtures("_unmerged")
def test_bounded_render_equals_plain_renderer(tmp_path: Path, basis: int, filled: float) -> None:
    arrays = make_arrays(basis=basis, filled=filled, spread=4.0 / filled)
    field, rays = loaded(tmp_path, arrays), looking_inwards(60, distance=3.0)
    plain = PlainPlenoxels(arrays)
    traced = [
        plain.ray(o, d, background=1.0)
        for o, d in zip(
            rays.origins.double().numpy(), rays.directions.double().numpy(), strict=True
        )
    ]
    compare(field, traced, rays)
    samples = field.march(rays, with_color=False)
    depth = torch.zeros(len(rays)).index_add_(0, samples.ray_index, samples.weights * samples.depth)
    assert np.abs(depth.numpy() - [mean for _, _, mean in traced]).mean() < 1e-2
    places = rays.origins[samples.ray_index]
    places = places + samples.depth[:, None] * rays.directions[samples.ray_index]
    torch.testing.assert_close(field.field_from_grid(samples.points), places, rtol=0, atol=1e-4)


@pytest.mark.usefixtures("_unmerged")
def test_forward_facing_render_equals_plain_renderer(tmp_path: Path) -> None:
    arrays = make_arrays(radius=NDC_RADIUS, center=(0.0, 0.0, 0.0))
    generator = torch.Generator().manual_seed(5)
    sideways = torch.rand(60, 2, generator=generator) * 0.9 - 0.45
    directions = torch.cat([sideways, -torch.ones(60, 1)], dim=1)
    origins = torch.randn(60, 3, generator=generator) * 0.2
    origins[:, 2].clamp_min_(-0.9)  # before the near plane
    rays = Rays(origins, torch.nn.functional.normalize(directions, dim=1))
    field, plain = loaded(tmp_path, arrays, FORWARD), PlainPlenoxels(arrays)
    assert field.scene == "forward_facing"
    assert field.background.tolist() == [0.5] * 3
    bent = [
        in_ndc(o, d, (1.7, 1.7 * 1.25))
        for o, d in zip(origins.double().numpy(), rays.directions.double().numpy(), strict=True)
    ]
    compare(field, [plain.ray(o, d, background=0.5) for o, d in bent], rays)
    samples = field.march(rays, with_color=False)
    places = rays.origins[samples.ray_index]
    places = places + samples.depth[:, None] * rays.directions[samples.ray_index]
    grid = field.grid_from_field(places)
    torch.testing.assert_close(grid, samples.points, rtol=0, atol=1e-3)


@pytest.mark.parametrize("filled", [1.0, 0.05])
def test_density_and_color_at_points(tmp_path: Path, filled: float) -> None:
    arrays = make_arrays(filled=filled)
    field, plain = loaded(tmp_path, arrays), PlainPlenoxels(arrays)
    generator = torch.Generator().manual_seed(2)
    grid = torch.rand(400, 3, generator=generator) * 2 - 1
    grid[:50] = grid[:50].sign() * (1 - grid[:50].abs() * 0.05)  # in the outer half voxels
    points = field.field_from_grid(grid).double().numpy()
    sigma = torch.tensor([plain.density(point) for point in points], dtype=torch.float64)
    assert bool((sigma > 0).any())
    torch.testing.assert_close(field.density(grid).double(), sigma, rtol=1e-3, atol=1e-3)
    directions = torch.nn.functional.normalize(torch.randn(400, 3, generator=generator), dim=1)
    solid = sigma > 0
    colors = [plain.color(p, d) for p, d in zip(points, directions.double().numpy(), strict=True)]
    found = field.color(grid, directions)[solid].double()
    expected = torch.from_numpy(np.array(colors))[solid].clamp_max(1)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
    assert field.density(torch.tensor([[1.2, 0.0, 0.0]])).tolist() == [0.0]


def test_one_table_of_all_values_is_the_same(tmp_path: Path) -> None:
    """The first versions of svox2 kept densities and colours together."""
    arrays = make_arrays()
    grid = torch.rand(100, 3) * 2 - 1
    new = loaded(tmp_path, arrays, compressed=True).density(grid)
    table = [arrays.pop("density_data"), arrays.pop("sh_data").astype(np.float32)]
    arrays["data"] = np.concatenate(table, axis=1)
    del arrays["basis_type"]
    torch.testing.assert_close(loaded(tmp_path, arrays).density(grid), new)


def test_guesses_and_the_trainings_arguments(tmp_path: Path) -> None:
    field = loaded(tmp_path, make_arrays())
    assert field.scene == "bounded"
    assert field.background.tolist() == [1.0] * 3
    assert any("args.json" in note for note in field.notes)
    moved = np.array(field.info()["field_from_dataset"])
    np.testing.assert_allclose(moved, np.diag([2 / 3, 2 / 3, 2 / 3, 1]))
    said = {"background_brightness": 0.25, "scene_scale": 0.5, "dataset_type": "nerf"}
    (tmp_path / "args.json").write_text(json.dumps(said))
    field = loaded(tmp_path, make_arrays())
    assert field.background.tolist() == [0.25] * 3
    assert np.array(field.info()["field_from_dataset"])[0, 0] == 0.5
    assert not any("args.json" in note for note in field.notes)
    (tmp_path / "args.json").write_text(json.dumps({**said, "dataset_type": "nsvf"}))
    assert loaded(tmp_path, make_arrays()).info()["field_from_dataset"] is None


@pytest.mark.parametrize(
    "text", ["[1, 2]", "{", '{"background_brightness": "x", "step_size": NaN}']
)
def test_arguments_that_make_no_sense_are_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "args.json").write_text(text)
    assert loaded(tmp_path, make_arrays()).background.tolist() == [1.0] * 3


def test_a_far_background_is_said_not_to_be_drawn(tmp_path: Path) -> None:
    arrays = make_arrays()
    arrays["background_links"] = np.arange(8, dtype=np.int32).reshape(4, 2)
    arrays["background_data"] = np.zeros((8, 5, 4), np.float32)
    field = loaded(tmp_path, arrays)
    assert any("5 spheres of the far background" in note for note in field.notes)
    assert field.info()["field_from_dataset"] is None
    assert field.background.tolist() == [0.5] * 3


def test_one_click_makes_a_mesh(tmp_path: Path) -> None:
    """From a file of a red and a blue ball through the whole pipeline."""
    red = Ball(np.array([0.45, 0.1, -0.1]), 0.45, (0.9, 0.2, 0.1))
    blue = Ball(np.array([-0.6, 0.0, 0.1]), 0.4, (0.1, 0.2, 0.9))
    path = plenoxels_balls(tmp_path / "balls.npz", [red, blue], side=48)
    field = load_field(path, FieldOptions(), device=CPU)
    target = Target(np.zeros(3), 1.2)
    camera = framing_camera(np.array([0.6, -3.5, 1.5]), target, np.array([0.0, 0.0, 1.0]), 64)
    ((x, y),) = camera.project(red.center[None])
    settings = SegmentSettings(views=8, view_size=64, grid_resolution=48)
    prompt = Prompt("red", ((float(x), float(y)),), (1,))
    found, _ = segment(field, ScriptedSegmenter(), camera, [prompt], settings)
    mesh = extract_mesh(field, found[0], MeshSettings(resolution=32))
    distance = np.linalg.norm(mesh.vertices - red.center, axis=1)
    assert distance.mean() == pytest.approx(red.radius, rel=0.08)
    assert distance.std() < 0.1 * red.radius
    corners = mesh.vertices[mesh.faces]  # vertices stand closer where colours change
    areas = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    mean = np.average(mesh.colors[mesh.faces].mean(axis=1), axis=0, weights=areas)
    np.testing.assert_allclose(mean / 255, red.color, atol=0.05)
