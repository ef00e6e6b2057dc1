"""The NeRF through a camera as a picture: coarse ones first, and the whole one in strips.

*Render View* shows each of them as the camera's background, `viewport_preview` draws them while the
camera moves. How slow a NeRF is, is measured: a picture of few pixels tells. The engine does one
thing at a time, so what takes seconds is asked for in strips: clicks are answered in between.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...core.cameras import Camera
from ...core.errors import UserError
from ..engine_link import session
from ..engine_link.job_steps import Job, Steps
from ..folders import temporary_folder
from ..nerf.nerf import field_params
from ..nerf.picture_state import is_same_view
from ..nerf.views import field_camera, load_picture, png_of, repaint, show_view
from ..redraw import redraw_scenes
from ..references import Reference, refer
from . import best_picture

RENDERING = "Rendering the view"
"""Title of the job."""
STRIPS = "strips"
"""Its folder."""
SLOW = 4.0
"""Seconds for a whole picture from which on a rough one comes first."""
STRIP = 1.0
"""Seconds that a strip should take; so long may a click have to wait for its turn."""
FIRST = 64
"""Pixels of the first picture's longer side, at least."""
SHARE, ENOUGH = 6, 160
"""The finest rough picture's side: this part of the whole one's, and at least so many pixels."""
FINER = 2.2
"""Each rough picture's side over the one before."""
TRUST = 0.25
"""Part of the whole picture that a rough one counts for when time is told: rows differ."""
MEANWHILE = "This first picture is rough. You can go on while it gets sharp"
Ask = Callable[[dict[str, Any]], Steps[dict[str, Any]]]
"""Asks the engine for a picture and waits for it."""


@dataclass(frozen=True)
class Sight:
    """What a picture is of: a NeRF through a camera, as both stood when it was asked for."""

    nerf: Reference[bpy.types.Object]
    camera: Reference[bpy.types.Object]
    view: Camera
    """The camera in the NeRF's frame, with the whole picture's pixels."""
    params: dict[str, Any]
    """Checkpoint and options."""

    @staticmethod
    def of(scene: bpy.types.Scene, nerf: bpy.types.Object, camera: bpy.types.Object) -> Sight:
        """What a camera sees now. Raises UserError where it is none that can be used."""
        view = field_camera(scene, camera, nerf)
        return Sight(refer(nerf), refer(camera), view, field_params(nerf))

    @property
    def question(self) -> str:
        """All of it, to tell whether it still holds."""
        return json.dumps([self.params, self.view.to_json()])

    @property
    def side(self) -> int:
        """The whole picture's longer side in pixels."""
        return max(self.view.width, self.view.height)

    def resized(self, side: int) -> Camera:
        """The camera with a picture of that longer side."""
        width, height = self.view.width, self.view.height
        return self.view.resized(*(max(1, round(n * side / self.side)) for n in (width, height)))

    def is_current(self) -> bool:
        """Whether the camera still sees this; where one of them is gone, others notice."""
        nerf, camera = self.nerf.find(), self.camera.find()
        if nerf is None or camera is None:
            return True
        try:
            return is_same_view(self.view, field_camera(bpy.context.scene, camera, nerf))
        except UserError:
            return False


def render_view(sight: Sight, *, rough_first: bool) -> Steps[Reference[bpy.types.Image]]:
    """Within a job: the whole picture becomes the camera's background.

    Args:
        rough_first: with rough pictures before it where it takes long. From the first of them on,
            the job gives way; when it is stopped, the last one stays. All are one undo step.
    """
    job, pixels, pace = session.current.job, sight.view.width * sight.view.height, 0.0
    assert job is not None
    job.text, job.wanted = "Rendering", sight.is_current
    mark = best_picture.begin()
    for side in rough_sides(sight.side) if rough_first else ():
        picture, pace = yield from rendered(sight, side, _ask_silently, STRIPS, pace)
        if pace * pixels < SLOW:
            break
        yield from _show(sight, picture, mark)
        job.gives_way = MEANWHILE
    if pace * pixels < SLOW:
        ask = partial(session.ask, "render")
        picture, _ = yield from rendered(sight, sight.side, ask, STRIPS)
    else:
        told = partial(_tell, job, pace * pixels)
        picture, _ = yield from rendered(sight, sight.side, _ask_silently, STRIPS, pace, told)
    return (yield from _show(sight, picture, mark))


