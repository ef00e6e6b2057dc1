"""One object as Blender asks for it: seconds from *Segment* to the first and to the last mesh.

    python scripts/benchmark_run.py [--runs 2]

The engine is started as the add-on starts it. As with an artist, the view is rendered and the
click's mask drawn before *Segment* is asked for; that part is not counted, only told. The engine's
processor time is told too: where other work slows the machine down, it is the figure to compare.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from sa3d_blender.core.cameras import read_transforms
from sa3d_blender.core.connection.engine_command import engine_command
from sa3d_blender.core.connection.engine_process import EngineProcess

SCENE = ROOT / "tests" / "data" / "tabletop"
CLICK = {"name": "animal", "points": [[111.5, 82.5]], "labels": [1]}


def main() -> None:
    """Print one line for each run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2)
    for number in range(parser.parse_args().runs):
        with tempfile.TemporaryDirectory() as folder:
            print(f"run {number + 1}: {one_run(Path(folder))}", flush=True)


def one_run(folder: Path) -> str:
    """One engine, one click, one *Segment*."""
    camera = read_transforms(SCENE / "transforms_test.json", size=(200, 200))[0]
    known: dict[str, Any] = {
        "checkpoint": str(SCENE / "tabletop.th"),
        "camera": camera.to_json(),
        "objects": [CLICK],
    }
    engine = EngineProcess(engine_command(sys.executable))
    began = time.perf_counter()
    engine.run("predict", known | {"out": str(folder / "click")})
    clicked, worked = time.perf_counter(), processor_seconds(engine)
    first: list[float] = []

    def progress(said: dict[str, Any]) -> None:
        if said.get("meshes") and not first:
            first.append(time.perf_counter() - clicked)

    previews = {"folder": str(folder / "previews"), "colors": {"animal": [1.0, 0.5, 0.0]}}
    answer = engine.run(
        "segment",
        known | {"out": str(folder / "out"), "previews": previews},
        on_progress=progress,
    )
    seconds = time.perf_counter() - clicked
    worked = processor_seconds(engine) - worked
    engine.close(wait=5)
    report = json.loads((Path(answer["result"]).parent / "report.json").read_text("utf-8"))
    return (
        f"first mesh {first[0]:.1f} s, end {seconds:.1f} s ({worked:.1f} s of processor time, "
        f"{len(report['views'])} views); engine, field and click before: {clicked - began:.1f} s"
    )


def processor_seconds(engine: EngineProcess) -> float:
    """What the engine has worked on all cores (Linux)."""
    fields = Path(f"/proc/{engine.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
