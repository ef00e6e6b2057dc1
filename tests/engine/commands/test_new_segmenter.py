"""A new segmenter is one entry and one module: the rest finds it by itself.

The panel's menu is proved in ``tests/blender/test_new_segmenter.py``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

from sa3d_blender.core.installation.segmenter_weights import downloaded_weights, has_weights
from sa3d_blender.core.remote_file import RemoteFile
from sa3d_blender.core.segmenters import SEGMENTERS, SegmenterSpec, downloadable, resolve_segmenter
from sa3d_blender.engine import segmenters
from sa3d_blender.engine.commands.cli import parser
from sa3d_blender.engine.commands.cli_segmenter import downloaded_here
from sa3d_blender.engine.segmenters import load_segmenter
from tests.support.scripted_segmenter import ScriptedSegmenter

TOY = SegmenterSpec(
    "toy",
    "Toy",
    "Cuts what has one colour",
    module="toy",
    weights=RemoteFile("https://example.org/toy.pt", "0" * 64, 3),
    memory=1_000_000,
    is_quick_on_cpu=True,
)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedSegmenter]:
    made = ScriptedSegmenter()
    module = ModuleType(f"{segmenters.__name__}.toy")
    asked: list[tuple[str, Path | None, torch.device]] = []

    def load(name: str, weights: Path | None, device: torch.device) -> ScriptedSegmenter:
        asked.append((name, weights, device))
        return made

    module.load = load  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(SEGMENTERS, "toy", TOY)
    yield made
    assert asked == [("toy", Path("/w/toy.pt"), torch.device("cpu"))]


def test_it_reaches_the_command_line_the_downloads_and_the_loader(
    toy: ScriptedSegmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["mask", "a.png", "--prompts", "p.json", "--out", "o", "--segmenter", "toy"]
    assert parser().parse_args(words).segmenter == "toy"
    assert "toy" in [spec.name for spec in downloadable()]
    assert not has_weights(tmp_path, "toy")
    (tmp_path / "toy.pt").write_bytes(b"toy")
    downloaded = downloaded_weights(tmp_path)
    assert downloaded_here() == {}
    monkeypatch.setenv("SA3D_WEIGHTS", str(tmp_path))
    assert downloaded_here() == downloaded
    assert resolve_segmenter("automatic", None, downloaded, "cpu")[0] == "toy"
    device = torch.device("cpu")
    assert load_segmenter("toy", weights=Path("/w/toy.pt"), device=device) is toy
