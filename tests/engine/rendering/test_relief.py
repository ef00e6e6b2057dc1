"""Relief: normals of planes by hand, whatever the lens; empty pixels; the segmenter's use of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sa3d_blender.core.cameras import Camera
from sa3d_blender.engine.fields.rays import Samples
from sa3d_blender.engine.rendering.relief import CHANNELS, Relief
from sa3d_blender.engine.rendering.render import View
from tests.support.small_segmenter import small_segmenter


def plane(normal: np.ndarray, focal: float, center: tuple[float, float]) -> Relief:
    """The plane through (0, 0, 4), normal in x right, y down, z away."""
    rows, columns = np.mgrid[0:40, 0:60] + 0.5
    rays = np.stack([(columns - center[0]) / focal, (rows - center[1]) / focal, np.ones((40, 60))])
    depth = 4 * normal[2] / np.tensordot(normal, rays, 1)
    return Relief((1 / depth).astype(np.float32), (focal, focal), center)


@pytest.mark.parametrize("focal", [50.0, 90.0])
@pytest.mark.parametrize("tilt", [(0.0, 0.0, -1.0), (0.3, -0.4, -0.8), (-0.5, 0.1, -0.7)])
def test_normal_of_a_plane_at_every_pixel(focal: float, tilt: tuple[float, float, float]) -> None:
    normal = np.array(tilt) / np.linalg.norm(tilt)
    channels = plane(normal, focal, (27.0, 22.0)).channels()
    inner = channels[:3, 6:-6, 6:-6].reshape(3, -1)
    assert np.abs(inner - normal[:, None]).max() < 1e-3
    assert (channels[4] == 1).all()


def test_relative_depth_is_log2_around_the_median() -> None:
    nearness = np.full((20, 30), 0.25, np.float32)
    nearness[:5] = 0.5
    nearness[-5:] = 0
    channels = Relief(nearness, (30.0, 30.0), (15.0, 10.0)).channels()
    assert channels[3, 2, 15] == pytest.approx(1.0)
    assert channels[3, 10, 15] == pytest.approx(0.0)
    assert not channels[:, -5:].any()


def test_nothing_seen_is_all_zero() -> None:
    channels = Relief(np.zeros((8, 9), np.float32), (9.0, 9.0), (4.5, 4.0)).channels()
    assert channels.shape == (CHANNELS, 8, 9)
    assert not channels.any()


def test_resizing_keeps_the_normals() -> None:
    normal = np.array([0.3, -0.4, -0.8]) / np.linalg.norm([0.3, -0.4, -0.8])
    channels = plane(normal, 70.0, (27.0, 22.0)).resized(80, 120).channels()
    inner = channels[:3, 12:-12, 12:-12].reshape(3, -1)
    assert np.abs(inner - normal[:, None]).max() < 0.02


def test_a_view_tells_depth_along_its_direction() -> None:
    camera = Camera(3, 2, 2.0, 2.0, 1.5, 1.0, np.eye(4))
    samples = Samples(
        ray_index=torch.tensor([0, 1, 2]),
        points=torch.zeros(3, 3),
        weights=torch.tensor([0.9, 0.8, 0.3]),
        depth=torch.tensor([3.0, 2.0, 2.0]),
        rgb=None,
    )
    relief = View(camera, samples, torch.ones(3)).relief()
    assert relief is not None
    length = np.sqrt(1 + (1.0 / 2) ** 2 + (0.5 / 2) ** 2)  # of pixel 0's ray, per unit of depth
    assert relief.nearness[0, 0] == pytest.approx(length / 3)
    assert relief.nearness[0, 2] == 0  # less than half covered
    assert (relief.nearness[1] == 0).all()
    assert (relief.focal, relief.center) == ((2.0, 2.0), (1.5, 1.0))


@pytest.mark.parametrize(
    ("spread", "weight", "clear"), [(0.01, 0.3, True), (0.2, 0.3, False), (0.01, 0.03, False)]
)
def test_haze_and_empty_space_have_no_relief(spread: float, weight: float, clear: bool) -> None:
    depth, weights = 2 + spread * torch.tensor([0.0, 0.5, 1.0]), torch.full((3,), weight)
    samples = Samples(torch.zeros(3, dtype=torch.long), torch.zeros(3, 3), weights, depth, None)
    camera = Camera(1, 1, 1.0, 1.0, 0.5, 0.5, np.eye(4))
    assert (View(camera, samples, torch.ones(3)).relief() is not None) == clear


def test_the_bundled_model_reads_relief_and_does_without() -> None:
    model = small_segmenter()
    torch.nn.init.normal_(model.image_encoder.join.weight, std=0.1)
    segmenter = model.as_segmenter(torch.device("cpu"))
    image = np.full((40, 60, 3), 128, np.uint8)
    tilted = plane(np.array([0.6, 0.0, -0.8]), 60.0, (30.0, 20.0))
    nothing = Relief(np.zeros((40, 60), np.float32), (60.0, 60.0), (30.0, 20.0))
    without = segmenter.embed(image).features
    assert torch.equal(segmenter.embed(image, nothing).features, without)
    assert not torch.allclose(segmenter.embed(image, tilted).features, without)
