"""The sky of an unbounded scene is seen, but nothing to cut out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sa3d_blender.core.cameras import Camera
from sa3d_blender.core.errors import UserError
from sa3d_blender.core.prompts import Prompt
from sa3d_blender.core.settings import FieldOptions, SegmentSettings
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.protocol import RadianceField
from sa3d_blender.engine.segmentation.empty_space import check_on_something
from sa3d_blender.engine.segmentation.pipeline import segment
from sa3d_blender.engine.view_path.views import Target, framing_camera
from tests.support.fitted_fields import SOLID, Ball, nerfacto_ball
from tests.support.scripted_segmenter import ScriptedSegmenter

SKY, CORNER = 60.0, (2.0, 2.0)


class BallUnderSky(Ball):
    """A ball in a hollow, wide sphere."""

    def features(self, points: np.ndarray, unit: float) -> np.ndarray:
        """As a ball's; solid where the sky begins."""
        found = super().features(points, unit)
        found[np.linalg.norm(points, axis=1) > SKY, 0] = SOLID
        return found


@pytest.fixture
def field(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RadianceField:
    monkeypatch.setenv("SA3D_CACHE", str(tmp_path / "cache"))
    ball = BallUnderSky(np.zeros(3), 0.5)
    return load_field(
        nerfacto_ball(tmp_path / "run", ball), FieldOptions(), device=torch.device("cpu")
    )


@pytest.fixture
def camera() -> Camera:
    target = Target(np.zeros(3), 0.6)
    return framing_camera(np.array([0.3, -3.0, 0.4]), target, np.array([0.0, 0.0, 1.0]), 40)


def test_a_click_on_the_sky_is_told(field: RadianceField, camera: Camera) -> None:
    segmenter = ScriptedSegmenter()
    ball = Prompt("ball", ((20.0, 20.0),), (1,))
    check_on_something(field, camera, [ball])
    not_sky = Prompt("ball", ((20.0, 20.0), CORNER), (1, 0))
    check_on_something(field, camera, [not_sky])
    sky = Prompt("cloud", (CORNER,), (1,))
    with pytest.raises(UserError, match="'cloud' lies on the sky or the far background") as caught:
        check_on_something(field, camera, [sky])
    assert caught.value.code == "empty_background"
    with pytest.raises(UserError, match="'cloud' lies on the sky"):
        segment(field, segmenter, camera, [sky], SegmentSettings(views=4, view_size=32))
