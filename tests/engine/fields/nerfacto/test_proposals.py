"""Nerfacto's coarse proposal networks as volumes: the same pictures, made once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.nerfacto import baking as nerfacto_baking
from sa3d_blender.engine.fields.nerfacto.baking import ProposalVolume
from sa3d_blender.engine.fields.protocol import RadianceField
from sa3d_blender.engine.rendering.render import render_view
from sa3d_blender.engine.view_path.views import Target, framing_camera
from tests.support.fitted_fields import Ball, nerfacto_ball

BALL = Ball(np.array([0.2, 0.3, -0.1]), 0.6)
SIDE = 32


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SA3D_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(nerfacto_baking, "CELLS", 32)
    monkeypatch.setattr(nerfacto_baking, "PROPOSAL_CELLS", 40)
    return tmp_path / "cache"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return nerfacto_ball(tmp_path / "run", BALL, side=SIDE)


def picture(run: Path) -> torch.Tensor:
    field: RadianceField = load_field(run, FieldOptions(), device=torch.device("cpu"))
    target = Target(BALL.center, BALL.radius)
    camera = framing_camera(np.array([1.5, -3.0, 1.2]), target, np.array([0.0, 0.0, 1.0]), 24)
    return render_view(field, camera).image()


def test_pictures_stay_the_same(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up = picture(run)
    monkeypatch.setattr(nerfacto_baking, "PROPOSAL_CELLS", SIDE // 2)  # too few: asked itself
    asked = picture(run)
    assert float(asked.std()) > 0.1
    assert float((looked_up - asked).square().mean()) < 1e-4  # 40 dB


def test_made_once_and_again_when_damaged(
    run: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = picture(run)
    files = list(cache.rglob("*.npz"))
    assert len(files) == 2  # the field's cells and the proposals
    with monkeypatch.context() as patch:
        patch.setattr(nerfacto_baking, "cell_centers", None)
        torch.testing.assert_close(picture(run), first, rtol=0, atol=5e-3)  # half precision
    for file in files:
        file.write_bytes(b"damaged")
    torch.testing.assert_close(picture(run), first, rtol=0, atol=5e-3)


def test_a_volume_has_nothing_outside_the_grid() -> None:
    volume = ProposalVolume(torch.zeros(8, 8, 8))
    points = torch.tensor([[0.0, 0.0, 0.0], [0.99, -0.99, 0.5], [1.1, 0.0, 0.0], [torch.nan] * 3])
    assert volume(points).tolist() == [1.0, 1.0, 0.0, 0.0]
