"""A Blender with its window, seen and used as an artist does: real mouse, real keys, screenshots.

Screen coordinates grow downwards, Blender's upwards.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from tests.gui.screen import read_screen
from tests.gui.tree import ROOT, in_tree, python_folders

SIZE = (1280, 800)
_DRAW = """
window, area, regions = view3d()
for area in window.screen.areas:
    area.tag_redraw()
with bpy.context.temp_override(window=window, area=area, region=regions["WINDOW"]):
    bpy.ops.wm.redraw_timer(type="DRAW_WIN_SWAP", iterations=1)
"""
_DONE = "@@done"
ADDON = "bl_ext.user_default.sa3d_blender"


class Window:
    """A running Blender.

    Args:
        tree: of `tree.ensure_tree`.
        folder: for this run's files and Blender's user files; shared with the tree.
        engine: the engine's Python.
        folders: what else can be seen in the tree.
    """

    def __init__(
        self,
        tree: Path,
        folder: Path,
        engine: Path,
        *,
        folders: Sequence[Path] = (),
        **environment: str,
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._display = f":{100 + os.getpid() % 900}"
        self._tree = tree
        self._folders = [ROOT, folder, *python_folders(engine), *folders]
        self.mouse = (0.0, 0.0)
        """Where the mouse was put last."""
        self.done: Counter[str] = Counter()
        """How often a mouse button was clicked or dragged, and a key pressed."""
        self.screen = folder / "Xvfb_screen0"
        """The display's content, in the XWD format."""
        self._environment = {
            "DISPLAY": self._display,
            "SA3D_WINDOW_IO": str(folder),
            "BLENDER_USER_RESOURCES": str(folder / "user"),
            "SA3D_ENGINE_PYTHON": str(engine),
            **environment,
        }
        screen = f"{SIZE[0]}x{SIZE[1]}x24"
        self._server = self._start(
            "Xvfb", self._display, "-screen", "0", screen, "-nolisten", "tcp", "-fbdir", str(folder)
        )
        self._blender: subprocess.Popen[bytes] | None = None
        self._hand: subprocess.Popen[str] | None = None

    def open(self, *arguments: str) -> None:
        """Start Blender and wait until it answers."""
        size = [str(length) for length in SIZE]
        self._blender = self._start(
            "blender", "--gpu-backend", "opengl", "--window-geometry", "0", "0", *size,
            *arguments, "--python", str(Path(__file__).with_name("inside.py")),
            log=self.folder / "blender.log",
        )  # fmt: skip
        self.run("pass", wait=180)
        time.sleep(1)

    def _start(self, *command: str, log: Path | None = None) -> subprocess.Popen[bytes]:
        output = log.open("ab") if log else subprocess.DEVNULL
        argv = in_tree(self._tree, self._folders, command, **self._environment)
        return subprocess.Popen(argv, stdout=output, stderr=subprocess.STDOUT)

    def inside(self, *command: str) -> str:
        """Run a command in the tree and return what it prints."""
        argv = in_tree(self._tree, self._folders, command, **self._environment)
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def tell(self, *command: str) -> str:
        """Run a command in the tree as `inside` does, in a shell that stays there: far cheaper."""
        if self._hand is None:
            self._hand = subprocess.Popen(
                in_tree(self._tree, self._folders, ["sh"], **self._environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
            )
        assert self._hand.stdin is not None
        assert self._hand.stdout is not None
        self._hand.stdin.write(f"{shlex.join(command)} </dev/null; echo; echo {_DONE} $?\n")
        self._hand.stdin.flush()
        lines: list[str] = []
        while not (line := self._hand.stdout.readline()).startswith(_DONE):
            assert line, f"the shell in the tree ended at {command}"
            lines.append(line)
        said = "".join(lines).removesuffix("\n")
        assert line.split()[1] == "0", (command, said)
        return said

    @property
    def alive(self) -> bool:
        """Whether Blender runs."""
        return self._blender is not None and self._blender.poll() is None

    @property
    def pid(self) -> int | None:
        """Blender's process, once it was started."""
        return self._blender.pid if self._blender is not None else None

    @property
    def exit_code(self) -> int | None:
        """How Blender ended; None while it runs. Negative: the signal that ended it."""
        return self._blender.poll() if self._blender is not None else None

    def run(self, source: str, *, wait: float = 180) -> str:
        """Run Python inside Blender and return what it prints."""
        answer = self.folder / "answer.json"
        answer.unlink(missing_ok=True)
        part = self.folder / "command.part"
        part.write_text(source, encoding="utf-8")
        part.replace(self.folder / "command.py")
        end = time.monotonic() + wait
        while not answer.exists():
            assert self.alive, f"Blender ended; see {self.folder / 'blender.log'}"
            assert time.monotonic() < end, f"Blender did not answer within {wait} s: {source}"
            time.sleep(0.01)
        found = json.loads(answer.read_text(encoding="utf-8"))
        assert not found["error"], found["error"]
        return str(found["printed"])

    def value(self, expression: str) -> Any:
        """The value of an expression inside Blender, as JSON carries it."""
        return json.loads(self.run(f"print(json.dumps({expression}))"))

    def until(self, expression: str, *, wait: float = 180) -> Any:
        """Wait until an expression is true; returns its value."""
        end = time.monotonic() + wait
        while not (found := self.value(expression)):
            assert time.monotonic() < end, f"not within {wait} s: {expression}"
            time.sleep(0.1)
        return found

    def xdo(self, *words: object, pause: float = 0.3) -> None:
        """Move, press, type: see xdotool."""
        self.tell("xdotool", *(str(word) for word in words))
        time.sleep(pause)

    def move(self, x: float, y: float) -> None:
        """Put the mouse somewhere on the screen."""
        self.mouse = (x, y)
        self.xdo("mousemove", round(x), round(y), pause=0.15)

    def click(self, x: float, y: float, button: int = 1, *, held: str = "") -> None:
        """Click somewhere on the screen, with a modifier key held when one is given."""
        self.done["clicks"] += 1
        self.move(x, y)
        if held:  # Blender asks late whether the key is down, so it stays down for a while
            for step in (("keydown", held), ("click", button), ("keyup", held)):
                self.xdo(*step)
                self.settle()
        else:
            self.xdo("click", button)

    def settle(self) -> None:
        """Wait until Blender has taken in what was done and drawn it, however slow it is."""
        for _ in range(2):
            self.run("pass", wait=120)
            time.sleep(0.15)

    def hover(self, x: float, y: float) -> None:
        """Put the mouse on a button and wait until Blender knows it is there."""
        for shift in (4, 0):
            self.move(x - shift, y)
            self.settle()

    def press(self, x: float, y: float) -> None:
        """Click on a button, however slow Blender is."""
        self.done["clicks"] += 1
        self.hover(x, y)
        self.xdo("click", 1)
        self.settle()

    def click_until(self, x: float, y: float, done: Callable[[], bool]) -> None:
        """Click on a button, and again where Blender missed the click."""
        self.done["clicks"] += 1
        for _ in range(5):
            self.hover(x, y)
            self.xdo("click", 1)
            if wait_for(done, 10):
                return
        raise AssertionError(f"the click at {x}, {y} did nothing: {self.shot('missed_click')}")

    def fill(self, x: float, y: float, text: str) -> None:
        """Type into a text field in place of what it holds."""
        self.press(x, y)
        for step in (("key", "ctrl+a"), ("type", "--delay", 30, text), ("key", "Return")):
            self.xdo(*step)
            self.settle()

    def named(self, title: str) -> list[str]:
        """Numbers of the windows whose title contains something, the newest last."""
        return self.tell("sh", "-c", f"xdotool search --name '{title}' || true").split()

    def drag(self, start: tuple[float, float], end: tuple[float, float], button: int = 1) -> None:
        """Drag with a button, the left one by default."""
        self.done["drags"] += 1
        self.move(*start)
        self.settle()
        self.xdo("mousedown", button)
        for share in (0.02, 0.1, 0.3, 0.6, 1.0):
            x, y = (a + (b - a) * share for a, b in zip(start, end, strict=True))
            self.move(x, y)
            self.settle()
        self.xdo("mouseup", button)
        self.settle()

    def key(self, *keys: str) -> None:
        """Press keys one after the other, e.g. ``ctrl+z``."""
        self.done["keys"] += len(keys)
        for name in keys:
            self.xdo("key", name)
        self.settle()

    def under(self, x: float, y: float) -> str:
        """The Python command of the button at a place, or nothing."""
        self.run("bpy.context.window_manager.clipboard = ''")
        self.move(x, y)
        self.xdo("key", "ctrl+c")
        self.settle()
        return self.run("print(bpy.context.window_manager.clipboard, end='')")

    def shot(self, name: str) -> Path:
        """Save a screenshot of the whole window as PNG, once everything is drawn."""
        time.sleep(0.5)
        self.run(_DRAW, wait=120)
        path = self.folder / f"{name}.png"
        Image.fromarray(read_screen(self.screen)).save(path)
        return path

    def knows_process(self, pid: int) -> bool:
        """Whether a process that Blender started still lives; both count processes alike."""
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1]
        except OSError:
            return False
        return state.split()[0] != "Z"

    def kill(self) -> None:
        """End Blender as a crash would."""
        assert self._blender is not None
        self._blender.send_signal(signal.SIGKILL)
        self._blender.wait()

    def quit(self) -> None:
        """Have Blender end as its menu does."""
        self.run(
            "with bpy.context.temp_override(window=view3d()[0]):\n    bpy.ops.wm.quit_blender()"
        )

    def close(self) -> None:
        """End Blender and the display."""
        for process in (self._hand, self._blender, self._server):
            if process is not None and process.poll() is None:
                process.terminate()
                try:
                    process.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def __enter__(self) -> Window:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether a condition becomes true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def fresh(folder: Path) -> Path:
    """An empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
