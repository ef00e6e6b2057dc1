"""Small NeRFs of all kinds against the slow, plain renderer; guesses; broken files; the cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sa3d_blender.core.cameras import Camera
from sa3d_blender.core.errors import Cancelled, UserError
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.commands.session import Session
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.nerf import baking as nerf_baking
from sa3d_blender.engine.fields.nerf import network as nerf_network
from sa3d_blender.engine.fields.nerf.field import NerfField
from sa3d_blender.engine.rendering.render import render_view
from sa3d_blender.engine.run import Run
from tests.support.plain_nerf import PlainNerf, Tables, make_tables

CPU = torch.device("cpu")
CONFIG = "dataset_type = blender\nwhite_bkgd = True\nN_samples = 24\nN_importance = 32\n"
FORWARD = CONFIG.replace("blender", "llff").replace("white_bkgd = True", "white_bkgd = False")
Save = Callable[..., Path]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder; coarser cells and exact arithmetic, for speed and comparison."""
    monkeypatch.setenv("SA3D_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(nerf_baking, "CELLS", 48)
    monkeypatch.setattr(nerf_network, "bfloat16_is_faster", lambda: False)
    return tmp_path / "cache"


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Writes a checkpoint with the training's settings beside it; any name will do."""

    def write(tables: Tables, config: str | None = CONFIG, file: str = "config.txt") -> Path:
        (tmp_path / "model").mkdir(exist_ok=True)
        path = tmp_path / "model" / "weights.bin"
        torch.save(tables, path)
        if config is not None:
            (path.parent / file).write_text(config)
        return path

    return write


def loaded(path: Path, options: FieldOptions | None = None) -> NerfField:
    """The field in a file."""
    field = load_field(path, options or FieldOptions(), device=CPU)
    assert isinstance(field, NerfField)
    return field


def side_camera(distance: float = 4.0) -> Camera:
    """Looks at the origin from +x, a little askew; 12x10 pixels."""
    matrix = np.eye(4)
    matrix[:3, :3] = [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    matrix[:3, 3] = [distance, 0, 0]
    return Camera(12, 10, 24.0, 22.0, 5.5, 5.0, matrix)


def forward_camera() -> Camera:
    """Looks along -z from near the origin; 12x10 pixels."""
    matrix = np.eye(4)
    matrix[:3, 3] = [0.1, -0.05, 0.2]
    return Camera(12, 10, 14.0, 14.0, 6.0, 5.0, matrix)


def assert_same(field: NerfField, plain: PlainNerf, camera: Camera) -> None:
    """Picture and opacity agree up to the samples that were skipped."""
    view = render_view(field, camera)
    image, opacity, _ = plain.render(camera)
    assert 0.2 < opacity.mean() < 0.999
    assert image.reshape(-1, 3).std(axis=0).min() > 0.01
    assert np.abs(view.opacity().numpy() - opacity).mean() < 4e-3
    assert np.abs(view.image().numpy() - image.clip(0, 1)).mean() < 3e-3


@pytest.mark.parametrize("with_view", [True, False])
def test_bounded_scene(save: Save, with_view: bool) -> None:
    tables = make_tables(with_view=with_view)
    field = loaded(save(tables))
    assert field.scene == "bounded"
    assert field.background.tolist() == [1.0] * 3
    plain = PlainNerf(tables, samples=24, fine_samples=32)
    assert_same(field, plain, side_camera())
    view = render_view(field, side_camera())
    depth = view.render_scalar(view.samples.depth).numpy()
    assert np.abs(depth - plain.render(side_camera())[2]).mean() < 0.03


def test_samples_even_in_disparity(save: Save) -> None:
    tables = make_tables()
    field = loaded(save(tables, CONFIG + "lindisp = True\n"))
    plain = PlainNerf(tables, samples=24, fine_samples=32, lindisp=True)
    assert_same(field, plain, side_camera())
    even_in_depth = PlainNerf(tables, samples=24, fine_samples=32).render(side_camera())[0]
    found = render_view(field, side_camera()).image().numpy()
    assert np.abs(found - even_in_depth).mean() > 6e-3


def test_forward_facing_scene(save: Save) -> None:
    tables = make_tables()
    options = FieldOptions(ndc_focal=1.7, ndc_aspect=1.25)
    field = loaded(save(tables, FORWARD), options)
    assert field.scene == "forward_facing"
    assert field.background.tolist() == [0.0] * 3
    plain = PlainNerf(tables, 0.0, 1.0, 24, 32, background=0.0, ndc_focal=(1.7, 1.7 * 1.25))
    assert_same(field, plain, forward_camera())
    points = torch.tensor([[0.2, 0.1, -2.0], [-0.5, 0.3, -7.0]])
    torch.testing.assert_close(
        field.field_from_grid(field.grid_from_field(points)), points, rtol=1e-3, atol=1e-3
    )


def test_coarse_network_alone(save: Save) -> None:
    tables = make_tables(fine=False)
    field = loaded(save(tables, CONFIG.replace("N_importance = 32", "N_importance = 0")))
    assert_same(field, PlainNerf(tables, samples=24, fine_samples=0), side_camera())


def test_coarse_network_for_both_passes(save: Save) -> None:
    tables = make_tables(fine=False)
    assert_same(loaded(save(tables)), PlainNerf(tables, samples=24, fine_samples=32), side_camera())


def test_without_config_the_usual_is_assumed_and_said(save: Save) -> None:
    tables = make_tables()
    field = loaded(save(tables, None))
    notes = " ".join(field.notes)
    for word in ("config.txt", "Near and far", "bounded", "samples", "Background white"):
        assert word in notes
    assert_same(field, PlainNerf(tables), side_camera())


def test_near_and_far_can_be_written_into_the_config(save: Save) -> None:
    tables = make_tables()
    field = loaded(save(tables, CONFIG + "near = 2.5 # metres\nfar = 5\n", "args.txt"))
    plain = PlainNerf(tables, 2.5, 5.0, 24, 32)
    assert_same(field, plain, side_camera(3.75))


def test_args_prevail_over_config_and_options_over_both(save: Save) -> None:
    path = save(make_tables(), CONFIG)
    (path.parent / "args.txt").write_text("N_samples = 16\nwhite_bkgd = False\n")
    field = loaded(path)
    assert field.info()["samples_per_ray"] == 16 + 32
    assert field.background.tolist() == [0.0] * 3
    assert loaded(path, FieldOptions(background="white")).background.tolist() == [1.0] * 3
    assert loaded(path, FieldOptions(scene="forward_facing")).scene == "forward_facing"


def test_config_of_nonsense_is_passed_over(save: Save) -> None:
    path = save(make_tables(), None)
    (path.parent / "config.txt").write_bytes(bytes(range(256)) * 20 + b"\nN_samples = 1e9\n= 3\n")
    assert loaded(path).info()["samples_per_ray"] == 64 + 128


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pts_linears.0.weight", None),
        ("pts_linears.0.weight", torch.zeros(24, 22)),
        ("pts_linears.0.weight", torch.full((24, 21), torch.nan)),
        ("pts_linears.2.weight", torch.zeros(24, 40)),
        ("pts_linears.3.bias", torch.zeros(3)),
        ("alpha_linear.weight", torch.zeros(2, 24)),
        ("rgb_linear.weight", torch.zeros(4, 12)),
        ("views_linears.0.weight", torch.zeros(12, 20)),
        ("feature_linear.weight", "text"),
    ],
)
def test_weights_that_do_not_fit(save: Save, name: str, value: Any) -> None:
    tables = make_tables()
    for table in ("network_fn_state_dict", "network_fine_state_dict"):
        broken = {**tables, table: {**tables[table], name: value}}
        if value is None:
            del broken[table][name]
        with pytest.raises(UserError) as caught:
            loaded(save(broken))
        assert caught.value.code == "bad_weights"
        assert str(caught.value).endswith(".")


