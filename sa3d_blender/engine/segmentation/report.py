"""What a run did and how long each part took: ``report.json``."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ... import __version__
from ...core.errors import Cancelled
from ...core.files import written_whole
from ..view_path.previews import Previews

ProgressCallback = Callable[..., None]
"""Called with (stage, n, total, text)."""


@dataclass
class Run:
    """Progress, cancellation and timing of one piece of work."""

    on_progress: ProgressCallback = lambda stage, n, total, text: None
    is_cancelled: Callable[[], bool] = lambda: False
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    previews: Previews | None = None
    """Where pictures of the views go, when somebody watches."""
    on_votes: Callable[..., None] = lambda field_, objects, views: None
    """Called after each view's votes; see `CoarseObjects.visited`."""

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time of the block to a stage."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - begin

    def progress(self, stage: str, n: int, total: int, text: str) -> None:
        """Tell how far a stage is; raises `Cancelled` when the user asked to stop."""
        self.check()
        self.on_progress(stage, n, total, text)

    def check(self) -> None:
        """Raise `Cancelled` when the user asked to stop."""
        if self.is_cancelled():
            raise Cancelled


def seconds_since_start() -> float:
    """Seconds since this process began, imports included, where the system tells."""
    if sys.platform == "linux":
        with open("/proc/self/stat", encoding="ascii") as file:
            ticks = float(file.read().rsplit(")", 1)[1].split()[19])
        with open("/proc/uptime", encoding="ascii") as file:
            uptime = float(file.read().split()[0])
        return uptime - ticks / os.sysconf("SC_CLK_TCK")
    return time.process_time()


def versions() -> dict[str, str]:
    """Versions of what results depend on."""
    found = {"sa3d_blender": __version__, "python": platform.python_version()}
    for package in ("torch", "segment-anything", "numpy", "scikit-image", "trimesh"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
    found["torch"] = torch.__version__
    found["numpy"] = np.__version__
    return found


def write_report(path: Path, report: dict[str, Any]) -> None:
    """Write a report as readable JSON."""
    with written_whole(path) as temporary:
        text = json.dumps(report, indent=1, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")
