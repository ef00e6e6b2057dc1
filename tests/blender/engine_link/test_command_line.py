"""``blender -c sa3d`` and the example of a batch."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest
from bl_ext.user_default.sa3d_blender.blender.engine_link import command_line

ROOT = Path(__file__).resolve().parents[3]


def test_blender_knows_the_command() -> None:
    assert len(command_line._handles) == 1


def test_it_is_the_engines_command_with_its_exit_code(capfd: pytest.CaptureFixture[str]) -> None:
    assert command_line.run_command(["--help"]) == 0
    printed = capfd.readouterr().out
    assert "usage: sa3d" in printed
    for name in ("info", "render", "segment", "mask", "mesh"):
        assert name in printed
    assert command_line.run_command(["segment"]) == 2
    assert "required" in capfd.readouterr().err


def test_paths_are_those_of_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = os.environ.get("SA3D_TEST_ENGINE", sys.executable)
    if "SA3D_TEST_ENGINE" not in os.environ and importlib.util.find_spec("torch") is None:
        pytest.skip("no Python with the engine's packages: set SA3D_TEST_ENGINE")
    monkeypatch.setenv("SA3D_ENGINE_PYTHON", engine)
    monkeypatch.chdir(tmp_path)
    given = ["segment", "a.th", "--cameras", "b 猫.json", "--prompts", "c", "--out", "d"]
    assert command_line.run_command(given) == 2
    assert "b 猫.json" in capfd.readouterr().err


def test_an_engine_that_is_missing_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SA3D_ENGINE_PYTHON", "/nowhere/python")
    assert command_line.run_command(["--help"]) == 2
    assert capfd.readouterr().err.startswith("sa3d: There is no Python at /nowhere/python")
