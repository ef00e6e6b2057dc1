"""What a run did and how long each part took: ``report.json``."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ... import __version__
from ...core.files import written_whole
from ...core.settings import MeshSettings, OwnMeshes, SegmentSettings, settings_to_json


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


def settings_of_run(
    settings: SegmentSettings, mesh: MeshSettings, own_meshes: OwnMeshes | None
) -> dict[str, Any]:
    """What a run was told and what it ran on, as parts of its report."""
    return {
        "settings": settings_to_json(settings),
        "mesh_settings": settings_to_json(mesh),
        "own_meshes": {name: settings_to_json(own) for name, own in (own_meshes or {}).items()},
        "versions": versions(),
    }


def write_report(path: Path, report: dict[str, Any]) -> None:
    """Write a report as readable JSON."""
    with written_whole(path) as temporary:
        text = json.dumps(report, indent=1, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")
