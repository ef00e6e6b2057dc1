"""Random actions in a real Blender window; ``scripts/stress_window.py`` does them for long.

Each action is written to ``actions.log`` before it is done, so that a crash names its last ones.
The same seed does the same.
"""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.gui.tree import ROOT
from tests.gui.window import Window

SCENE = ROOT / "tests" / "data" / "tabletop" / "tabletop.th"
INSIDE = Path(__file__).with_name("stress_inside.py")
SIZES = ((160, 120), (320, 240), (240, 320), (400, 200))
AREAS = (
    "VIEW_3D VIEW_3D VIEW_3D VIEW_3D IMAGE_EDITOR UV ShaderNodeTree OUTLINER PROPERTIES "
    "TEXT_EDITOR CONSOLE INFO PREFERENCES"
).split()
TOLD = 12
"""Last actions that are shown of a crash."""


@dataclass
class Stress:
    """Does one random action after another.

    Args:
        window: an open Blender.
        seed: chooses the actions.
        addon: whether the add-on is there.
    """

    window: Window
    seed: int
    addon: bool = True
    counts: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    """What an action was answered instead of being done."""
    memory: list[tuple[float, int]] = field(default_factory=list)
    """Seconds since the beginning, and resident kilobytes with a new file open."""

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.began = time.monotonic()
        self.log = (self.window.folder / "actions.log").open("a", encoding="utf-8", buffering=1)
        self.window.run(INSIDE.read_text(encoding="utf-8"))

    def go(self, seconds: float, only: Sequence[str] = ()) -> str:
        """Do actions for so long; returns why it ended early, empty where it did not."""
        wanted = {name: kind for name, kind in KINDS.items() if not only or name in only}
        self.began = time.monotonic()
        while time.monotonic() - self.began < seconds:
            (name,) = self.random.choices(list(wanted), [kind.weight for kind in wanted.values()])
            kind, draws = wanted[name], [self.random.random() for _ in range(4)]
            if kind.of_addon and not self.addon:
                continue
            why = self.do(name, kind.act, draws)
            if why:
                return why
        return ""

    def do(self, name: str, act: Action, draws: list[float]) -> str:
        """Do one action; returns why Blender is no more, empty where it lives."""
        shown = " ".join(f"{draw:.3f}" for draw in draws)
        self.log.write(f"{time.monotonic() - self.began:8.1f} {name} {shown}\n")
        self.counts[name] += 1
        try:
            act(self, draws)
            self.window.run("pass", wait=240)
        except AssertionError as error:
            if not self.window.alive:
                return f"Blender ended with {self.window.exit_code}"
            lines = str(error).strip().splitlines() or [repr(error)]
            if "did not answer" in str(error):
                return lines[-1]
            self.refusals[f"{name}: {lines[-1][:160]}"] += 1
            self.log.write(f"         ! {lines[-1][:300]}\n")
        return ""

    def call(self, function: str, *values: object) -> Any:
        """Call a function of `stress_inside`."""
        given = ", ".join(repr(value) for value in values)
        self.window.run(f"print({function}({given}))")

    def operator(self, share: float, name: str, **options: object) -> None:
        """Call an operator in a viewport."""
        given = "".join(f", {key}={value!r}" for key, value in options.items())
        self.window.run(f"in_some_viewport({share!r}, {name!r}{given})")

    def place(self, draws: Sequence[float]) -> tuple[float, float]:
        """Somewhere in a viewport, well inside, in pixels of the screen."""
        x, y = (0.25 + 0.45 * draw for draw in draws[1:3])
        column, row = self.window.value(f"place_in_view({draws[0]!r}, {x!r}, {y!r})")
        return column, row

    def remember_memory(self) -> None:
        """Note how much memory Blender holds."""
        status = Path(f"/proc/{self.window.pid}/status").read_text(encoding="utf-8")
        found = re.search(r"VmRSS:\s+(\d+)", status)
        assert found is not None
        self.memory.append((time.monotonic() - self.began, int(found[1])))


