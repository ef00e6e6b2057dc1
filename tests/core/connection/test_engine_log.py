"""The engine's log file stays small, whatever the engine says."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from sa3d_blender.core.connection import engine_pipes
from sa3d_blender.core.connection.engine_process import EngineProcess

CHATTY = "import sys\nfor i in range(100): print(f'line {i} 猫' + 'x' * 50, file=sys.stderr)"


def run(log: Path) -> EngineProcess:
    engine = EngineProcess([sys.executable, "-c", CHATTY], log_file=log)
    end = time.monotonic() + 60
    while engine.ended is None:
        assert time.monotonic() < end
        engine.pump()
        time.sleep(0.01)
    return engine


def test_a_full_log_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_pipes, "LOG_BYTES", 1000)
    log = tmp_path / "engine.log"
    run(log)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["engine.log", "engine.log.1", "engine.log.2"]
    assert all(path.stat().st_size <= 1000 for path in tmp_path.iterdir())
    assert "line 99 猫" in log.read_text(encoding="utf-8")


def test_a_log_that_cannot_be_written_disturbs_nobody(tmp_path: Path) -> None:
    engine = run(tmp_path / "missing" / "engine.log")
    assert "line 99" in engine.log_tail()
