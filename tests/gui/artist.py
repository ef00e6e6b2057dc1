"""What an artist does with the add-on in a window, in words of the add-on."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.gui.film import Film
from tests.gui.tree import ROOT
from tests.gui.window import ADDON, Window

SCENE = ROOT / "tests" / "data" / "tabletop" / "tabletop.th"
BUTTONS_X = 850
"""Where the sidebar's buttons are, in pixels of the screen."""
ROWS = range(705, 105, -17)
"""Where it is looked for; a button is 20 pixels high."""
SCROLL = 8
"""Turns of the mouse's wheel that bring what is below the sidebar's end into it."""
CANCEL_X, CANCEL_ROWS = 1008, range(150, 165, 5)
_NAMES = f"""
import sys
session = sys.modules["{ADDON}.blender.engine_link.session"]
live_masks = sys.modules["{ADDON}.blender.clicking.live_masks"]
second_camera = sys.modules["{ADDON}.blender.clicking.second_camera"]
camera_frame = sys.modules["{ADDON}.blender.viewport.camera_frame"]
views = sys.modules["{ADDON}.blender.nerf.views"]
box = sys.modules["{ADDON}.blender.nerf.in_the_box"]

def nerf():
    return bpy.context.scene.sa3d.nerf

def result():
    return next(o for o in bpy.data.objects if o.sa3d.kind == "RESULT")

def state():
    return views.state_of_picture(bpy.context.scene, nerf(), bpy.context.scene.camera).name

def middle():
    m = nerf().matrix_world.inverted() @ result().matrix_world
    points = [m @ v.co for v in result().data.vertices]
    return [(min(p[i] for p in points) + max(p[i] for p in points)) / 2 for i in range(3)]

def distance(a, b):
    return max(abs(x - y) for x, y in zip(a, b))

def in_viewport(call):
    window, area, regions = view3d()
    with bpy.context.temp_override(window=window, area=area, region=regions["WINDOW"]):
        return call(bpy.context)

def screen(pixel):
    def find(context):
        region, camera = context.region, context.scene.camera
        corners = camera_frame.frame_in_region(context, camera)
        view = views.world_camera(context.scene, camera)
        x, y = camera_frame.region_from_pixel(corners, pixel, (view.width, view.height))
        height = context.window.height
        return [region.x + x, height - 1 - (region.y + y)]
    return in_viewport(find)
"""


