"""Hazy fields: votes repeated until the rendered masks agree, and what is shown through haze."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import trimesh

from sa3d_blender.core.cameras import Camera
from sa3d_blender.core.errors import Cancelled
from sa3d_blender.core.prompts import ObjectPrompt
from sa3d_blender.core.settings import SegmentSettings
from sa3d_blender.engine.rendering.rays import Samples
from sa3d_blender.engine.rendering.render import View, render_view
from sa3d_blender.engine.segmentation import haze, pipeline
from sa3d_blender.engine.segmentation.haze import fitted_share, sharpened, shown
from sa3d_blender.engine.segmentation.mask_grid import MaskGrid
from sa3d_blender.engine.view_path.views import Target, framing_camera
from tests.support.ground_truth import Scene, id_picture, iou
from tests.support.made_up_fields import HazyBalls
from tests.support.perfect_segmenter import PerfectSegmenter

FRONT, BACK = (-1.0, -1.0, -1.0), (1.0, 1.0, 1.0)
"""Two nodes of a grid of eight."""


def view_of(*rays: list[tuple[tuple[float, float, float], float]]) -> View:
    """A picture of one row: each pixel's samples as place and weight."""
    numbered = [(number, *sample) for number, ray in enumerate(rays) for sample in ray]
    number, places, weights = zip(*numbered, strict=True)
    samples = Samples(
        torch.tensor(number),
        torch.tensor(places),
        torch.tensor(weights),
        torch.arange(float(len(numbered))),
        None,
    )
    camera = Camera(len(rays), 1, 1.0, 1.0, len(rays) / 2, 0.5, np.eye(4))
    return View(camera, samples, torch.ones(3))


def cube() -> MaskGrid:
    """The grid of eight nodes."""
    return MaskGrid.empty(-torch.ones(3), torch.ones(3), (2, 2, 2))


HAZE_BEFORE_OBJECT = view_of([(FRONT, 0.5), (BACK, 0.5)], [(FRONT, 1.0)])


def test_twice_the_density() -> None:
    view = sharpened(view_of([(FRONT, 0.5), (BACK, 0.25)], [(BACK, 0.2)]))
    # passed on: 1, 1/2, 1/4 become 1, 1/4, 1/16; 0.8 becomes 0.64
    assert view.samples.weights.tolist() == pytest.approx([0.75, 0.1875, 0.36])


def test_the_fit_tells_haze_from_what_is_behind_it() -> None:
    mask = np.array([[True, False]])
    found = fitted_share(cube(), [(HAZE_BEFORE_OBJECT, mask)])
    # least squares of 3/4 front + 1/4 back = 1 and front = 0, back at most 1: front 9/25
    assert float(found[1, 1, 1]) == pytest.approx(1.0, abs=0.01)
    assert float(found[0, 0, 0]) == pytest.approx(2 * 9 / 25 - 1, abs=0.01)
    assert found.count_nonzero() == 2  # nobody looked at the other six


def test_many_samples_are_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    view = view_of(*[[(BACK, 1.0)]] * 100)
    monkeypatch.setattr(haze, "MOST_SAMPLES", 20)
    lengths = []
    original = haze.ray_sums

    def ray_sums(samples: Samples, values: torch.Tensor, rays: int) -> torch.Tensor:
        lengths.append(len(samples.weights))
        return original(samples, values, rays)

    monkeypatch.setattr(haze, "ray_sums", ray_sums)
    found = fitted_share(cube(), [(view, np.ones((1, 100), bool))])
    assert max(lengths) < 40
    assert float(found[1, 1, 1]) == pytest.approx(1.0)


def test_the_fit_can_be_cancelled() -> None:
    def check() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        fitted_share(cube(), [(HAZE_BEFORE_OBJECT, np.array([[True, False]]))], check)


def test_a_pixel_shows_what_more_than_half_of_its_light_is() -> None:
    view = view_of([(FRONT, 0.4), (BACK, 0.4)], [(FRONT, 0.2), (BACK, 0.6)], [(BACK, 0.2)])
    # front over all: 0.64 of 0.96; 0.36 of 0.96; the last is nearly empty
    values = torch.tensor([1.0, 0.0, 1.0, 0.0, 1.0])
    assert shown(values, view).tolist() == [[True, False, False]]


@pytest.fixture
def perfect(monkeypatch: pytest.MonkeyPatch) -> PerfectSegmenter:
    """Cuts the balls as if they were solid."""
    meshes = {}
    for name, center in zip(("left", "right"), HazyBalls.centers.numpy(), strict=True):
        ball = trimesh.creation.icosphere(subdivisions=3, radius=HazyBalls.radius)
        meshes[name] = (ball.vertices + center, ball.faces)
    segmenter = PerfectSegmenter(Scene({"left": 1, "right": 2}, meshes))
    segmenter.watch(monkeypatch)
    return segmenter


def looking(x: float, y: float, z: float) -> Camera:
    """From there to the middle."""
    target = Target(np.zeros(3), 0.75)
    return framing_camera(np.array([x, y, z]), target, np.array([0.0, 0.0, 1.0]), 64)


def test_masks_through_haze(perfect: PerfectSegmenter) -> None:
    field, first = HazyBalls(), looking(0.3, -2.5, 0.8)
    prompts = []
    for name, center in zip(("left", "right"), field.centers.numpy(), strict=True):
        x, y = first.project(center[None].astype(float))[0]
        prompts.append(ObjectPrompt(name, ((float(x), float(y)),), (1,)))
    settings = SegmentSettings(views=8, view_size=64, grid_resolution=48)
    found, _ = pipeline.segment(field, perfect, first, prompts, settings)
    agreed = []
    for camera in (looking(2.2, 1.0, 0.5), looking(-2.3, 0.7, 0.4), looking(0.2, 2.5, 1.2)):
        ids, view = id_picture(perfect.scene, camera), render_view(field, camera, with_color=False)
        for number, entry in enumerate(found, start=1):
            assert entry.hazy
            agreed.append(iou(entry.mask(view), ids == number))
    assert np.mean(agreed) > 0.92  # one vote per view: 0.82
