"""Small nerfacto models of every layout against the slow, plain renderer; guesses; broken files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sa3d_blender.core.cameras import Camera
from sa3d_blender.core.errors import UserError
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.nerfacto import baking as nerfacto_baking
from sa3d_blender.engine.fields.nerfacto.field import NerfactoField
from sa3d_blender.engine.meshing.surface_colors import vertex_colors
from sa3d_blender.engine.rendering.render import render_view
from tests.support.plain_nerfacto import LAYOUTS, PlainNerfacto

CPU = torch.device("cpu")
Break = Callable[[dict[str, Any]], None]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, and few cells, all of them occupied."""
    monkeypatch.setenv("SA3D_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(nerfacto_baking, "CELLS", 16)
    monkeypatch.setattr(nerfacto_baking, "PROPOSAL_CELLS", 0)
    monkeypatch.setattr(nerfacto_baking, "EMPTY_ALPHA", 0.0)
    return tmp_path / "cache"


def loaded(path: Path, options: FieldOptions | None = None) -> NerfactoField:
    """The field in a run."""
    field = load_field(path, options or FieldOptions(), device=CPU)
    assert isinstance(field, NerfactoField)
    return field


def side_camera() -> Camera:
    """Looks at the origin from +x, a little askew; 7x6 pixels."""
    matrix = np.eye(4)
    matrix[:3, :3] = [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    matrix[:3, 3] = [1.7, 0.2, -0.1]
    return Camera(7, 6, 8.0, 7.0, 3.2, 3.0, matrix)


def assert_same(field: NerfactoField, plain: PlainNerfacto) -> None:
    """Picture and opacity agree up to the faint samples that were left out."""
    view = render_view(field, side_camera())
    image, opacity = plain.render(side_camera())
    assert image.reshape(-1, 3).std(axis=0).min() > 0.02
    assert np.abs(view.image().numpy() - image.clip(0, 1)).max() < 3e-3
    if plain.background != "last_sample":
        assert 0.15 < opacity.mean() < 0.99
        assert np.abs(view.opacity().numpy() - opacity).max() < 3e-3


@pytest.mark.parametrize(
    "plain",
    [
        PlainNerfacto("torch"),
        PlainNerfacto("tcnn", seed=2, density=0.5),
        PlainNerfacto("tcnn 0.3", seed=1, density=0.1),
        PlainNerfacto("tcnn 0.1", seed=2, density=0.5),
    ],
    ids=LAYOUTS,
)
def test_every_layout(tmp_path: Path, plain: PlainNerfacto) -> None:
    field = loaded(plain.save(tmp_path))
    assert field.info()["backend"] == ("torch" if plain.is_torch else "tiny-cuda-nn")
    assert field.scene == "unbounded"
    assert field.notes == ()
    assert_same(field, plain)


@pytest.mark.parametrize(
    "changes",
    [
        {"background": "last_sample"},
        {"background": "random"},
        {"average": False},
        {"contracted": False},
        {"spacing": "uniform", "far": 6.0},
        {"linear": True},
        {"density": 1.0, "samples": (9, 5, 7)},
    ],
)
def test_every_setting(tmp_path: Path, changes: dict[str, Any]) -> None:
    plain = PlainNerfacto(**changes)
    field = loaded(plain.save(tmp_path))
    assert field.scene == ("bounded" if changes.get("contracted") is False else "unbounded")
    assert_same(field, plain)


def test_folder_config_and_checkpoint_are_the_same_run(tmp_path: Path) -> None:
    plain = PlainNerfacto()
    run = tmp_path / "läuft 走"
    PlainNerfacto(seed=3).save(run, step=5)
    newest = plain.save(run, step=30)
    renamed = run / "settings of mine.txt"
    renamed.write_bytes((run / "config.yml").read_bytes())
    pictures = [
        render_view(loaded(path), side_camera()).image()
        for path in (run, run / "nerfstudio_models", run / "config.yml", renamed, newest)
    ]
    for picture in pictures[1:]:
        torch.testing.assert_close(picture, pictures[0])
    assert np.abs(pictures[0].numpy() - plain.render(side_camera())[0]).max() < 3e-3


def test_options_prevail_over_the_config(tmp_path: Path) -> None:
    path = PlainNerfacto(background="last_sample").save(tmp_path)
    white = loaded(path, FieldOptions(background="white"))
    assert_same(white, PlainNerfacto(background="white"))


def test_without_config_the_usual_is_assumed_and_said(tmp_path: Path) -> None:
    field = loaded(PlainNerfacto(base=16, finest=20).save(tmp_path, config=False))
    notes = " ".join(field.notes)
    assert "config.yml" in notes
    assert "dataparser_transforms.json" in notes
    assert field.info()["samples_per_ray"] == [256, 96, 48]
    assert field.info()["field_from_dataset"] is None


def test_the_way_from_the_data_set_is_known(tmp_path: Path) -> None:
    path = PlainNerfacto().save(tmp_path)
    transform = [[0, 1, 0, 0.5], [-1, 0, 0, 0], [0, 0, 1, -2]]
    (tmp_path / "dataparser_transforms.json").write_text(
        json.dumps({"transform": transform, "scale": 0.5})
    )
    found = np.array(loaded(path).info()["field_from_dataset"])
    np.testing.assert_allclose(found @ [1, 2, 3, 1], [1.25, -0.5, 0.5, 1])


def test_grid_and_field_frames_are_inverse_everywhere(tmp_path: Path) -> None:
    field = loaded(PlainNerfacto().save(tmp_path))
    points = torch.tensor([[0.2, -0.9, 0.5], [3.0, 1.0, -2.0], [-20.0, 50.0, 7.0], [1, 1, 1]])
    grid = field.grid_from_field(points)
    assert float(grid.abs().max()) < 1
    torch.testing.assert_close(field.field_from_grid(grid), points, rtol=1e-3, atol=1e-4)


def test_density_and_color_are_those_of_the_samples(tmp_path: Path) -> None:
    plain = PlainNerfacto()
    field = loaded(plain.save(tmp_path))
    points = torch.tensor([[0.1, 0.3, -0.4], [2.0, -3.0, 0.5]])
    direction = torch.nn.functional.normalize(torch.tensor([[1.0, 2.0, -0.5]] * 2), dim=1)
    grid = field.grid_from_field(points)
    for i in range(2):
        sigma, rgb = plain._field(points[i].double().numpy(), direction[i].double().numpy())
        assert float(field.density(grid)[i]) == pytest.approx(sigma, rel=1e-3)
        np.testing.assert_allclose(field.color(grid, direction)[i].numpy(), rgb, atol=1e-3)
    outside = torch.tensor([[1.5, 0, 0], [torch.nan, 0, 0]])
    assert field.density(outside).tolist() == [0, 0]


def test_a_surface_gets_colours(tmp_path: Path) -> None:
    """Rays of no camera that begin in the air a little above a surface."""
    from sa3d_blender.engine.run import Run

    field = loaded(PlainNerfacto(density=5.0).save(tmp_path))
    vertices = np.float32([[0, 0, 0], [0.1, 0, 0], [0, 0.1, 0], [0, 0, 0.1]])
    faces = np.int32([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    colors = vertex_colors(field, vertices, faces, Run())
    assert colors.shape == (4, 3)
    assert colors.std() > 0


def test_empty_cells_are_skipped_and_remembered(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = PlainNerfacto().save(tmp_path)
    everywhere = loaded(path)
    monkeypatch.setattr(nerfacto_baking, "EMPTY_ALPHA", 0.2)
    skipping = loaded(path)
    views = [render_view(field, side_camera()) for field in (everywhere, skipping)]
    assert 0 < len(views[1].samples.weights) < len(views[0].samples.weights)
    assert len(list(cache.rglob("*.npz"))) == 2
    monkeypatch.setattr(nerfacto_baking, "cell_centers", None)
    again = render_view(loaded(path), side_camera())
    torch.testing.assert_close(again.image(), views[1].image())


def drop(name: str) -> Break:
    """Leaves weights out."""
    return lambda state: state.pop(name)


def put(name: str, value: Any) -> Break:
    """Puts something else in weights' place."""
    return lambda state: state.update({name: value})


@pytest.mark.parametrize(
    ("layout", "damage"),
    [
        ("torch", drop("field.mlp_base.model.0.hash_table")),
        ("torch", put("field.mlp_base.model.0.hash_table", torch.zeros(7, 2))),
        ("torch", put("field.mlp_base.model.0.hash_table", torch.tensor(1.0))),
        ("torch", put("field.mlp_base.model.0.hash_table", "text")),
        ("torch", put("field.mlp_head.layers.0.weight", torch.zeros(16, 3))),
        ("torch", put("field.mlp_head.layers.2.bias", torch.full((3,), torch.nan))),
        ("torch", put("field.num_levels", torch.tensor(10**9))),
        ("torch", put("field.num_levels", torch.zeros(3))),
        ("torch", put("field.log2_hashmap_size", torch.tensor(60))),
        ("torch", put("field.max_res", torch.tensor(-3))),
        ("torch", put("field.aabb", torch.zeros(2, 3))),
        ("torch", drop("proposal_networks.1.mlp_base.1.layers.0.weight")),
        ("torch", put("proposal_networks.7.encoding.hash_table", torch.zeros(2, 2))),
        ("tcnn", drop("field.mlp_head.tcnn_encoding.params")),
        ("tcnn", put("field.mlp_head.tcnn_encoding.params", torch.zeros(1000))),
        ("tcnn", put("field.mlp_base.model.params", torch.zeros(50))),
        ("tcnn", put("field.mlp_base.model.params", torch.zeros(9999))),
        ("tcnn", put("proposal_networks.0.encoding.tcnn_encoding.params", torch.zeros(3, 3))),
        ("tcnn 0.1", drop("proposal_networks.0.mlp_base.params")),
    ],
)
def test_weights_that_do_not_fit(tmp_path: Path, layout: str, damage: Break) -> None:
    plain = PlainNerfacto(layout)
    damage(plain.pipeline)
    with pytest.raises(UserError) as caught:
        loaded(plain.save(tmp_path))
    assert caught.value.code == "bad_weights"
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    "line",
    ["num_nerf_samples_per_ray: 1000000000", "average_init_density: [1]", "max_res: .inf",
     "num_proposal_samples_per_ray: 5", "num_proposal_iterations: 3", "far_plane: -1"],
)  # fmt: skip
def test_settings_out_of_range(tmp_path: Path, line: str) -> None:
    plain = PlainNerfacto("tcnn 0.1")
    path = plain.save(tmp_path)
    name = line.split(":")[0]
    lines = [
        f"    {line}" if kept.strip().startswith(name) else kept
        for kept in plain.config().splitlines()
    ]
    text = "\n".join(kept for kept in lines if "- 12" not in kept and "- 8" not in kept)
    (tmp_path / "config.yml").write_text(text)
    with pytest.raises(UserError) as caught:
        loaded(path)
    assert caught.value.code in ("bad_weights", "not_a_checkpoint")
