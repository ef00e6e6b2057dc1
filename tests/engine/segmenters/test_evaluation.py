"""The figures that segmenters are judged by."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(SCRIPTS), *sys.path])


def block(left: int, side: int = 40) -> np.ndarray:
    mask = np.zeros((200, 200), bool)
    mask[60 : 60 + side, left : left + side] = True
    return mask


def test_boundary_f_forgives_two_pixels_of_283() -> None:
    from segmenter.evaluation.figures import boundary_f

    assert boundary_f(block(50), block(50)) == 1
    assert boundary_f(block(52), block(50)) == 1
    # Moved by 20: the upper and lower sides still match where both are (a half, with 2 more
    # pixels at each end), the left and right ones do not.
    moved = boundary_f(block(70), block(50))
    assert moved == pytest.approx(2 * 22 / 156, abs=0.03)
    assert boundary_f(np.zeros((9, 9), bool), np.zeros((9, 9), bool)) == 1
    assert boundary_f(np.zeros((200, 200), bool), block(50)) == 0


def test_calibration_error_by_hand() -> None:
    from segmenter.evaluation.figures import calibration_error

    assert calibration_error([(0.95, 1.0), (0.95, 0.9)]) == pytest.approx(0)
    assert calibration_error([(0.95, 0.45), (0.15, 0.15)]) == pytest.approx(0.25)


def test_a_flood_finds_a_plain_block() -> None:
    from segmenter.evaluation.baseline import FloodOverSuperpixels
    from segmenter.evaluation.figures import Figures, ask

    image = np.full((200, 200, 3), 230, np.uint8)
    image[block(50)] = (30, 60, 200)
    flood, figures = FloodOverSuperpixels(), Figures()
    ask(flood, flood.embed(image), block(50), figures)
    assert min(figures.rows[0]) > 0.97


def test_coins_are_found() -> None:
    from segmenter.evaluation.shown import coins

    (picture,) = coins()
    masks = picture[2].values()
    assert len(masks) == 24
    assert max(m.sum() for m in masks) < 4 * min(m.sum() for m in masks)
