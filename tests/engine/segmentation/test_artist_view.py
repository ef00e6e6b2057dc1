"""What the artist sees as a mask is what a run begins with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sa3d_blender.core.cameras import Camera, read_transforms
from sa3d_blender.core.errors import UserError
from sa3d_blender.core.prompts import Prompt
from sa3d_blender.core.settings import FieldOptions, SegmentSettings
from sa3d_blender.engine.commands.session import Session
from sa3d_blender.engine.run import Run
from sa3d_blender.engine.segmentation.artist_view import artist_camera
from sa3d_blender.engine.segmentation.one_view import Segmentation
from sa3d_blender.engine.view_path import prepared_views
from sa3d_blender.engine.view_path.prepared_views import PreparedViews
from tests.support.scripted_segmenter import ScriptedSegmenter

SCENE = Path(__file__).resolve().parents[2] / "data" / "tabletop"
CHECKPOINT = SCENE / "tabletop_cp_sh.th"
SETTINGS = SegmentSettings(view_size=48)


@pytest.mark.parametrize("candidate", [0, 1, 2])
def test_a_run_begins_with_the_mask_that_was_shown(
    candidate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    segmenter = ScriptedSegmenter()
    monkeypatch.setattr(Session, "segmenter", lambda *_: segmenter)
    session = Session(torch.device("cpu"))
    camera = read_transforms(SCENE / "transforms_test.json", size=(200, 200))[0]
    prompt = Prompt("box", ((67.5, 111.5),), (1,), candidate=candidate)
    shown = session.predict(
        CHECKPOINT, FieldOptions(), camera, [prompt], ("bundled", None), view_size=48
    )[0]
    views = PreparedViews(session.field(CHECKPOINT, FieldOptions()), segmenter, Run())
    views.add(0, artist_camera(camera, SETTINGS.view_size))
    first = Segmentation(SETTINGS, views).cut_first(camera, prompt)
    assert np.array_equal(first, shown.masks[candidate])
    others = [Segmentation(SETTINGS, views).cut_first(camera, replace(prompt, candidate=k))
              for k in range(3) if k != candidate]  # fmt: skip
    assert all(not np.array_equal(first, other) for other in others)


def test_a_click_on_nothing_is_told_before_the_picture_is_rendered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However slow the NeRF and the segmenter are: a few rays tell."""
    rendered: list[Camera] = []
    note = lambda _field, camera, **_: rendered.append(camera)  # noqa: E731
    monkeypatch.setattr(prepared_views, "render_view", note)
    camera = read_transforms(SCENE / "transforms_test.json", size=(200, 200))[0]
    for prompt in (Prompt("x", ((3.0, 3.0),), (1,)), Prompt("x", box=(1, 1, 9, 9))):
        with pytest.raises(UserError, match="of 'x' lies on empty background"):
            Session(torch.device("cpu")).predict(
                CHECKPOINT, FieldOptions(), camera, [prompt], ("bundled", None), view_size=48
            )
    assert not rendered
