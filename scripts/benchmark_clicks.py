"""Clicks in a Blender window: how long until the mask is drawn, and how long Blender is held up.

    python scripts/benchmark_clicks.py [--clicks 50]

Run it as root on Linux with the main environment's Python; the first time it makes small Debians
with Blender (minutes, 1.3 GB each; ``SA3D_WINDOW_SUITES`` chooses, see ``tests/gui/tree.py``).
Blender draws in software there, so most of the time from click to drawn mask is Blender's own
drawing. "answer" is from the click until the add-on has the mask, "drawn" until it has drawn it.
The parts are also measured alone: the engine's answer to the same question, without Blender, and
one drawing of the viewport, without a click. The processor time of a click, Blender's and the
engine's, is also told where other work slows the machine down; on one core it is how long the
click takes, two at best halve it.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from sa3d_blender.core.connection.engine_command import engine_command
from sa3d_blender.core.connection.engine_process import EngineProcess
from scripts.build_extension import build
from tests.gui.artist import Artist
from tests.gui.tree import ensure_tree, suites, why_impossible
from tests.gui.window import ADDON, Window

AREA = (0.35, 0.6, 0.3, 0.5)
"""Where the clicks go, as shares of the picture: left, right, top, bottom."""
_WATCH = f"""
import functools, pathlib, time
overlay = sys.modules["{ADDON}.blender.viewport.overlay"]
tools = sys.modules["{ADDON}.blender.ui.tools"]
click_operators = sys.modules["{ADDON}.blender.ui.click_operators"]
live_question = sys.modules["{ADDON}.blender.clicking.live_question"]
askers = sys.modules["{ADDON}.blender.engine_link.askers"]
turns = sys.modules["{ADDON}.core.turns"]
holds, begun, work = [], [], []

def waited():
    with open(f"/proc/self/task/{{os.getpid()}}/schedstat") as file:
        return int(file.read().split()[1]) * 1e-9

def worked():
    tasks = pathlib.Path(f"/proc/{{session.current.engine.pid}}/task").glob("*/schedstat")
    engine = sum(int(task.read_text().split()[0]) for task in tasks)
    return time.process_time(), engine * 1e-9

def watch(owner, name):
    inner = getattr(owner, name)
    @functools.wraps(inner)
    def outer(*args):
        began, idle = time.perf_counter(), waited()
        if name == "at_mouse":
            begun[:] = worked()
        try:
            return inner(*args)
        finally:
            held = time.perf_counter() - began
            holds.append((owner.__name__.split(".")[-1] + "." + name, held, held - waited() + idle))
            if name == "_draw_masks" and begun and max(overlay.drawn.values(), default=0) > began:
                work.append([b - a for a, b in zip(begun, worked())])
                begun.clear()
    setattr(owner, name, outer)

def redraw(_context):
    began = time.perf_counter()
    bpy.ops.wm.redraw_timer(type="DRAW_SWAP", iterations=1)
    return time.perf_counter() - began

for owner, name in ((click_operators.SA3D_OT_click, "at_mouse"), (askers.Asker, "turn"),
                    (session, "pump"), (turns.Turns, "turn"),
                    (overlay, "take_answer"), (overlay, "_draw_masks"), (overlay, "_draw_prompts"),
                    (tools, "follow_tool")):
    watch(owner, name)
"""


def main() -> int:
    """Click and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clicks", type=int, default=50)
    count = parser.parse_args().clicks
    why = why_impossible()
    if why:
        print(f"There is {why}." if why.startswith("no") else f"{why[0].upper()}{why[1:]}.")
        return 2
    for suite in suites():
        tree = ensure_tree(suite)
        print((tree / "blender-version").read_text(encoding="utf-8").strip())
        with tempfile.TemporaryDirectory() as folder:
            archive = build(Path(folder))
            with Window(tree, Path(folder), Path(sys.executable)) as window:
                install = ("extension", "install-file", "--repo", "user_default", "--enable")
                window.inside("blender", "--command", *install, str(archive))
                window.open()
                found = measure(window, Artist(window, Path(folder) / "pictures"), count)
                found["redraw"] = redraws(window)
                found["engine"] = answers(window, Path(folder))
                report(found)
    return 0


def redraws(window: Window) -> list[float]:
    """Seconds of some drawings of the viewport when nothing else is done."""
    window.run("redrawn = [in_viewport(redraw) for _ in range(10)]")  # it also prints
    return list(window.value("redrawn"))


def answers(window: Window, folder: Path) -> list[float]:
    """Seconds of some answers of an engine without Blender to the question that was asked last."""
    asked = window.value(
        "(lambda q: q.params | {'objects': list(q.objects.values())[:1]})"
        "(live_question.read_question(bpy.context.scene)[0])"
    )
    engine = EngineProcess(engine_command(sys.executable))
    seconds = []
    try:
        for _ in range(11):
            began = time.perf_counter()
            engine.run("predict", asked | {"out": str(folder / "masks")})
            seconds.append(time.perf_counter() - began)
    finally:
        engine.close(wait=10.0)
    return seconds[1:]  # the first one loads and renders


def measure(window: Window, artist: Artist, count: int) -> dict[str, list]:
    """Set the scene up and click; returns seconds of each click and each hold."""
    artist.load()
    window.run("bpy.context.scene.render.resolution_percentage = 40")
    artist.look()
    artist.point_at(0.52, 0.38)  # the first click also compiles shaders
    window.run(_WATCH)
    rng = random.Random(0)
    left, right, top, bottom = AREA
    clicks = []
    for _ in range(count):
        if artist.prompts() > 4:
            window.key("BackSpace", "BackSpace", "BackSpace", "BackSpace")
        artist.point_at(rng.uniform(left, right), rng.uniform(top, bottom))
        if window.value("bool(live_masks.live.answers) and not live_masks.live.message"):
            window.until("max(overlay.drawn.values()) >= live_masks.live.changed_at")
            clicks.append(
                window.value(
                    "[live_masks.live.answered_in,"
                    " max(overlay.drawn.values()) - live_masks.live.changed_at]"
                )
            )
    return {"clicks": clicks, "holds": window.value("holds"), "work": window.value("work")}


def report(found: dict[str, list]) -> None:
    """Print medians and the longest."""
    answered, drawn = zip(*found["clicks"], strict=True)
    print(f"{len(answered)} clicks with a mask")
    rows = {
        "answer": answered,
        "drawn": drawn,
        "engine alone": found["engine"],
        "redraw alone": found["redraw"],
    }
    for name, values in rows.items():
        print(f"{name:13} median {statistics.median(values):.3f} s  longest {max(values):.3f} s")
    blender, engine = (statistics.median(seconds) for seconds in zip(*found["work"], strict=True))
    print(f"processor time, median: Blender {blender:.3f} s, engine {engine:.3f} s")
    print("Blender's main thread, longest hold (less the time without a core):")
    for name in sorted({hold[0] for hold in found["holds"]}):
        mine = [hold for hold in found["holds"] if hold[0] == name]
        longest, own = max(hold[1] for hold in mine), max(hold[2] for hold in mine)
        print(f"  {name:24} {1000 * longest:7.1f} ms ({1000 * own:.1f} ms)  of {len(mine)}")
    print(json.dumps({name: statistics.median(values) for name, values in rows.items()}))


if __name__ == "__main__":
    sys.exit(main())
