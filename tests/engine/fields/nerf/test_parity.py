"""Against float pictures that nerf-pytorch's own renderer made of its own checkpoint.

``reference.npz`` holds cameras (field frame), pictures before quantisation and accumulated weights.
The checkpoint is as the training wrote it, without the optimiser's state.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from sa3d_blender.core.cameras import Camera
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.commands.picture_jobs import render_frames
from sa3d_blender.engine.commands.session import Session
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.nerf import baking as nerf_baking
from sa3d_blender.engine.fields.nerf import network as nerf_network
from sa3d_blender.engine.fields.protocol import RadianceField
from sa3d_blender.engine.fields.rays import Rays, camera_rays
from sa3d_blender.engine.rendering.render import View, render_view

DATA = Path(__file__).parents[3] / "data" / "tabletop_nerf"
CHECKPOINT = DATA / "002250.tar"
WINDOW = 80
"""Side of the part of each picture that is compared, in pixels."""
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def reference() -> dict[str, np.ndarray]:
    """What the original renderer made."""
    return dict(np.load(DATA / "reference.npz"))


@pytest.fixture(scope="module", params=["float32", "fast"])
def field(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RadianceField]:
    """The checkpoint, in exact arithmetic and in whatever this processor is fastest in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SA3D_CACHE", str(tmp_path_factory.mktemp("cache")))
        if request.param == "float32":
            patch.setattr(nerf_network, "bfloat16_is_faster", lambda: False)
            patch.setattr(nerf_baking, "CELLS", 64)
        yield load_field(CHECKPOINT, FieldOptions(), device=CPU)


def window_camera(reference: dict[str, np.ndarray], view: int, left: int, top: int) -> Camera:
    """The part of a reference camera's picture from that pixel on.

    NeRF's rays go through a pixel's corner, not its centre: half a pixel is added to the centre.
    """
    focal = float(reference["focal"])
    center = reference["image"].shape[1] / 2 + 0.5
    matrix = reference["field_from_camera"][view]
    return Camera(WINDOW, WINDOW, focal, focal, center - left, center - top, matrix)


def psnr(image: Tensor, expected: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB for values in [0, 1]."""
    return float(-10 * np.log10(((image.numpy() - expected.astype(np.float32)) ** 2).mean()))


@pytest.mark.parametrize(("view", "left", "top"), [(0, 60, 60), (1, 110, 90)])
def test_pictures_agree(
    field: RadianceField, reference: dict[str, np.ndarray], view: int, left: int, top: int
) -> None:
    rendered = render_view(field, window_camera(reference, view, left, top))
    part = np.s_[view, top : top + WINDOW, left : left + WINDOW]
    assert psnr(rendered.image(), reference["image"][part]) > 48
    error = rendered.opacity().numpy() - reference["opacity"][part]
    assert np.abs(error).mean() < 3e-3


def test_scene_is_known_from_the_files_beside_it(field: RadianceField) -> None:
    assert field.scene == "bounded"
    assert field.background.tolist() == [1.0] * 3
    assert field.notes == ()
    facts = field.info()
    assert facts["near_far"] == [2.0, 6.0]
    assert facts["samples_per_ray"] == 64


def test_box_holds_what_is_seen(field: RadianceField, reference: dict[str, np.ndarray]) -> None:
    view = render_view(field, window_camera(reference, 0, 60, 60), with_color=False)
    inside = (view.samples.points.abs() <= 1).all(dim=1)
    mass = view.samples.weights
    assert float((mass * inside).sum() / mass.sum()) > 0.95
    extent = field.box[1] - field.box[0]
    assert float(extent.max()) < 6.0


def moved(reference: dict[str, np.ndarray], distance: float) -> Camera:
    """A small picture of the middle from nearer by."""
    camera = window_camera(reference, 0, 60, 60).resized(30, 30)
    matrix = camera.field_from_camera.copy()
    matrix[:3, 3] += distance * camera.forward
    return Camera(30, 30, camera.fl_x, camera.fl_y, camera.cx, camera.cy, matrix)


def test_camera_closer_than_near_sees_the_same_surface(
    field: RadianceField, reference: dict[str, np.ndarray]
) -> None:
    there = render_view(field, moved(reference, 0.0), with_color=False)
    close = render_view(field, moved(reference, 2.2), with_color=False)
    assert float(close.opacity().mean()) > 0.9
    middle = (15, 15)
    assert float(there.depth()[middle]) - float(close.depth()[middle]) == pytest.approx(
        2.2, abs=0.15
    )


def test_rays_of_no_camera_see_the_same_colours(
    field: RadianceField, reference: dict[str, np.ndarray]
) -> None:
    """The other way of marching: equal steps, whatever the training's samples."""
    camera = moved(reference, 0.0)
    view = render_view(field, camera)
    rays = camera_rays(camera, device=CPU)
    with torch.no_grad():
        samples = field.march(Rays(rays.origins, rays.directions), with_color=True)
    image = View(camera, samples, field.background).image()
    assert psnr(image, view.image().numpy()) > 30


def test_camera_files_are_rendered_like_the_training_did(
    reference: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SA3D_CACHE", str(tmp_path))
    monkeypatch.setattr(nerf_baking, "CELLS", 64)
    shifted = window_camera(reference, 1, 110, 90)
    camera = replace(shifted, cx=shifted.cx - 0.5, cy=shifted.cy - 0.5)
    session = Session(CPU)
    render_frames(session, CHECKPOINT, FieldOptions(), {7: camera}, tmp_path, floats=True)
    part = np.s_[1, 90 : 90 + WINDOW, 110 : 110 + WINDOW]
    assert psnr(torch.from_numpy(np.load(tmp_path / "7.npy")), reference["image"][part]) > 48
