"""The engine never outlives Blender, however Blender ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FAKE = ROOT / "tests" / "fake_engine.py"

BLENDER = """
import sys, time
sys.path.append(sys.argv[1])
import bpy, sa3d_blender
sa3d_blender.register()
from sa3d_blender.blender import api, session
session.engine_command = lambda python: [sys.executable, sys.argv[2]]
nerf = api.load_nerf(sys.argv[3])
api.add_prompt(nerf, x=900, y=500)
job = api.segment(nerf, wait=False)
while job.state == "running" and job.factor < 0.2:
    session.pump()
assert job.state == "running", job.error
print("ENGINE", session.current.engine.pid, flush=True)
if sys.argv[4] == "leave":
    sa3d_blender.unregister()
else:
    time.sleep(60)
"""


def alive(pid: int) -> bool:
    """Whether a process runs and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("mode", ["slow", "hang"])
@pytest.mark.parametrize("way", ["kill", "leave"])
def test_the_engine_ends_with_blender(tmp_path: Path, way: str, mode: str) -> None:
    checkpoint = tmp_path / "scene.th"
    checkpoint.write_bytes(b"x")
    if mode == "hang":
        mode = "hang_after=8"
    with subprocess.Popen(
        [sys.executable, "-c", BLENDER, str(ROOT), str(FAKE), str(checkpoint), way],
        env=os.environ | {"SA3D_FAKE": mode, "BLENDER_USER_RESOURCES": str(tmp_path / "user")},
        stdout=subprocess.PIPE,
        text=True,
    ) as blender:
        assert blender.stdout is not None
        line = next(line for line in blender.stdout if line.startswith("ENGINE"))
        engine = int(line.split()[1])
        try:
            if way == "kill":
                assert alive(engine)
                blender.kill()
            blender.wait(timeout=30)
        finally:
            blender.kill()
    end = time.monotonic() + 5
    while alive(engine) and time.monotonic() < end:
        time.sleep(0.02)
    assert not alive(engine)