Action = Callable[[Stress, list[float]], None]


@dataclass(frozen=True)
class Kind:
    """A kind of action, and how often it comes."""

    act: Action
    weight: float = 1.0
    of_addon: bool = False


def new_file(stress: Stress, _draws: list[float]) -> None:
    """A new file, in which Blender's memory can be compared."""
    stress.window.run("bpy.ops.wm.read_homefile(use_factory_startup=True)")
    stress.window.settle()
    stress.remember_memory()


def load(stress: Stress, _draws: list[float]) -> None:
    """The NeRF: asked for, not waited for."""
    stress.window.run(f"bpy.ops.sa3d.load_nerf(filepath={str(SCENE)!r})")


def begin(stress: Stress, draws: list[float]) -> None:
    """Whatever is missing for a click, or else the tool: else most actions would be refused."""
    step = stress.window.value("begin_with()")
    if step == "load":
        load(stress, draws)
        stress.window.until("begin_with() != 'load' or not is_busy()", wait=60)
    if step in ("load", "camera"):
        stress.operator(draws[0], "sa3d.add_camera")
    stress.operator(draws[0], "sa3d.pick_prompts")
    stress.operator(draws[0], "sa3d.render_view" if draws[1] < 0.6 else "sa3d.follow_camera")


def save(stress: Stress, draws: list[float]) -> None:
    """Save under one of three names."""
    path = stress.window.folder / f"{int(3 * draws[0])}.blend"
    stress.window.run(f"bpy.ops.wm.save_as_mainfile(filepath={str(path)!r})")


def open_file(stress: Stress, draws: list[float]) -> None:
    """Open what was saved."""
    path = stress.window.folder / f"{int(3 * draws[0])}.blend"
    if path.exists():
        stress.window.run(f"bpy.ops.wm.open_mainfile(filepath={str(path)!r})")


def drag(stress: Stress, draws: list[float], button: int) -> None:
    """Drag with the mouse over a viewport, as fast as a hand does."""
    end = [draws[0], *(draws[k] * 0.6 + draws[3] * 0.4 for k in (2, 1))]
    (x0, y0), (x1, y1) = stress.place(draws), stress.place(end)
    stress.window.move(x0, y0)
    stress.window.xdo("mousedown", button, pause=0.1)
    for share in (0.1, 0.4, 0.7, 1.0):
        stress.window.move(x0 + (x1 - x0) * share, y0 + (y1 - y0) * share)
    stress.window.xdo("mouseup", button)


def click(stress: Stress, draws: list[float]) -> None:
    """Click with the tool, sometimes with Ctrl."""
    stress.window.click(*stress.place(draws), held="ctrl" if draws[3] < 0.3 else "")


def keys(*names: str) -> Action:
    """Press keys over a viewport."""

    def press(stress: Stress, draws: list[float]) -> None:
        stress.window.move(*stress.place(draws))
        stress.window.key(*names)

    return press


def inside(function: str, *values: Callable[[list[float]], object]) -> Action:
    """Call a function of `stress_inside` with what is made of the draws."""
    return lambda stress, draws: stress.call(function, *(value(draws) for value in values))


def operator(name: str) -> Action:
    """Call an operator in a viewport."""
    return lambda stress, draws: stress.operator(draws[0], name)


def segment(stress: Stress, draws: list[float]) -> None:
    """A short run."""
    stress.call("small_runs")
    stress.operator(draws[0], "sa3d.segment")


def pause(_stress: Stress, draws: list[float]) -> None:
    """Let what is under way go on."""
    time.sleep(4 * draws[0])


def nth(number: int) -> Callable[[list[float]], object]:
    """The draw with that number."""
    return lambda draws: draws[number]