@pytest.mark.parametrize("fine", ["text", [1, 2], {}])
def test_fine_network_that_is_none(save: Save, fine: Any) -> None:
    with pytest.raises(UserError) as caught:
        loaded(save({**make_tables(), "network_fine_state_dict": fine}))
    assert caught.value.code == "bad_weights"


def test_occupied_cells_are_kept_for_the_next_time(
    save: Save, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(make_tables())
    before = render_view(loaded(path), side_camera()).image()
    files = list(cache.rglob("*.*"))
    assert [file.suffix for file in files] == [".npz"]
    with monkeypatch.context() as patch:
        patch.setattr(nerf_baking, "cell_centers", None)
        again = render_view(loaded(path), side_camera()).image()
    torch.testing.assert_close(again, before)
    assert loaded(save(make_tables(filled=0.3))) is not None
    assert len(list(cache.rglob("*.npz"))) == 2


def test_the_first_time_is_told_and_can_be_stopped(save: Save, cache: Path) -> None:
    path, said = save(make_tables()), list[str]()

    def load(**more: Any) -> None:
        run = Run(on_progress=lambda _stage, _n, _total, text: said.append(text), **more)
        Session(CPU).info(path, FieldOptions(), run)

    with pytest.raises(Cancelled):
        load(is_cancelled=lambda: len(said) == 3)
    assert set(said) == {"Preparing it, only this first time"}
    assert not list(cache.rglob("*.npz"))
    load()
    said.clear()
    load()
    assert not said


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no", None])
def test_damaged_cache_is_made_again(save: Save, cache: Path, content: bytes | None) -> None:
    path = save(make_tables())
    before = render_view(loaded(path), side_camera()).image()
    (file,) = cache.rglob("*.npz")
    if content is None:
        np.savez(file, coarse=np.zeros(3, np.uint8), fine=np.array([{}], dtype=object))
    else:
        file.write_bytes(content)
    torch.testing.assert_close(render_view(loaded(path), side_camera()).image(), before)


def test_cache_that_cannot_be_written_is_no_error(
    save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SA3D_CACHE", str(tmp_path / "file" / "cache"))
    assert loaded(save(make_tables())).family == "nerf"


def test_empty_field_is_background(save: Save) -> None:
    tables = make_tables()
    for table in ("network_fn_state_dict", "network_fine_state_dict"):
        tables[table]["alpha_linear.bias"] -= 1e6
    for config in (CONFIG, FORWARD):
        field = loaded(save(tables, config))
        view = render_view(field, side_camera() if config is CONFIG else forward_camera())
        assert len(view.samples.weights) == 0
        assert bool(torch.isfinite(field.box).all())
        assert bool((field.box[1] > field.box[0]).all())


def test_density_and_colour_at_points(save: Save) -> None:
    tables = make_tables()
    field = loaded(save(tables))
    generator = torch.Generator().manual_seed(0)
    grid = torch.rand(400, 3, generator=generator) * 2.2 - 1.1
    directions = torch.nn.functional.normalize(torch.randn(400, 3, generator=generator), dim=1)
    places = field.field_from_grid(grid).double()
    plain = PlainNerf(tables)
    sigma, rgb = plain.network("network_fine_state_dict", places, directions.double())
    inside = (grid.abs() <= 1).all(dim=1)
    expected = torch.where(inside, sigma, 0.0)
    assert float((field.density(grid).double() - expected).abs().mean()) < 0.01
    torch.testing.assert_close(field.color(grid, directions).double(), rgb, rtol=1e-3, atol=1e-3)
