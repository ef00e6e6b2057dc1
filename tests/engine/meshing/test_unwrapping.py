"""Unwrapping can be stopped at any moment, and nothing of it outlives the engine."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sa3d_blender.core.array_file import save_arrays
from sa3d_blender.core.errors import Cancelled, UserError
from sa3d_blender.engine.meshing import unwrap_process
from sa3d_blender.engine.meshing.unwrapping import unwrap
from sa3d_blender.engine.run import Run
from tests.support.waiting import until

VERTICES = np.float32([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]])
FACES = np.int32([[0, 1, 2], [1, 3, 2]])
ENDLESS = """
import os, pathlib, time
mark = pathlib.Path(__file__).with_name("worker")
mark.with_suffix(".part").write_text(str(os.getpid()))
mark.with_suffix(".part").rename(mark)
while True:
    time.sleep(60)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    folder = tmp_path / "Käse 猫"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts code in xatlas's place in new processes; returns the file ``worker`` beside it."""

    def put(code: str) -> Path:
        folder = tmp_path / "packages"
        folder.mkdir()
        (folder / "xatlas.py").write_text(code, encoding="utf-8")
        monkeypatch.setenv("PYTHONPATH", str(folder))
        return folder / "worker"

    return put


def is_gone(mark: Path) -> bool:
    """Whether the process that left the mark has ended."""
    try:
        os.kill(int(mark.read_text()), 0)
    except ProcessLookupError:
        return True
    return False


def test_a_cancel_ends_it(stand_in: Callable[[str], Path], temporary: Path) -> None:
    mark = stand_in(ENDLESS)
    with pytest.raises(Cancelled):
        unwrap(VERTICES, FACES, 64, Run(is_cancelled=mark.exists))
    assert is_gone(mark)
    assert list(temporary.iterdir()) == []


def test_it_ends_with_the_engine(stand_in: Callable[[str], Path], tmp_path: Path) -> None:
    mark, folder = stand_in(ENDLESS), tmp_path / "job"
    save_arrays(folder / unwrap_process.MESH, vertices=VERTICES, faces=FACES)
    command = [sys.executable, "-P", unwrap_process.__file__, str(folder), "64"]
    with subprocess.Popen(command, stdin=subprocess.PIPE):
        until(mark.exists)  # the block's end closes the pipe, as the engine's end does
    until(lambda: is_gone(mark))
    until(lambda: not folder.exists())


def test_a_failure_is_one_sentence(stand_in: Callable[[str], Path], temporary: Path) -> None:
    stand_in("raise MemoryError")
    with pytest.raises(UserError, match="fewer faces"):
        unwrap(VERTICES, FACES, 64)
    assert list(temporary.iterdir()) == []
