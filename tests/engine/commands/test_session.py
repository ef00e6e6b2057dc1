"""A loaded field is kept until one of its files changes."""

from __future__ import annotations

import json
import shutil
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch

from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.commands import loaded
from sa3d_blender.engine.commands.session import Session
from tests.support.engine_jobs import camera
from tests.support.fitted_fields import Ball, nerfacto_ball, plenoxels_balls
from tests.support.scripted_segmenter import ScriptedSegmenter

BALL = Ball(np.array([0.2, 0.1, -0.1]), 0.5)


def test_arguments_that_appear_beside_a_checkpoint_are_noticed(tmp_path: Path) -> None:
    session = Session(torch.device("cpu"))
    path = plenoxels_balls(tmp_path / "ckpt.npz", [BALL], side=16)
    first = session.field(path, FieldOptions())
    assert session.field(path, FieldOptions()) is first
    (tmp_path / "args.json").write_text(json.dumps({"background_brightness": 0.25}))
    changed = session.field(path, FieldOptions())
    assert changed is not first
    assert changed.background.tolist() == [0.25] * 3
    assert session.field(path, FieldOptions(background="black")) is not changed


@pytest.mark.parametrize("chosen", ["", "nerfstudio_models/step-9.ckpt"])
def test_changes_in_a_runs_folder_are_noticed(
    chosen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SA3D_CACHE", str(tmp_path / "cache"))
    session = Session(torch.device("cpu"))
    folder = nerfacto_ball(tmp_path / "run", BALL, side=16)
    first = session.field(folder / chosen, FieldOptions())
    assert session.field(folder / chosen, FieldOptions()) is first
    moved = {"transform": np.eye(4)[:3].tolist(), "scale": 0.5}
    (folder / "dataparser_transforms.json").write_text(json.dumps(moved))
    second = session.field(folder / chosen, FieldOptions())
    assert second.info()["field_from_dataset"][0][0] == 0.5
    models = folder / "nerfstudio_models"
    shutil.copy(models / "step-9.ckpt", models / "step-10.ckpt")
    newest = session.field(folder / chosen, FieldOptions())
    assert (newest is second) == chosen.endswith(".ckpt")


def test_automatic_is_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, Path | None]] = []

    def load(name: str, *, weights: Path | None, device: torch.device) -> ScriptedSegmenter:
        asked.append((name, weights))
        return ScriptedSegmenter()

    monkeypatch.setattr(loaded, "load_segmenter", load)
    kept = Session(torch.device("cpu"))
    path = plenoxels_balls(tmp_path / "ckpt.npz", [BALL], side=16)
    for there in ({"mobile_sam": "/w/m.pt", "vit_h": "/w/h.pth"}, {}):
        chosen = ("automatic", None)
        kept.predict(path, FieldOptions(), camera(16), [], chosen, downloaded=there)
    assert asked == [("mobile_sam", Path("/w/m.pt")), ("bundled", None)]


def test_a_segmenter_makes_room_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaded, "load_segmenter", lambda *_args, **_options: ScriptedSegmenter())
    kept = Session(torch.device("cpu"))
    small = kept.segmenter("bundled", None)
    assert kept.segmenter("bundled", None) is small
    forgotten = weakref.ref(small)
    del small
    kept.segmenter("vit_h", "sam_vit_h.pth")
    assert forgotten() is None
