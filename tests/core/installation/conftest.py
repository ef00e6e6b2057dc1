"""A tiny engine, a folder to set it up in, and a server that gives it out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sa3d_blender.core.installation import downloads, engine_check
from tests.support.file_server import FileServer, serving
from tests.support.small_engine import SmallEngine, make_small_engine

FAKE = Path(__file__).resolve().parents[2] / "fake_engine.py"


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> SmallEngine:
    return make_small_engine(tmp_path_factory.mktemp("engine") / "Räder 猫")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(engine_check, "engine_command", lambda _: [sys.executable, str(FAKE)])
    monkeypatch.setattr(downloads, "PAUSE", 0.0)
    return tmp_path / "Käse 猫" / "engine"


@pytest.fixture
def server(engine: SmallEngine) -> Iterator[FileServer]:
    with serving() as running:
        running.files = {path.name: path.read_bytes() for path in engine.pack.iterdir()}
        yield running
