"""Progress on a terminal: one bar at a time, and a new one where a stage comes back."""

from __future__ import annotations

import io
import sys

import pytest

from sa3d_blender.engine.commands.progress_bar import terminal_run


class Terminal(io.StringIO):
    """Keeps what is written."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def test_a_stage_that_comes_back_is_shown_again(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with terminal_run() as run:
        for stage, done in (("surface", 1), ("texture", 2), ("surface", 2)):
            run.progress(stage, done, 2, stage)
    bars = [line.split("\r")[-1] for line in terminal.getvalue().split("\n") if ":" in line]
    assert [bar.partition(":")[0] for bar in bars] == ["surface", "texture", "surface"]
    assert "2/2" in bars[-1]


def test_nothing_is_drawn_into_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(sys, "stderr", file)
    with terminal_run() as run:
        run.progress("surface", 1, 2, "surface")
    assert file.getvalue() == ""
