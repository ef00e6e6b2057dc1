"""A GPU gives what the CPU gives: pictures, votes, masks. ``pytest tests/engine -m cuda``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sa3d_blender.core.cameras import Camera, read_transforms
from sa3d_blender.core.prompts import Prompt
from sa3d_blender.core.settings import FieldOptions, SegmentSettings
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.protocol import RadianceField
from sa3d_blender.engine.rendering.render import View, render_picture, render_view
from sa3d_blender.engine.rendering.surface_points import surface_points
from sa3d_blender.engine.segmentation.object_votes import ObjectVotes
from sa3d_blender.engine.segmenters import load_segmenter
from sa3d_blender.engine.view_path.views import target_of_points
from tests.support.ground_truth import iou

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU for CUDA"),
]
TABLETOP = Path(__file__).parents[1] / "data" / "tabletop"
CPU, CUDA = torch.device("cpu"), torch.device("cuda")
ANIMAL = Prompt("animal", ((111.5, 82.5),), (1,))
SETTINGS = SegmentSettings(view_size=200, grid_resolution=64)


@pytest.fixture(scope="module")
def camera() -> Camera:
    return read_transforms(TABLETOP / "transforms_test.json", size=(200, 200))[0]


@pytest.fixture(scope="module")
def fields() -> tuple[RadianceField, RadianceField]:
    """On the CPU and on the GPU."""
    path = TABLETOP / "tabletop.th"
    on_cpu, on_gpu = (load_field(path, FieldOptions(), device=device) for device in (CPU, CUDA))
    return on_cpu, on_gpu


def cut(picture: np.ndarray, device: torch.device) -> np.ndarray:
    """The bundled segmenter's masks of the animal."""
    segmenter = load_segmenter("bundled", device=device)
    (answer,) = segmenter.predict(segmenter.embed(picture), [ANIMAL])
    return answer.masks


def picture_of(view: View) -> np.ndarray:
    return (view.image() * 255).byte().cpu().numpy()


def test_a_picture_is_the_cpus(fields: tuple[RadianceField, RadianceField], camera: Camera) -> None:
    on_cpu, on_gpu = (render_picture(field, camera) for field in fields)
    assert on_gpu.image.device.type == CUDA.type
    error = (on_gpu.image.cpu() - on_cpu.image).square().mean()
    assert -10 * torch.log10(error) > 60
    depths = (on_gpu.depth.cpu() - on_cpu.depth).abs()
    assert depths.median() < 1e-4


def test_a_mask_is_the_cpus(fields: tuple[RadianceField, RadianceField], camera: Camera) -> None:
    picture = picture_of(render_view(fields[0], camera))
    on_cpu, on_gpu = cut(picture, CPU), cut(picture, CUDA)
    assert on_cpu[0].any()
    assert iou(on_gpu[0], on_cpu[0]) > 0.98


def test_votes_are_the_cpus(fields: tuple[RadianceField, RadianceField], camera: Camera) -> None:
    views = [render_view(field, camera) for field in fields]
    mask = cut(picture_of(views[0]), CPU)[0]
    target = target_of_points(surface_points(fields[0], views[0], mask), camera)
    shares, known = [], []
    for field, view in zip(fields, views, strict=True):
        votes = ObjectVotes.start(ANIMAL, SETTINGS, field, target)
        votes.vote(0, view, mask)
        shares.append(votes.grid.share(SETTINGS.negative_weight).cpu())
        known.append(votes.known(view).object)
    assert (shares[0] > 0).any()
    assert ((shares[0] > 0) == (shares[1] > 0)).float().mean() > 0.999
    assert iou(known[1], known[0]) > 0.98