def is_rendering() -> bool:
    """Whether a view is being rendered."""
    job = session.current.job
    return job is not None and session.running() and job.title == RENDERING


def rendered(
    sight: Sight,
    side: int,
    ask: Ask,
    folder: str,
    pace: float = 0.0,
    told: Callable[[float, float], None] = lambda _spent, _done: None,
) -> Steps[tuple[np.ndarray, float]]:
    """A picture [h w 3], strip by strip from the top, and the seconds that a pixel took.

    Args:
        side: the picture's longer side in pixels.
        folder: name of one that nobody else has pictures made in meanwhile.
        pace: seconds that a pixel takes; 0 where nobody knows, then there is one strip.
        told: hears the seconds that were spent and the share that is done.
    """
    view, place = sight.resized(side), temporary_folder(folder)
    picture = np.empty((view.height, view.width, 3), np.float32)
    slowest, spent, row, reading = pace, 0.0, 0, None
    with ThreadPoolExecutor(1) as reader:
        for number in itertools.count():
            told(spent, row / view.height)
            strip = _strip(view, row, slowest)
            out = str(place / str(number % 2))
            result = yield from ask(sight.params | {"camera": strip.to_json(), "out": out})
            if reading is not None:
                reading.result()
            rows = picture[row : row + strip.height]
            reading = reader.submit(_read_into, rows, Path(result["image"]))
            spent, row = spent + float(result["seconds"]), row + strip.height
            slowest = max(slowest, float(result["seconds"]) / (strip.width * strip.height))
            if row == view.height:
                break
        yield from session.result_of(reading)
    return picture, spent / (view.width * view.height)


def rough_sides(full: int) -> list[int]:
    """Longer sides of the rough pictures before one whose longer side is ``full``, in pixels."""
    side = max(ENOUGH, full / SHARE)
    if 2 * side > full:
        return []
    sides = [side]
    while sides[0] > 2 * FIRST:
        sides.insert(0, sides[0] / FINER)
    return [round(side) for side in sides]


def _strip(view: Camera, row: int, pace: float) -> Camera:
    """What a camera sees from a row on, as much as takes `STRIP` seconds; all where nobody knows.

    Args:
        pace: seconds that a pixel takes where it takes longest: empty rows are quick.
    """
    wanted = int(STRIP / (pace * view.width)) if pace > 0 else view.height
    end = min(view.height, row + max(1, wanted))
    return view.cropped(0, row, view.width, end, view.width, end - row)


def _read_into(rows: np.ndarray, path: Path) -> None:
    picture = load_picture(path)
    if picture.shape != rows.shape:
        raise UserError("The rendered view has another size than it should; render it again.")
    rows[:] = picture


def _ask_silently(params: dict[str, Any]) -> Steps[dict[str, Any]]:
    """Within a job: a part's own progress is not the picture's."""
    return session.ask("render", params, on_progress=lambda _progress: None)


def _tell(job: Job[Any], expected: float, spent: float, done: float) -> None:
    """Show how far the picture is: from what was expected, and ever more from what was spent."""
    left = (expected * TRUST + spent) / (TRUST + done) * (1 - done)
    job.clock.ends = time.monotonic() + left
    if done:
        job.show({"stage": "render", "n": round(1000 * done), "total": 1000, "text": "Rendering"})


def _show(sight: Sight, picture: np.ndarray, mark: str) -> Steps[Reference[bpy.types.Image]]:
    """Make a picture [h w 3] the camera's background.

    Args:
        mark: of `best_picture.begin`. The first picture of a mark is an undo step, the others are
            that image with other content.
    """
    png = yield from session.in_thread(lambda: png_of(picture))
    height, width, _ = picture.shape
    image = sight.camera.get().sa3d.view
    again = image is not None and best_picture.is_of(mark, image)
    if again:
        repaint(image, png)
    else:
        image = show_view(sight.nerf.get(), sight.camera.get(), png, (width, height), sight.view)
    best_picture.remember(mark, image, png)
    if not again:
        bpy.ops.ed.undo_push(message="Render View")
    redraw_scenes()
    return refer(image)
