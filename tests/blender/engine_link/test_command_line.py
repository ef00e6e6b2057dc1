"""``blender -c sa3d`` and the example of a batch."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import bpy
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


def test_the_batch_example_works_through_all(checkpoint: Path, tmp_path: Path) -> None:
    script = (
        "import runpy, sys\n"
        "sys.path.append(sys.argv.pop(1))\n"
        "from sa3d_blender.blender import session\n"
        "fake = sys.argv.pop(1)\n"
        "session.engine_command = lambda python: [sys.executable, fake]\n"
        "runpy.run_path(sys.argv[1], run_name='__main__')\n"
    )
    out, example = tmp_path / "out", ROOT / "docs" / "batch_example.py"
    arguments = ["--", "--out", str(out), str(tmp_path / "missing.th"), str(checkpoint)]
    fake = str(ROOT / "tests" / "fake_engine.py")
    done = subprocess.run(
        [sys.executable, "-c", script, str(ROOT), fake, str(example), *arguments],
        env=os.environ | {"BLENDER_USER_RESOURCES": str(tmp_path / "user")},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "There is no file at" in done.stderr
    assert "faces in" in done.stdout
    blend = out / checkpoint.stem / f"{checkpoint.stem}.blend"
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    assert "object" in {thing.name for thing in bpy.data.objects if thing.type == "MESH"}
