"""Every model class, grid and colouring of the DirectVoxGO family against the plain renderer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.rays import Rays, Samples
from sa3d_blender.engine.fields.sampling import marching
from tests.support.inward_rays import composite, looking_inwards
from tests.support.made_up_dvgo import Tables, make_tables
from tests.support.plain_dvgo import PlainDvgo

Write = Callable[[Tables], Path]
CPU = torch.device("cpu")
CASES: list[dict[str, Any]] = [
    {"colors": "direct"},
    {"colors": "tinted", "factored": True},
    {"colors": "stored", "mask": False},
    {"colors": "direct", "factored": True, "depth": 5},
    {"colors": "direct", "depth": 2, "frequencies": 0},
]


def name_of(case: dict[str, Any]) -> str:
    return "-".join(map(str, case.values()))


def mean_depth(samples: Samples, rays: int) -> Tensor:
    """The sum of weight times distance."""
    depth = torch.zeros(rays)
    return depth.index_add_(0, samples.ray_index, samples.weights * samples.depth)


@pytest.fixture
def unmerged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every sample for itself, so that the comparison is exact."""
    monkeypatch.setattr(marching, "MERGED_WEIGHT", 1e-9)
    monkeypatch.setattr(marching, "MERGED_SPAN", 0.0)


@pytest.mark.parametrize("case", CASES, ids=name_of)
@pytest.mark.usefixtures("unmerged")
def test_bounded_render_equals_plain_renderer(
    case: dict[str, Any], write_checkpoint: Write
) -> None:
    tables = make_tables(**case)
    rays = looking_inwards(200)
    field = load_field(write_checkpoint(tables), FieldOptions(scene="bounded"), device=CPU)
    expected, weights, distance = PlainDvgo(tables).bounded(rays.origins, rays.directions)
    samples = field.march(rays, with_color=True)
    image, opacity = composite(field, samples, len(rays))
    assert 0.3 < float(opacity.mean()) <= 1
    assert float((image - expected).abs().mean()) < 1e-3
    assert float((opacity - weights.sum(dim=1)).abs().mean()) < 1e-3
    depth = (weights * distance).sum(dim=1)
    assert float((mean_depth(samples, len(rays)) - depth).abs().mean()) < 0.01


@pytest.mark.parametrize("kind", ["layers", "ndc"])
@pytest.mark.parametrize("case", CASES[:3], ids=name_of)
@pytest.mark.usefixtures("unmerged")
def test_forward_facing_render_equals_plain_renderer(
    kind: str, case: dict[str, Any], write_checkpoint: Write
) -> None:
    tables = make_tables(kind=kind, **case)
    generator = torch.Generator().manual_seed(5)
    sideways = torch.rand(200, 2, generator=generator) * 0.9 - 0.45
    directions = torch.cat([sideways, -torch.ones(200, 1)], dim=1)
    origins = torch.randn(200, 3, generator=generator) * 0.2
    rays = Rays(origins, torch.nn.functional.normalize(directions, dim=1))
    options = FieldOptions(ndc_focal=1.7, ndc_aspect=1.25)
    field = load_field(write_checkpoint(tables), options, device=CPU)
    assert field.scene == "forward_facing"
    assert field.background.tolist() == [0.0] * 3
    expected, weights = PlainDvgo(tables).in_ndc(rays.origins, rays.directions, (1.7, 1.7 * 1.25))
    samples = field.march(rays, with_color=True)
    image, opacity = composite(field, samples, len(rays))
    assert 0.2 < float(opacity.mean()) <= 1
    assert float((image - expected).abs().mean()) < 1e-3
    assert float((opacity - weights.sum(dim=1)).abs().mean()) < 1e-3
    places = rays.origins[samples.ray_index]
    places = places + samples.depth[:, None] * rays.directions[samples.ray_index]
    grid = field.grid_from_field(places)
    torch.testing.assert_close(grid, samples.points, rtol=0, atol=1e-3)


@pytest.mark.parametrize("norm", ["inf", "l2"])
@pytest.mark.parametrize("case", CASES[:3], ids=name_of)
@pytest.mark.usefixtures("unmerged")
def test_unbounded_render_equals_plain_renderer(
    norm: str, case: dict[str, Any], write_checkpoint: Write
) -> None:
    tables = make_tables(kind="contracted", norm=norm, **case)
    generator = torch.Generator().manual_seed(6)
    directions = torch.randn(100, 3, generator=generator)
    origins = torch.randn(100, 3, generator=generator)
    rays = Rays(origins, torch.nn.functional.normalize(directions, dim=1))
    field = load_field(write_checkpoint(tables), FieldOptions(), device=CPU)
    assert field.scene == "unbounded"
    expected, weights, distance = PlainDvgo(tables).unbounded(rays.origins, rays.directions)
    samples = field.march(rays, with_color=True)
    image, opacity = composite(field, samples, len(rays))
    assert 0.3 < float(opacity.mean()) <= 1
    assert float((image - expected).abs().mean()) < 1e-3
    assert float((opacity - weights.sum(dim=1)).abs().mean()) < 1e-3
    depth = (weights * distance).sum(dim=1)
    error = (mean_depth(samples, len(rays)) - depth).abs() / depth.clamp_min(0.1)
    assert float(error.mean()) < 1e-2
    places = rays.origins[samples.ray_index]
    places = places + samples.depth[:, None] * rays.directions[samples.ray_index]
    grid = field.grid_from_field(places)
    torch.testing.assert_close(grid, samples.points, rtol=0, atol=1e-3)


