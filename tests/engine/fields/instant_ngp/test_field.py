"""Instant-NGP's snapshots, piece by piece: encoding, networks, packing, steps, cells, cameras.

No snapshot of Instant-NGP's own could be had; everything is compared with plain renderers of the
published layout, and sizes with published ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sa3d_blender.core.cameras import Camera
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.fields import load_field, training_cameras
from sa3d_blender.engine.fields.components.hash_grid import tcnn_rows
from sa3d_blender.engine.fields.instant_ngp.field import InstantNgpField
from sa3d_blender.engine.fields.instant_ngp.networks import grid_shape
from sa3d_blender.engine.fields.instant_ngp.space import LARGEST_STEP, SMALLEST_STEP, Stepping
from sa3d_blender.engine.fields.sampling import marching
from sa3d_blender.engine.rendering.render import render_view
from tests.support.plain_ngp import PlainNgp

CPU = torch.device("cpu")
PUBLISHED_VALUES = {1: 11_681_792, 2: 12_660_928, 4: 12_855_296, 8: 12_940_032, 16: 13_041_664,
                    32: 13_194_816, 64: 13_379_744, 128: 13_647_872}  # fmt: skip
"""Numbers in the hash grid of Instant-NGP's usual configuration by the scene's aabb_scale."""
USUAL = {"otype": "HashGrid", "n_levels": 8, "n_features_per_level": 4, "log2_hashmap_size": 19,
         "base_resolution": 16}  # fmt: skip


@pytest.fixture
def unmerged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step keeps its own colour; those of random tables change from step to step."""
    monkeypatch.setattr(marching, "MERGED_SPAN", 1e-9)


def loaded(path: Path, options: FieldOptions | None = None) -> InstantNgpField:
    """The field in a snapshot."""
    field = load_field(path, options or FieldOptions(), device=CPU)
    assert isinstance(field, InstantNgpField)
    return field


def side_camera(distance: float = 3.0) -> Camera:
    """Looks at the data set's origin from +x, a little askew; 3x3 pixels."""
    matrix = np.eye(4)
    matrix[:3, :3] = [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    matrix[:3, 3] = [distance, 0.2, -0.1]
    return Camera(3, 3, 3.4, 3.2, 1.4, 1.5, matrix)


@pytest.mark.parametrize("aabb_scale", PUBLISHED_VALUES)
def test_grids_have_the_published_sizes(aabb_scale: int) -> None:
    shape = grid_shape(USUAL, float(aabb_scale), Path("snapshot"))
    assert tcnn_rows(shape) * shape.features == PUBLISHED_VALUES[aabb_scale]


def test_steps() -> None:
    """Even, then a 256th of the distance, then as long as the unit cube's diagonal."""
    even, growing = Stepping(0.0), Stepping(1 / 256)
    t = torch.tensor([0.0, 0.1, 0.4, 0.5, 3.0, 20.0, 440.0, 600.0, 5000.0], dtype=torch.float64)
    for stepping in (even, growing):
        torch.testing.assert_close(stepping.distance(stepping.number(t)), t)
    assert (even.distance(even.number(t) + 1) - t).tolist() == pytest.approx([SMALLEST_STEP] * 9)
    steps = growing.distance(growing.number(t) + 1) - t
    expected = [SMALLEST_STEP] * 3 + [0.5 / 256, 3 / 256, 20 / 256, 440 / 256] + [LARGEST_STEP] * 2
    assert steps.tolist() == pytest.approx(expected, rel=1e-3)


@pytest.mark.usefixtures("unmerged")
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"aabb_scale": 4, "seed": 2},
        {"kind": "float", "features": 2},
        {"mitsuba": True, "scale": 0.5, "offset": (0.4, 0.5, 0.7)},
        {"hdr": True, "exposure": -0.5},
        {"exposure": 1.0},
        {"scale": 0.25, "offset": (0.5, 0.6, 0.4), "width": 32},
    ],
)
def test_pictures(tmp_path: Path, changes: dict[str, Any]) -> None:
    plain = PlainNgp(**changes)
    field = loaded(plain.save(tmp_path / "any name.bin"))
    camera = side_camera()
    view = render_view(field, camera)
    image, opacity = plain.render(camera)
    assert 0.05 < opacity.mean() < 0.98
    assert image.reshape(-1, 3).std(axis=0).min() > 0.01
    assert np.abs(view.opacity().numpy() - opacity).max() < 0.02
    assert np.abs(view.image().numpy() - image).max() < 0.02
    assert np.abs(view.image().numpy() - image).mean() < 2e-3


