"""The views that disagree most are named, and a correction there asks little again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sa3d_blender.core.cameras import Camera, read_transforms
from sa3d_blender.core.errors import UserError
from sa3d_blender.core.prompted_view import PromptedView
from sa3d_blender.core.prompts import Prompt
from sa3d_blender.core.settings import FieldOptions, SegmentSettings
from sa3d_blender.engine.commands.doubtful_views import read_doubtful, tell_what_is_doubtful
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.segmentation import pipeline
from sa3d_blender.engine.segmentation.where_to_help import MOST, disagreeing
from sa3d_blender.engine.segmenters.protocol import ImageEmbedding, MaskPrediction
from sa3d_blender.engine.view_path.view_memory import ViewMemory
from tests.support.ground_truth import load_scene
from tests.support.perfect_segmenter import PerfectSegmenter

DATA = Path(__file__).resolve().parents[2] / "data" / "tabletop"
SETTINGS = SegmentSettings(views=7, view_size=56, grid_resolution=48)
CAMERA = Camera(8, 8, 8.0, 8.0, 4.0, 4.0, np.eye(4)).to_json()


def told(view: int, iou: float, *, reason: str = "", seen: bool = True) -> dict[str, Any]:
    cut = {"accepted": not reason, "iou": iou, "reason": reason, "seen": seen}
    return {"view": view, "camera": CAMERA, "objects": {"a": cut}}


def test_the_worst_views_come_first_and_only_they() -> None:
    views = [told(1, 0.95), told(2, 0.7), told(3, 0.0, reason="hidden", seen=False)]
    views += [told(4, 0.3, reason="it contradicts"), told(5, 0.9, reason="mostly new")]
    found = disagreeing("a", views)
    assert [entry["view"] for entry in found] == [4, 5, 2]
    assert found[0] == {
        "view": 4, "camera": CAMERA, "agreement": 0.3, "reason": "it contradicts"
    }  # fmt: skip
    assert "only in part (IoU 0.70)" in found[2]["reason"]
    assert disagreeing("b", views) == []
    assert len(disagreeing("a", [told(k, 0.1) for k in range(20)])) == MOST


class Counting(PerfectSegmenter):
    """Counts questions; while it is careless, it takes all for the object in the last view."""

    asked = 0
    careless = True

    def answer(self, embedding: ImageEmbedding, prompt: Prompt) -> MaskPrediction:
        self.asked += 1
        answer = super().answer(embedding, prompt)
        if self.careless and int(embedding.features) == SETTINGS.views:
            answer.masks[:] = True
        return answer


@pytest.fixture(scope="module")
def cameras() -> list[Camera]:
    return read_transforms(DATA / "transforms_test.json", size=(200, 200))


def test_a_correction_asks_only_what_it_contradicts(
    cameras: list[Camera], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segmenter = Counting(load_scene(DATA / "gt"))
    segmenter.watch(monkeypatch)
    field = load_field(DATA / "tabletop_cp_sh.th", FieldOptions(), device=torch.device("cpu"))
    memory = ViewMemory()
    box = Prompt("box", ((67.5, 111.5),), (1,))

    def run(*more: PromptedView) -> list[dict[str, Any]]:
        memory.begin("the same")
        segmenter.asked = 0
        return pipeline.segment(
            field, segmenter, cameras[0], [box], SETTINGS, more=more, memory=memory
        )[1]

    views = run()
    asked, embedded = segmenter.asked, len(segmenter.cameras)
    objects = [{"name": "box", "glb": "box.glb"}]
    tell_what_is_doubtful(objects, views, memory.notes, tmp_path)
    (wrong,) = [entry for entry in objects[0]["disagree"] if entry["view"] == SETTINGS.views]
    seen = read_doubtful_of(tmp_path, objects, wrong["view"])
    assert seen["mask"].all()
    assert seen["image"].shape == (56, 56, 3)
    assert seen["image"].std() > 0.05

    # where the box is in the picture that was wrong
    camera = Camera.from_json(wrong["camera"])
    x, y = camera.project(np.array([load_scene(DATA / "gt").meshes["box"][0].mean(axis=0)]))[0]
    click = Prompt("box", ((float(x), float(y)),), (1,), refines=True)
    segmenter.careless = False
    again = run(PromptedView(camera, (click,)))
    assert all(view["objects"]["box"]["iou"] > 0.3 for view in again)
    assert len(segmenter.cameras) == embedded, "the view is cut again as it was"
    assert len(again) == SETTINGS.views, "and counts once"
    assert segmenter.asked <= 0.5 * asked


def read_doubtful_of(folder: Path, objects: list[dict[str, Any]], view: int) -> dict[str, Any]:

    report = folder / "moved" / "report.json"
    report.parent.mkdir()
    (folder / "views").rename(report.parent / "views")
    report.write_text(json.dumps({"objects": objects}), encoding="utf-8")
    with pytest.raises(UserError, match="names no view 77 of 'box'"):
        read_doubtful(report, "box", 77, folder)
    found = read_doubtful(report, "box", view, folder)
    return {name: np.load(found[name]) for name in ("image", "mask")}
