"""Some random actions; ``scripts/stress_window.py`` does the same for longer."""

from __future__ import annotations

from tests.gui.stress import Stress, report
from tests.gui.window import Window

SECONDS, SEED = 40.0, 7


def test_blender_lives_through_random_actions(window: Window) -> None:
    stress = Stress(window, SEED)
    assert not stress.go(SECONDS), report(stress, "crashed")
    assert sum(stress.counts.values()) > 5
