"""A bad mask in the first picture is put right by a click in a picture from another side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from sa3d_blender.core.cameras import Camera, read_transforms
from sa3d_blender.core.errors import UserError
from sa3d_blender.core.prompted_view import PromptedView
from sa3d_blender.core.prompts import Prompt
from sa3d_blender.core.settings import FieldOptions, SegmentSettings
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.protocol import RadianceField
from sa3d_blender.engine.rendering.render import render_view
from sa3d_blender.engine.run import Run
from sa3d_blender.engine.segmentation import pipeline
from sa3d_blender.engine.segmentation.artist_start import start_objects, whole_view
from sa3d_blender.engine.segmentation.one_view import Segmentation
from sa3d_blender.engine.segmentation.self_prompt import KnownPixels, believed
from sa3d_blender.engine.segmenters import load_segmenter
from sa3d_blender.engine.segmenters.protocol import ImageEmbedding, MaskPrediction
from sa3d_blender.engine.view_path.prepared_views import PreparedViews
from tests.support.ground_truth import Scene, iou, load_scene
from tests.support.perfect_segmenter import PerfectSegmenter

DATA = Path(__file__).parents[2] / "data" / "tabletop"
MUG, FLOOR = 5, 1
SMALL = SegmentSettings(view_size=64, grid_resolution=48)


class Careless(PerfectSegmenter):
    """Takes the floor along in its first picture, unless a click denies it."""

    def answer(self, embedding: ImageEmbedding, prompt: Prompt) -> MaskPrediction:
        """The object under the first positive point, and the floor."""
        answer = super().answer(embedding, prompt)
        if int(embedding.features) == 0 and all(prompt.labels):
            answer.masks[0] |= self._ids[0] == FLOOR
        return answer


@pytest.fixture(scope="module")
def field() -> RadianceField:
    return load_field(DATA / "tabletop.th", FieldOptions(), device=torch.device("cpu"))


@pytest.fixture(scope="module")
def scene() -> Scene:
    return load_scene(DATA / "gt")


@pytest.fixture(scope="module")
def cameras() -> list[Camera]:
    return read_transforms(DATA / "transforms_test.json", size=(200, 200))


def ids(frame: int) -> np.ndarray:
    return np.asarray(np.load(DATA / "gt" / "ids" / f"test_{frame}.npy"))


def deepest(mask: np.ndarray) -> tuple[float, float]:
    """x, y of the pixel farthest from a mask's edge."""
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return float(column) + 0.5, float(row) + 0.5


def prompt_in(frame: int, label: int = 1) -> Prompt:
    """A click on the mug, or on the floor as what is not the mug."""
    point = deepest(ids(frame) == (MUG if label else FLOOR))
    return Prompt("mug", (point,), (label,), refines=frame > 0)


@pytest.fixture
def work(field: RadianceField, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Segmentation:
    segmenter = Careless(scene)
    segmenter.watch(monkeypatch)
    return Segmentation(SMALL, PreparedViews(field, segmenter, Run()))


@pytest.mark.parametrize("label", [1, 0])
def test_the_first_picture_is_asked_again(
    work: Segmentation, cameras: list[Camera], label: int
) -> None:
    pictures = [PromptedView(cameras[k], (prompt_in(k, k == 0 or label),)) for k in (0, 1)]
    (alone,) = start_objects(work, pictures[:1])
    assert (alone.votes.masks[0] & (work.views.segmenter._ids[0] == FLOOR)).any()
    (both,) = start_objects(work, pictures)
    assert set(both.votes.masks) == {whole_view(0), whole_view(1)}
    assert not (both.votes.masks[0] & (work.views.segmenter._ids[0] == FLOOR)).any()


def test_an_object_that_nobody_points_at_is_refused(
    work: Segmentation, cameras: list[Camera]
) -> None:
    denied = Prompt("mug", ((5.0, 5.0),), (0,), refines=True)
    with pytest.raises(UserError, match="click on the object"):
        start_objects(work, [PromptedView(cameras[0], (denied,))])


def test_the_artist_is_believed_where_earlier_views_say_otherwise() -> None:
    rows = np.arange(20)[:, None] + np.zeros((1, 20))
    known = KnownPixels(rows < 10, rows >= 10)
    mask = (rows >= 5) & (rows < 15)
    clicks = Prompt(points=((3.0, 2.0), (3.0, 12.0)), labels=(0, 1))
    trusted = believed(known, mask, clicks)
    assert np.array_equal(trusted.object, (rows >= 5) & (rows < 10))
    assert np.array_equal(trusted.other, rows >= 15)
    agreed = Prompt(points=((3.0, 2.0),), labels=(1,))
    assert np.array_equal(believed(known, mask, agreed).object, known.object)


@pytest.mark.parametrize("label", [0, 1])
def test_points_of_a_second_camera_are_obeyed_in_the_result(
    field: RadianceField,
    scene: Scene,
    cameras: list[Camera],
    monkeypatch: pytest.MonkeyPatch,
    label: int,
) -> None:
    """A part of the mug is denied, or of the floor before it claimed, against all other views."""
    segmenter = PerfectSegmenter(scene)
    segmenter.watch(monkeypatch)
    mug = ids(2) == MUG
    rows = np.nonzero(mug)[0]
    part = mug.copy()
    part[int(np.quantile(rows, 0.3)) :] = False
    if label:
        part = ndimage.binary_dilation(mug, iterations=6) & (ids(2) == FLOOR)
        part[: rows.max() - 2] = False
    x, y = deepest(part)
    points = ((x, y),) if not label else (deepest(mug), (x, y))
    more = Prompt("mug", points, (0,) if not label else (1, 1), refines=True)
    pictures = [PromptedView(cameras[2], (more,))]
    settings = SegmentSettings(views=6, view_size=128, grid_resolution=48)
    click = prompt_in(0)
    (found,), _ = pipeline.segment(field, segmenter, cameras[0], [click], settings, more=pictures)
    mask = found.mask(render_view(field, cameras[2], with_color=False))
    assert bool(mask[int(y), int(x)]) == bool(label)
    assert iou(mask, mug) > 0.8


@pytest.mark.slow
def test_a_click_in_a_second_camera_and_a_bad_box_make_a_good_mug(
    field: RadianceField, cameras: list[Camera]
) -> None:
    too_large = Prompt("mug", box=(34.8, 65.2, 83.2, 104.8))
    segmenter = load_segmenter("bundled", device=torch.device("cpu"))
    settings = SegmentSettings(views=12, view_size=192)
    views = [render_view(field, camera, with_color=False) for camera in cameras]
    figures = []
    for more in ([], [PromptedView(cameras[2], (prompt_in(2),))]):
        (mug,), _ = pipeline.segment(field, segmenter, cameras[0], [too_large], settings, more=more)
        figures.append(np.mean([iou(mug.mask(v), ids(k) == MUG) for k, v in enumerate(views)]))
    assert figures[1] >= max(0.85, figures[0] - 0.01), figures
