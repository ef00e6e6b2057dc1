"""Loose blobs, and next to nothing, are doubtful, however much the views agree."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from sa3d_blender.core.cameras import read_transforms
from sa3d_blender.core.prompts import Prompt
from sa3d_blender.core.settings import FieldOptions, MeshSettings, SegmentSettings
from sa3d_blender.engine.commands.session import Session
from sa3d_blender.engine.mask_grids.result import SegmentedObject
from sa3d_blender.engine.segmentation.confidence import Confidence
from sa3d_blender.engine.segmentation.shape_doubt import Shape
from sa3d_blender.engine.segmenters.protocol import ImageEmbedding, MaskPrediction
from tests.support.ground_truth import load_scene
from tests.support.perfect_segmenter import PerfectSegmenter

DATA = Path(__file__).resolve().parents[2] / "data" / "tabletop"
CPU = torch.device("cpu")
SURE = Confidence(12, 12)


def found(*cubes: tuple[int, int]) -> SegmentedObject:
    """An object of cubes, each at a place along the diagonal and with a side in nodes."""
    values = -torch.ones(40, 40, 40)
    for at, side in cubes:
        values[at : at + side, at : at + side, at : at + side] = 1
    one = torch.ones(3)
    return SegmentedObject("thing", -one, one, values, torch.zeros_like(values, dtype=bool), 1.0)


@pytest.mark.parametrize(
    ("cubes", "confidence", "note"),
    [
        ([(5, 20)], 1.0, ""),
        ([(5, 20), (30, 8)], 1.0, ""),
        ([(5, 10), (15, 10)], 1.0, ""),
        ([(2, 8), (14, 8), (26, 8)], 0.333, "'thing' came out as 3 loose pieces; add points in"),
        ([(10, 3)], 1.0, "Next to nothing was found of 'thing'; add points in the view"),
        ([], 0.0, "Next to nothing was found of 'thing'"),
    ],
)
def test_loose_pieces_and_next_to_nothing_are_said(
    cubes: list[tuple[int, int]], confidence: float, note: str
) -> None:
    told = SURE.to_json("thing", Shape.of(found(*cubes)))
    assert told["confidence"] == confidence
    assert told["note"].startswith(note)
    assert bool(told["note"]) == bool(note)
    assert not note or "choose a better segmenter" in told["note"]


class Confused(PerfectSegmenter):
    """Takes two objects that stand apart for one, in every view."""

    def predict(self, embedding: ImageEmbedding, prompts: Sequence[Prompt]) -> list[MaskPrediction]:
        """The donut and the box."""
        answers = super().predict(embedding, prompts)
        for answer in answers:
            answer.masks[0] = np.isin(self._ids[int(embedding.features)], (3, 4))
        return answers


def test_a_run_that_yields_loose_blobs_is_not_sure_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = read_transforms(DATA / "transforms_test.json", size=(200, 200))[0]
    segmenter = Confused(load_scene(DATA / "gt"))
    segmenter.watch(monkeypatch)
    session = Session(CPU)
    monkeypatch.setattr(session, "segmenter", lambda *_: segmenter)
    rows, columns = np.nonzero(np.load(DATA / "gt" / "ids" / "test_0.npy") == 3)
    middle = len(rows) // 2
    prompt = Prompt("all", ((float(columns[middle]), float(rows[middle])),), (1,))
    (told,) = session.segment(
        DATA / "tabletop.th",
        FieldOptions(),
        camera,
        [prompt],
        SegmentSettings(views=5, view_size=64, grid_resolution=40, segmenter="bundled"),
        MeshSettings(resolution=24),
        tmp_path,
    )["objects"]
    assert "loose pieces; add points in the view that agrees least" in told["note"]
    assert told["confidence"] < 2 / 3
    (written,) = json.loads((tmp_path / "report.json").read_text())["objects"]
    assert written["note"] == told["note"]
