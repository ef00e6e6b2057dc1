"""Files to run on, one finished run for all tests, and commands that must fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.commands import cli, loaded
from tests.support.cli_runs import (
    APE,
    BOX,
    CAMERAS,
    CHECKPOINT,
    CRATE,
    HEAD,
    SCENE,
    Refused,
    segment_command,
    write_prompts,
)
from tests.support.ground_truth import load_scene
from tests.support.perfect_segmenter import PerfectSegmenter
from tests.support.scripted_segmenter import ScriptedSegmenter


@pytest.fixture(scope="session")
def load_once() -> Callable[..., Any]:
    """A loader that reads each intact field once."""
    known: dict[Any, Any] = {}
    load_field = loaded.load_field

    def load(path: Path, options: FieldOptions, **how: Any) -> Any:
        key = (path, path.stat().st_mtime_ns if path.exists() else 0, options)
        if key not in known:
            known[key] = load_field(path, options, **how)
        return known[key]

    return load


@pytest.fixture(autouse=True)
def _scripted(load_once: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """No trained weights, and each intact field is loaded once."""
    monkeypatch.setattr(loaded, "load_field", load_once)
    monkeypatch.setattr(loaded, "load_segmenter", lambda *_args, **_options: ScriptedSegmenter())


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is hard to spell, with everything a run needs."""
    folder = tmp_path_factory.mktemp("run") / "Käse mit 猫"
    folder.mkdir()
    (folder / "模型 ä.th").write_bytes(CHECKPOINT.read_bytes())
    (folder / "Kameras ö.json").write_bytes(CAMERAS.read_bytes())
    write_prompts(folder / "Klicks ü.json", **{CRATE: BOX, APE: HEAD})
    return folder


@pytest.fixture(scope="session")
def segmented(folder: Path, load_once: Callable[..., Any]) -> Path:
    """The folder of a finished run, with exact 2D masks of enough views to tell the objects."""
    out = folder / "Ergebnis ß 结果"
    perfect = PerfectSegmenter(load_scene(SCENE / "gt"))
    with pytest.MonkeyPatch.context() as patch:
        perfect.watch(patch)
        patch.setattr(loaded, "load_field", load_once)
        patch.setattr(loaded, "load_segmenter", lambda *_args, **_options: perfect)
        command = [*segment_command(folder, out), "--views", "8", "--view-size", "64"]
        assert cli.main(command) == 0
    return out


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refused:
    """Runs a command that must fail with one sentence; returns the sentence."""

    def run(*arguments: str | Path, code: int = cli.EXIT_BAD_INPUT) -> str:
        capsys.readouterr()
        assert cli.main([str(argument) for argument in arguments]) == code
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith("sa3d: ")
        assert said.err.endswith(".\n")
        assert said.err.count("\n") == 1, said.err
        return said.err

    return run