def test_compressed_and_plain_are_the_same(tmp_path: Path) -> None:
    plain = PlainNgp()
    first, second = (loaded(plain.save(tmp_path / name)) for name in ("a.msgpack", "b.ingp"))
    views = [render_view(field, side_camera()).image() for field in (first, second)]
    torch.testing.assert_close(views[0], views[1])


@pytest.mark.parametrize("mitsuba", [False, True])
def test_density_and_color_in_the_data_sets_coordinates(tmp_path: Path, mitsuba: bool) -> None:
    plain = PlainNgp(mitsuba=mitsuba, aabb_scale=2, kind="float")
    field = loaded(plain.save(tmp_path / "s.msgpack"))
    points = torch.tensor([[0.3, -0.2, 0.4], [-0.9, 0.5, 1.2], [0.3, 0.6, -0.4], [2.0, -2.0, 1.9]])
    direction = torch.nn.functional.normalize(torch.tensor([[1.0, 2.0, -0.5]] * 4), dim=1)
    grid = field.grid_from_field(points)
    torch.testing.assert_close(field.field_from_grid(grid), points)
    turned = plain._turn(direction[0].double().numpy())
    found, colors = field.density(grid), field.color(grid, direction)
    occupied = [plain.occupied(plain.to_ngp(p)) for p in points.double().numpy()]
    assert True in occupied
    assert False in occupied
    for i, p in enumerate(points.double().numpy()):
        sigma, rgb = plain.at(plain.to_ngp(p), turned)
        assert float(found[i]) == pytest.approx(occupied[i] * sigma * plain.scale, rel=2e-3)
        np.testing.assert_allclose(colors[i].numpy(), rgb, atol=2e-3)
    assert field.density(torch.tensor([[1.01, 0, 0], [torch.nan, 0, 0]])).tolist() == [0, 0]


@pytest.mark.usefixtures("unmerged")
def test_without_a_density_grid_everything_is_looked_at(tmp_path: Path) -> None:
    plain = PlainNgp(half_full=False, changes={"density_grid_binary": b""})
    field = loaded(plain.save(tmp_path / "s.msgpack"))
    image, _ = plain.render(side_camera())
    assert np.abs(render_view(field, side_camera()).image().numpy() - image).max() < 0.02


def test_options_prevail_over_the_background(tmp_path: Path) -> None:
    path = PlainNgp().save(tmp_path / "s.msgpack")
    assert loaded(path).background.tolist() == pytest.approx([0.2, 0.4, 0.6])
    assert loaded(path, FieldOptions(background="white")).background.tolist() == [1.0] * 3


def test_cameras_inside(tmp_path: Path) -> None:
    """The snapshot's two cameras look at one of its points where the data set's would."""
    plain = PlainNgp(scale=0.5, offset=(0.5, 0.4, 0.3))
    found = training_cameras(plain.save(tmp_path / "s.msgpack"))
    assert found.names == ("images/a.png", "images/b.png")
    camera = found.cameras[0]
    assert (camera.width, camera.height, camera.fl_x, camera.fl_y) == (40, 30, 50.0, 60.0)
    assert (camera.cx, camera.cy) == (20.0, 7.5)
    assert np.linalg.det(camera.field_from_camera[:3, :3]) == pytest.approx(1.0)
    np.testing.assert_allclose(plain.to_ngp(camera.origin), [0.9, 0.5, 0.6])
    # A pixel right of and below the centre, in Instant-NGP's camera: x right, y down, z ahead.
    start = np.array(plain.dataset()["xforms"][0]["start"])
    seen = start[:, 3] + start[:, :3] @ [0.1, 0.2, 2.0]
    field_point = (seen[[2, 0, 1]] - plain.offset) / plain.scale
    np.testing.assert_allclose(
        camera.project(field_point[None])[0], [20 + 50 * 0.05, 7.5 + 60 * 0.1], atol=1e-9
    )
