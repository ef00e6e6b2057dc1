"""How the engine is started, and the sentences about its end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sa3d_blender.core.connection import engine_command as engine_command_module
from sa3d_blender.core.connection.engine_command import (
    ending_sentence,
    engine_command,
    engine_environment,
)

FAKE = Path(__file__).resolve().parents[2] / "fake_engine.py"


def test_the_command_runs_the_package_without_the_callers_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("PYTHONHOME", "/elsewhere")
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    found = engine_environment()
    assert not {"PYTHONPATH", "PYTHONHOME"} & set(found)
    assert found["OMP_WAIT_POLICY"] == "PASSIVE", "its waiting threads leave Blender the cores"
    command = engine_command(sys.executable)
    assert command[0] == sys.executable
    assert command[-1] == "serve"


def test_the_engine_is_this_package_whatever_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Python that runs these tests has an sa3d_blender of its own."""
    package = tmp_path / "Käse 猫" / "sa3d"
    (package / "engine").mkdir(parents=True)
    (package / "__init__.py").write_text("__version__ = 'of the add-on'\n")
    (package / "engine" / "__init__.py").touch()
    (package / "engine" / "__main__.py").write_text(
        "import sys; from .. import __version__; print(__name__, __version__, sys.argv[1:])\n"
    )
    monkeypatch.setattr(engine_command_module, "PACKAGE", package)
    done = subprocess.run(engine_command(sys.executable), capture_output=True, text=True)
    assert done.stdout.split() == ["__main__", "of", "the", "add-on", "['serve']"], done.stderr


@pytest.mark.parametrize(
    ("version", "accepted"),
    [("3, 10", False), ("3, 11", True), ("3, 14", True), ("3, 15", False)],
)
def test_a_python_is_judged_by_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, accepted: bool
) -> None:
    """As every Python cannot be had here, this one says that it is another."""
    (tmp_path / "engine").mkdir()
    for name in ("__init__.py", "engine/__init__.py"):
        (tmp_path / name).touch()
    (tmp_path / "engine" / "__main__.py").write_text("print('runs')")
    monkeypatch.setattr(engine_command_module, "PACKAGE", tmp_path)
    command = engine_command(sys.executable)
    code = command.index("-c") + 1
    command[code] = f"import sys\nsys.version_info = ({version}, 0)\n{command[code]}"
    done = subprocess.run(command, capture_output=True, text=True)
    if accepted:
        assert done.stdout.split() == ["runs"], done.stderr
        return
    said = ending_sentence(done.returncode, done.stderr, asked=False)
    dotted = version.replace(", ", ".")
    assert said.startswith(f"The engine's Python is {dotted}, and 3.11 to 3.14 can run it; choose")


def test_ending_sentences_differ() -> None:
    asked = ending_sentence(0, "", asked=True)
    assert asked == "The engine was stopped."
    assert "memory" in ending_sentence(-9, "", asked=False)
