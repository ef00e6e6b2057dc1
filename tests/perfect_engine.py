"""The real engine with a segmenter that knows the scene: ``perfect_engine.py GROUND_TRUTH``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))

from sa3d_blender.engine.commands import loaded, server
from tests.support.ground_truth import load_scene
from tests.support.perfect_segmenter import PerfectSegmenter


class Patch:
    """What the segmenter needs of pytest's monkeypatch."""

    @staticmethod
    def setattr(owner: Any, name: str, value: Any) -> None:
        """Replace an attribute for good."""
        setattr(owner, name, value)


if __name__ == "__main__":
    segmenter = PerfectSegmenter(load_scene(Path(sys.argv[1])))
    segmenter.watch(Patch())
    loaded.load_segmenter = lambda *_args, **_options: segmenter
    sys.exit(server.serve())