KINDS: dict[str, Kind] = {
    "split": Kind(
        inside(
            "split",
            nth(0),
            lambda draws: "VERTICAL" if draws[1] < 0.5 else "HORIZONTAL",
            lambda draws: 0.3 + 0.4 * draws[2],
        ),
        5,
    ),
    "close": Kind(inside("close", nth(0)), 4),
    "become": Kind(inside("become", nth(0), lambda draws: AREAS[int(len(AREAS) * draws[1])]), 4),
    "quad": Kind(operator("screen.region_quadview"), 2),
    "full": Kind(keys("ctrl+space"), 2),
    "sidebar": Kind(keys("n"), 2),
    "workspace": Kind(inside("workspace", nth(0)), 1),
    "shade": Kind(
        inside("shade", nth(0), lambda draws: ("SOLID", "SOLID", "WIREFRAME")[int(3 * draws[1])])
    ),
    "orbit": Kind(lambda stress, draws: drag(stress, draws, 2), 5),
    "turn": Kind(
        inside("turn", nth(0), lambda draws: 2 * draws[1] - 1, lambda draws: 2 * draws[2] - 1), 8
    ),
    "camera_view": Kind(operator("view3d.view_camera"), 2),
    "undo": Kind(keys("ctrl+z"), 6),
    "undo_more": Kind(keys("ctrl+z", "ctrl+z", "ctrl+z"), 2),
    "redo": Kind(keys("ctrl+shift+z"), 4),
    "escape": Kind(keys("Escape"), 2),
    "save": Kind(save, 2),
    "open": Kind(open_file, 3),
    "new": Kind(new_file, 1),
    "delete_camera": Kind(inside("delete_camera", nth(0)), 1),
    "rename_camera": Kind(inside("rename_camera", nth(0), lambda draws: f"Cam {draws[1]:.2f}")),
    "choose_camera": Kind(inside("choose_camera", nth(0)), 1),
    "resolution": Kind(
        lambda stress, draws: stress.call("resolution", *SIZES[int(len(SIZES) * draws[0])]), 2
    ),
    "render": Kind(inside("render"), 1),
    "play": Kind(inside("play"), 0.5),
    "pause": Kind(pause, 3),
    "begin": Kind(begin, 7, True),
    "load": Kind(load, 0.5, True),
    "add_camera": Kind(operator("sa3d.add_camera"), 1, True),
    "render_view": Kind(operator("sa3d.render_view"), 3, True),
    "follow": Kind(operator("sa3d.follow_camera"), 3, True),
    "take_tool": Kind(operator("sa3d.pick_prompts"), 3, True),
    "leave_tool": Kind(operator("sa3d.leave_tool"), 1, True),
    "click": Kind(click, 6, True),
    "box": Kind(lambda stress, draws: drag(stress, draws, 1), 2, True),
    "other_mask": Kind(operator("sa3d.next_mask"), 2, True),
    "segment": Kind(segment, 4, True),
    "cancel": Kind(operator("sa3d.cancel"), 1, True),
}


def complaints(console: str) -> Counter[str]:
    """The console's errors, each once."""
    return Counter(
        line.strip()[:200]
        for line in console.splitlines()
        if re.search(r"Error|error|Failed|corrupt|CRITICAL|free\(\)|malloc", line)
    )


def crash_logs(folder: Path) -> list[Path]:
    """What Blender wrote when it crashed."""
    return sorted(folder.glob("**/*.crash.txt"))


def report(stress: Stress, why: str) -> dict[str, Any]:
    """What came of it, for people and as JSON."""
    folder = stress.window.folder
    console = (folder / "blender.log").read_text(encoding="utf-8", errors="replace")
    return {
        "ended": why or "lived to the end",
        "actions": sum(stress.counts.values()),
        "counts": dict(stress.counts.most_common()),
        "refused": dict(stress.refusals.most_common(20)),
        "complaints": dict(complaints(console).most_common(20)),
        "memory": stress.memory,
        "last": (folder / "actions.log").read_text(encoding="utf-8").splitlines()[-TOLD:]
        if why
        else [],
        "crash": [path.read_text(encoding="utf-8") for path in crash_logs(folder)],
    }
