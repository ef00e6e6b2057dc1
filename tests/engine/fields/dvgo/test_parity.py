"""Real DirectVoxGO files: against the authors' renderer and against the format's formulas.

``dvgo_fine_reference.npz`` holds cameras (field frame), pictures, remaining light and mean step
numbers that the authors' own renderer made of ``fine_last.tar``. That file has 23 MB, too much for
the repository: put it at `FINE` (or its path into ``SA3D_DVGO_FINE``) and its tests run. The coarse
model of the same training is here, and is compared with a plain renderer of the same formulas.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from sa3d_blender.core.cameras import Camera, read_transforms
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.files.checkpoint_file import read_checkpoint
from sa3d_blender.engine.fields.protocol import RadianceField
from sa3d_blender.engine.fields.rays import camera_rays
from sa3d_blender.engine.fields.spaces.stepped_rays import box_interval
from sa3d_blender.engine.rendering.render import View, render_view
from tests.support.plain_dvgo import PlainDvgo

DATA = Path(__file__).parents[3] / "data" / "tabletop"
COARSE = DATA / "dvgo_coarse_last.tar"
FINE = Path(os.environ.get("SA3D_DVGO_FINE", DATA / "dvgo_fine_last.tar"))
STEP = 0.5 * 0.02761974185705185
"""Distance of the fine model's samples, as the authors' code printed its voxels' size."""
CPU = torch.device("cpu")


def psnr(image: Tensor, expected: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB for values in [0, 1]."""
    return float(-10 * np.log10(((image.numpy() - expected.astype(np.float32)) ** 2).mean()))


@pytest.fixture(scope="module")
def reference() -> dict[str, np.ndarray]:
    """What the authors' renderer made."""
    with np.load(DATA / "dvgo_fine_reference.npz") as data:
        return dict(data)


@pytest.fixture(scope="module")
def fine() -> RadianceField:
    """The fine model, where it is at hand."""
    if not FINE.exists():
        pytest.skip(f"{FINE} is not there; see this module's description")
    return load_field(FINE, FieldOptions(), device=CPU)


@pytest.fixture(scope="module")
def fine_views(fine: RadianceField, reference: dict[str, np.ndarray]) -> list[View]:
    """The fine model from the reference cameras."""
    focal = float(reference["focal"])
    return [
        render_view(fine, Camera(200, 200, focal, focal, 100, 100, matrix))
        for matrix in reference["field_from_camera"]
    ]


def test_fine_pictures_agree(fine_views: list[View], reference: dict[str, np.ndarray]) -> None:
    for view, expected in zip(fine_views, reference["image"], strict=True):
        assert psnr(view.image(), expected) > 60


def test_fine_opacities_agree(fine_views: list[View], reference: dict[str, np.ndarray]) -> None:
    for view, light in zip(fine_views, reference["transmittance"], strict=True):
        error = (1 - view.opacity() - torch.from_numpy(light.astype(np.float32))).abs()
        assert float(error.max()) < 5e-3


def test_fine_depths_agree(
    fine: RadianceField, fine_views: list[View], reference: dict[str, np.ndarray]
) -> None:
    """The authors' renderer counts steps from where a ray enters the box.

    It drops faint samples' share of the sum, and a ray's last thousandth.
    """
    for view, steps in zip(fine_views, reference["step"], strict=True):
        rays = camera_rays(view.camera, device=CPU)
        entry = box_interval(rays.origins, rays.directions, fine.box)[0]
        samples = view.samples
        found = view.render_scalar((samples.depth - entry[samples.ray_index]) / STEP)
        error = (found - torch.from_numpy(steps.astype(np.float32))).abs()
        assert float(error.quantile(0.99)) < 1
        assert float(error.median()) < 0.1


@pytest.fixture(scope="module")
def coarse() -> RadianceField:
    """The coarse model of the same training."""
    return load_field(COARSE, FieldOptions(), device=CPU)


def test_coarse_model_agrees_with_the_plain_renderer(coarse: RadianceField) -> None:
    plain = PlainDvgo(read_checkpoint(COARSE).data)
    camera = read_transforms(DATA / "transforms_test.json", size=(60, 60))[1]
    view = render_view(coarse, camera)
    rays = camera_rays(camera, device=CPU)
    image, weights, distance = plain.bounded(rays.origins, rays.directions)
    assert psnr(view.image(), image.view(60, 60, 3).numpy()) > 55
    opacity = weights.sum(dim=1)
    solid = opacity > 0.5
    depth = (weights * distance).sum(dim=1)[solid] / opacity[solid]
    error = (view.depth().flatten()[solid] - depth).abs()
    assert float(error.median()) < 1e-3
    assert float(error.quantile(0.99)) < 0.02


def test_coarse_model_shows_the_scene(coarse: RadianceField) -> None:
    """Not the trained-for quality, but the same scene in the same place as the fine model's."""
    with np.load(DATA / "dvgo_fine_reference.npz") as data:
        focal, matrix, image = float(data["focal"]), data["field_from_camera"][0], data["image"][0]
    view = render_view(coarse, Camera(200, 200, focal, focal, 100, 100, matrix))
    assert psnr(view.image(), image) > 22


def test_facts_of_the_coarse_model(coarse: RadianceField) -> None:
    facts = coarse.info()
    assert facts["family"] == "dvgo"
    assert facts["model"] == "DirectVoxGO"
    assert facts["scene"] == "bounded"
    assert facts["grid_size"] == [69, 69, 54]
    assert facts["background"] == [1.0, 1.0, 1.0]
    assert any("voxels per step" in note for note in facts["notes"])