@pytest.mark.parametrize("norm", ["inf", "l2"])
def test_all_of_space_is_contracted_and_back(norm: str, write_checkpoint: Write) -> None:
    tables = make_tables(kind="contracted", norm=norm)
    field = load_field(write_checkpoint(tables), FieldOptions(), device=CPU)
    generator = torch.Generator().manual_seed(2)
    points = torch.randn(500, 3, generator=generator) * 20 ** torch.rand(500, 1) * 1.5
    grid = field.grid_from_field(points)
    assert float(grid.abs().max()) < 1
    torch.testing.assert_close(field.field_from_grid(grid), points, rtol=2e-3, atol=1e-3)
    center, radius = torch.tensor([0.2, -0.1, 0.3]), 1.5
    inside = (grid.abs() * 1.2).amax(dim=1) <= (1.0 if norm == "inf" else 0.57)
    torch.testing.assert_close(grid[inside] * 1.2, ((points - center) / radius)[inside])
    assert bool(torch.isfinite(field.field_from_grid(torch.ones(1, 3))).all())
    assert field.density(torch.full((1, 3), torch.nan)).tolist() == [0.0]
    assert field.box.tolist() == [(center - radius).tolist(), (center + radius).tolist()]


def test_skipping_empty_space_changes_nothing_on_bent_rays(
    write_checkpoint: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few far and near specks, and cameras far outside, whose samples are far apart."""
    monkeypatch.setattr(marching, "MERGED_WEIGHT", 1e-9)
    monkeypatch.setattr(marching, "MERGED_SPAN", 0.0)
    tables = make_tables(kind="contracted", mask=False, colors="stored")
    grid = tables["model_state_dict"]["density.grid"]
    generator = torch.Generator().manual_seed(8)
    grid.fill_(-30.0)[torch.rand(grid.shape, generator=generator) > 0.97] = 40.0
    path = write_checkpoint(tables)
    rays = looking_inwards(200, distance=6.0)
    field = load_field(path, FieldOptions(), device=CPU)
    skipping = composite(field, field.march(rays, with_color=True), len(rays))[1]
    weights = PlainDvgo(tables).unbounded(rays.origins, rays.directions)[1]
    assert 0.02 < float(skipping.mean()) < 0.9
    torch.testing.assert_close(skipping.double(), weights.sum(dim=1), rtol=0, atol=2e-3)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_density_and_color_at_points(case: dict[str, Any], write_checkpoint: Write) -> None:
    tables = make_tables(**case)
    plain = PlainDvgo(tables)
    field = load_field(write_checkpoint(tables), FieldOptions(scene="bounded"), device=CPU)
    generator = torch.Generator().manual_seed(11)
    grid = torch.rand(300, 3, generator=generator) * 2.4 - 1.2
    points = field.field_from_grid(grid).double()
    sigma = plain.density(points)
    visible = plain.live(points) & (1 - (-sigma * plain.interval).exp() > plain.threshold)
    expected = torch.where(visible, sigma * plain.interval / plain.step, 0.0)
    assert 50 < int(visible.sum()) < 250
    torch.testing.assert_close(field.density(grid).double(), expected, rtol=1e-3, atol=1e-4)
    directions = torch.nn.functional.normalize(torch.randn(300, 3, generator=generator), dim=1)
    inside = (grid.abs() <= 1).all(dim=1)
    colors = plain.color(points[inside], directions[inside].double())
    found = field.color(grid[inside], directions[inside]).double()
    torch.testing.assert_close(found, colors, rtol=1e-3, atol=1e-4)


def test_camera_in_the_box_sees_what_is_in_front_of_it(write_checkpoint: Write) -> None:
    field = load_field(write_checkpoint(make_tables()), FieldOptions(scene="bounded"), device=CPU)
    rays = Rays(torch.zeros(200, 3), looking_inwards(200).directions)
    samples = field.march(rays, with_color=False)
    assert samples.rgb is None
    assert 0 <= float(samples.depth.min()) < 0.2
    places = rays.origins[samples.ray_index]
    places = places + samples.depth[:, None] * rays.directions[samples.ray_index]
    torch.testing.assert_close(field.field_from_grid(samples.points), places, rtol=0, atol=1e-4)


def test_sa3ds_own_files_are_read_and_their_masks_said(write_checkpoint: Write) -> None:
    tables = make_tables()
    del tables["global_step"]
    for name in ("seg_mask_grid", "dual_seg_mask_grid"):
        tables["model_state_dict"][f"{name}.grid"] = torch.zeros(1, 2, 5, 5, 5)
    field = load_field(write_checkpoint(tables), FieldOptions(), device=CPU)
    assert field.info()["sa3d_masks"] == 2
    assert any("SA3D" in note for note in field.notes)


def test_older_names_of_the_grids(write_checkpoint: Write) -> None:
    """Before April 2022: bare names; before that, the shift follows from ``alpha_init``."""
    tables = make_tables()
    new = load_field(write_checkpoint(tables), FieldOptions(), device=CPU)
    state = tables["model_state_dict"]
    for name in ("density", "k0"):
        state[name] = state.pop(f"{name}.grid")
    del state["act_shift"]
    tables["model_kwargs"]["alpha_init"] = 1 / (1 + float(np.exp(3.0)))
    old = load_field(write_checkpoint(tables), FieldOptions(), device=CPU)
    points = torch.rand(200, 3) * 2 - 1
    torch.testing.assert_close(old.density(points), new.density(points), rtol=1e-4, atol=1e-4)