class Artist:
    """Uses the add-on with mouse and keys.

    Args:
        window: the open Blender.
        pictures: where screenshots are kept.
        film: films the scenes of `filmed`.
    """

    def __init__(self, window: Window, pictures: Path, film: Film | None = None) -> None:
        self.window = window
        self.film = film
        self.pictures = pictures
        self._rows: dict[str, int] = {}
        self.waits: dict[str, float] = {}
        """Seconds by what was waited for."""
        pictures.mkdir(parents=True, exist_ok=True)
        self.learn()

    def learn(self) -> None:
        """Find the add-on's parts in the running Blender and open its tab."""
        self.window.run(_NAMES)
        self.window.run("view3d()[1].spaces.active.show_region_ui = True")
        category = "view3d()[2]['UI'].active_panel_category"
        for _ in range(20):  # the sidebar knows its tabs only once it has been drawn
            time.sleep(1)
            self.window.run(f"{category} = 'SA3D'\nview3d()[1].tag_redraw()")
            if self.window.value(category) == "SA3D":
                break
        time.sleep(1)

    def see(self, name: str) -> Path:
        """Take a screenshot."""
        return Path(shutil.copy(self.window.shot(name), self.pictures / f"{name}.png"))

    def filmed(self, name: str) -> contextlib.AbstractContextManager[None]:
        """Film what is done inside, where a film was asked for."""
        return self.film.scene(name) if self.film else contextlib.nullcontext()

    @contextlib.contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Time a wait, for `account`."""
        began = time.monotonic()
        yield
        self.waits[what] = time.monotonic() - began

    def account(self) -> str:
        """What was waited for, a line each, and what the hand did until now."""
        lines = [f"{seconds:6.1f} s  {what}" for what, seconds in self.waits.items()]
        hand = ", ".join(f"{count} {what}" for what, count in self.window.done.items())
        return "\n".join([*lines, f"{sum(self.waits.values()):6.1f} s  of waiting in all", hand])

    def press(self, operator: str, *, x: int = BUTTONS_X, rows: range = ROWS) -> None:
        """Find a button in the sidebar by hovering over it, and click it."""
        command = f"bpy.ops.{operator}("
        for _ in range(3):
            last = self._rows.get(operator)  # where it was found is where it most likely is
            for y in [*([last] if last else []), *rows]:
                if self.window.under(x, y).startswith(command):
                    self._rows[operator] = y
                    self.window.click(x, y)
                    return
            self.window.move(x, ROWS[len(ROWS) // 2])
            self.window.xdo("click", "--repeat", SCROLL, 5)
            self.window.settle()
        raise AssertionError(f"there is no button for {operator}: {self.see('missing_button')}")

    def press_next_step(self, operator: str) -> None:
        """Click the large button at the top, which must be this operator."""
        found = self.window.under(BUTTONS_X, 133)
        assert found.startswith(f"bpy.ops.{operator}("), found
        self.window.click(BUTTONS_X, 133)

    def load(self, path: Path = SCENE) -> None:
        """Load a NeRF and wait for it."""
        self.window.run(f"bpy.ops.sa3d.load_nerf(filepath={str(path)!r})")
        self.wait()

    def look(self) -> None:
        """Add a camera, see the NeRF through it, and take the tool."""
        self.press_next_step("sa3d.add_camera")
        self.press_next_step("sa3d.render_view")
        self.wait()
        self.press_next_step("sa3d.pick_prompts")
        self.window.until("live_masks.live.ready", wait=180)

    def point_at(self, x: float, y: float, *, held: str = "") -> None:
        """Click on a place of the camera's picture, given as shares of its width and height."""
        self.window.click(*self.place(x, y), held=held)
        self.masks()

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where a place of the camera's picture is on the screen."""
        view = self.window.value(
            "in_viewport(lambda c: (lambda v: [v.width, v.height])"
            "(views.world_camera(c.scene, c.scene.camera)))"
        )
        column, row = self.window.value(f"screen(({x * view[0]}, {y * view[1]}))")
        return column, row

    def masks(self) -> dict[str, float]:
        """Wait for the masks; returns the shown one's share of the picture, by object."""
        self.window.until(
            "live_masks.live.asking is None and not live_masks.live.changed", wait=180
        )
        return dict(
            self.window.value(
                "{e.name: float(live_masks.live.answers[e.key].masks["
                "second_camera.candidate(e, bpy.context.scene.camera, 3)].mean())"
                " for e in bpy.context.scene.sa3d.nerf.sa3d.nerf.objects"
                " if e.key in live_masks.live.answers}"
            )
        )

    def wait(self, seconds: float = 600) -> str:
        """Wait until no job runs; returns how the last one ended."""
        self.window.until("not session.running()", wait=seconds)
        return str(self.window.value("session.current.job and session.current.job.state"))

    def objects(self) -> list[str]:
        """Names of what is in the scene."""
        return list(self.window.value("[o.name for o in bpy.context.scene.objects]"))

    def prompts(self) -> int:
        """How many prompts there are."""
        return int(
            self.window.value("sum(o.sa3d.kind == 'PROMPT' for o in bpy.context.scene.objects)")
        )

    def show_mesh_alone(self) -> None:
        """Select the result, without the NeRF's points, in its own colours."""
        self.window.run(
            "nerf = next(o for o in bpy.data.objects if o.sa3d.kind == 'NERF')\n"
            "nerf.sa3d.nerf.show_points = False\n"
            "for o in bpy.context.view_layer.objects: o.select_set(o.sa3d.kind == 'RESULT')\n"
            "def colour(context): context.space_data.shading.color_type = 'VERTEX'\n"
            "in_viewport(colour)"
        )

    def meshes(self) -> list[str]:
        """Names of the results."""
        return list(
            self.window.value(
                "[o.name for o in bpy.context.scene.objects if o.sa3d.kind == 'RESULT']"
            )
        )

    def engine(self) -> int | None:
        """The engine's process id."""
        found: Any = self.window.value(
            "session.current.engine and session.current.engine.ended is None"
            " and session.current.engine.pid or None"
        )
        return found
