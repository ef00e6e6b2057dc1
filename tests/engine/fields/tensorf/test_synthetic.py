"""Every model class, shading and activation against the slow, plain renderer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.components import decomposition
from sa3d_blender.engine.fields.rays import Rays
from sa3d_blender.engine.fields.sampling import marching
from tests.support.inward_rays import composite, looking_inwards

Write = Callable[[dict[str, Any]], Path]
CPU = torch.device("cpu")
CASES = [
    {"kind": "vm", "shading": "MLP_Fea"},
    {"kind": "vm", "shading": "MLP_PE"},
    {"kind": "vm", "shading": "MLP"},
    {"kind": "vm", "shading": "SH", "mask": False},
    {"kind": "vm", "shading": "RGB", "activation": "relu"},
    {"kind": "cp", "shading": "MLP_Fea", "activation": "relu", "mask": False},
    {"kind": "cp", "shading": "SH"},
    {"kind": "cp", "shading": "MLP", "frequencies": (0, 0, 0)},
]


@pytest.fixture
def unmerged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every sample for itself, so that the comparison is exact."""
    monkeypatch.setattr(marching, "MERGED_WEIGHT", 1e-9)
    monkeypatch.setattr(marching, "MERGED_SPAN", 0.0)


@pytest.mark.parametrize("case", CASES, ids=lambda c: "-".join(map(str, c.values())))
@pytest.mark.usefixtures("unmerged")
def test_bounded_render_equals_plain_renderer(case, tables, write_checkpoint, plain_renderer):
    content = tables(**case)
    rays = looking_inwards(200)
    expected, weights, distances = plain_renderer(content).bounded(rays.origins, rays.directions)
    field = load_field(write_checkpoint(content), FieldOptions(), device=CPU)
    samples = field.march(rays, with_color=True)
    image, opacity = composite(field, samples, len(rays))
    assert 0.3 < float(opacity.mean()) < 1
    assert float((image - expected).abs().mean()) < 1e-3
    assert float((opacity - weights.sum(dim=1)).abs().max()) < 0.02
    depth = torch.zeros(len(rays)).index_add_(0, samples.ray_index, samples.weights * samples.depth)
    assert float((depth - (weights * distances).sum(dim=1)).abs().mean()) < 0.01


@pytest.mark.parametrize("case", CASES[:5], ids=lambda c: "-".join(map(str, c.values())))
@pytest.mark.usefixtures("unmerged")
def test_forward_facing_render_equals_plain_renderer(
    case, tables, write_checkpoint, plain_renderer
):
    content = tables(**case, forward_facing=True)
    generator = torch.Generator().manual_seed(5)
    directions = torch.cat(
        [torch.rand(200, 2, generator=generator) * 0.9 - 0.45, -torch.ones(200, 1)], dim=1
    )
    rays = Rays(
        torch.randn(200, 3, generator=generator) * 0.2,
        directions / directions.norm(dim=1, keepdim=True),
    )
    mirror = torch.tensor([-1.0, 1.0, 1.0])
    options = FieldOptions(ndc_focal=1.7, ndc_aspect=1.25)
    expected, weights = plain_renderer(content).forward_facing(
        rays.origins * mirror, rays.directions * mirror, (1.7, 1.7 * 1.25)
    )
    field = load_field(write_checkpoint(content), options, device=CPU)
    assert field.scene == "forward_facing"
    image, opacity = composite(field, field.march(rays, with_color=True), 200)
    assert float(opacity.mean()) > 0.3
    assert float((image - expected).abs().mean()) < 1e-3
    assert float((opacity - weights.sum(dim=1)).abs().max()) < 0.02


@pytest.mark.parametrize("case", CASES, ids=lambda c: "-".join(map(str, c.values())))
def test_density_and_color_at_points(case, tables, write_checkpoint, plain_renderer):
    content = tables(**case)
    plain = plain_renderer(content)
    field = load_field(write_checkpoint(content), FieldOptions(), device=CPU)
    generator = torch.Generator().manual_seed(11)
    grid = torch.rand(300, 3, generator=generator) * 2.4 - 1.2
    points = field.field_from_grid(grid).double()
    live = plain.live(points)
    expected = torch.where(live, plain.density(grid.double()) * 25, 0.0)
    assert 50 < int(live.sum()) < 250
    torch.testing.assert_close(field.density(grid).double(), expected, rtol=1e-3, atol=1e-3)
    directions = torch.nn.functional.normalize(torch.randn(300, 3, generator=generator), dim=1)
    inside = (grid.abs() <= 1).all(dim=1)
    colors = plain.color(grid[inside].double(), directions[inside].double()).clamp(0, 1)
    found = field.color(grid[inside], directions[inside]).double()
    torch.testing.assert_close(found, colors, rtol=1e-3, atol=1e-3)


def test_merging_keeps_the_picture_with_fewer_samples(tables, write_checkpoint, monkeypatch):
    content = tables()
    content["kwargs"]["step_ratio"] = 0.1
    field = load_field(write_checkpoint(content), FieldOptions(), device=CPU)
    rays = looking_inwards(300)
    merged = field.march(rays, with_color=True)
    monkeypatch.setattr(marching, "MERGED_WEIGHT", 1e-9)
    every = field.march(rays, with_color=True)
    assert len(merged.weights) < len(every.weights)
    image, opacity = composite(field, merged, len(rays))
    expected, expected_opacity = composite(field, every, len(rays))
    torch.testing.assert_close(opacity, expected_opacity, rtol=0, atol=1e-5)
    assert float((image - expected).abs().mean()) < 2e-3


def test_samples_are_ordered_and_consistent(tables, write_checkpoint):
    field = load_field(write_checkpoint(tables()), FieldOptions(), device=CPU)
    rays = looking_inwards(300)
    samples = field.march(rays, with_color=False)
    assert samples.rgb is None
    same = samples.ray_index[1:] == samples.ray_index[:-1]
    assert bool((samples.ray_index[1:] >= samples.ray_index[:-1]).all())
    assert bool((samples.depth[1:] > samples.depth[:-1])[same].all())
    assert bool((samples.weights > 0).all())
    places = rays.origins[samples.ray_index]
    places = places + samples.depth[:, None] * rays.directions[samples.ray_index]
    torch.testing.assert_close(field.field_from_grid(samples.points), places, rtol=0, atol=1e-4)


def test_grid_too_large_for_a_volume_is_evaluated_from_its_factors(
    tables, write_checkpoint, monkeypatch
):
    path = write_checkpoint(tables())
    rays = looking_inwards(100)
    dense = load_field(path, FieldOptions(), device=CPU).march(rays, with_color=True)
    monkeypatch.setattr(decomposition, "MAX_DENSE_CELLS", 10)
    field = load_field(path, FieldOptions(), device=CPU)
    assert field._feature.volume is None
    factored = field.march(rays, with_color=True)
    torch.testing.assert_close(factored.weights, dense.weights, rtol=1e-3, atol=1e-5)


def test_camera_closer_than_near_sees_what_is_in_front_of_it(tables, write_checkpoint):
    """The file's near of 1.5 would blank out everything."""
    field = load_field(write_checkpoint(tables(mask=False)), FieldOptions(), device=CPU)
    far_rays = looking_inwards(200, distance=4.0)
    near_rays = looking_inwards(200, distance=1.7)
    inside = Rays(torch.zeros(200, 3), far_rays.directions)
    for rays in (near_rays, inside):
        samples = field.march(rays, with_color=False)
        opacity = torch.zeros(200).index_add_(0, samples.ray_index, samples.weights)
        assert float(opacity.mean()) > 0.3
        assert float(samples.depth.min()) >= 0
        assert float(samples.depth.min()) < 1.4


def test_rays_that_miss_have_no_samples(tables, write_checkpoint):
    field = load_field(write_checkpoint(tables()), FieldOptions(), device=CPU)
    rays = looking_inwards(50)
    away = Rays(rays.origins, -rays.directions)
    samples = field.march(away, with_color=True)
    assert len(samples.weights) == 0
    assert samples.rgb is not None
    assert samples.rgb.shape == (0, 3)


def test_empty_field_renders_background(tables, write_checkpoint):
    content = tables(activation="relu", mask=False)
    for name, value in content["state_dict"].items():
        if name.startswith("density"):
            value.zero_()
    for forward_facing in (False, True):
        scene = "forward_facing" if forward_facing else "bounded"
        field = load_field(write_checkpoint(content), FieldOptions(scene=scene), device=CPU)
        assert len(field.march(looking_inwards(50), with_color=True).weights) == 0
        assert bool(torch.isfinite(field.box).all())
