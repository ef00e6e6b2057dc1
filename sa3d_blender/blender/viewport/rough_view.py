"""*Render View* of a NeRF that is slow: rough pictures first, and the sharp one in strips.

How slow it is, is measured: a picture of few pixels tells. Where the whole picture would take
seconds, that one and finer ones are shown meanwhile. The engine does one thing at a time, so the
whole picture is asked for in strips: clicks are answered in between.
"""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...core.cameras import Camera
from ...core.errors import UserError
from ..engine_link import session
from ..engine_link.job_steps import Job, Steps
from ..nerf.views import load_picture, png_of, repaint, show_view
from ..redraw import redraw_scenes
from ..references import Reference, refer
from . import best_picture

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


def rough_sides(full: int) -> list[int]:
    """Longer sides of the rough pictures before one whose longer side is ``full``, in pixels."""
    side = max(ENOUGH, full / SHARE)
    if 2 * side > full:
        return []
    sides = [side]
    while sides[0] > 2 * FIRST:
        sides.insert(0, sides[0] / FINER)
    return [round(side) for side in sides]


def render_at_once(
    nerf: Reference[bpy.types.Object],
    camera: Reference[bpy.types.Object],
    view: Camera,
    params: dict[str, Any],
) -> Steps[Reference[bpy.types.Image]]:
    """Within a job: the whole picture becomes the camera's background.

    Args:
        view: the camera in the NeRF's frame.
        params: of the ``render`` request, all but the camera.
    """
    picture = yield from _at_once(view, params)
    return (yield from _show(nerf, camera, picture, best_picture.begin(), view))


def render_rough_first(
    nerf: Reference[bpy.types.Object],
    camera: Reference[bpy.types.Object],
    view: Camera,
    params: dict[str, Any],
) -> Steps[Reference[bpy.types.Image]]:
    """`render_at_once`, with rough pictures before it where it takes long.

    From the first of them on, the job gives way; when it is stopped, the last one stays. All of
    them are one undo step.
    """
    pixels, pace, mark = view.width * view.height, 0.0, best_picture.begin()
    full, job = max(view.width, view.height), _running_job()
    session.say("Rendering")
    for side in rough_sides(full):
        small = view.resized(*(max(1, round(n * side / full)) for n in (view.width, view.height)))
        picture, pace = yield from _in_strips(small, params, pace)
        if pace * pixels < SLOW:
            break
        yield from _show(nerf, camera, picture, mark, view)
        job.gives_way = MEANWHILE
    if pace * pixels < SLOW:
        picture = yield from _at_once(view, params)
    else:
        picture, _ = yield from _in_strips(view, params, pace, told=True)
    return (yield from _show(nerf, camera, picture, mark, view))


def _running_job() -> Job[Any]:
    job = session.current.job
    assert job is not None
    return job


def _in_strips(
    view: Camera, params: dict[str, Any], pace: float, *, told: bool = False
) -> Steps[tuple[np.ndarray, float]]:
    """A picture, strip by strip from the top, and the seconds that a pixel took.

    Args:
        pace: seconds that a pixel takes; 0 where nobody knows.
        told: whether the job says how far it is.
    """
    job, folder = _running_job(), Path(bpy.app.tempdir) / "sa3d" / "strips"
    picture = np.empty((view.height, view.width, 3), np.float32)
    expected, slowest = pace * view.width * view.height, pace
    spent, row, reading = 0.0, 0, None
    with ThreadPoolExecutor(1) as reader:
        for number in itertools.count():
            if told:
                job.clock.ends = time.monotonic() + _left(expected, spent, row / view.height)
            strip = _strip(view, row, slowest)
            asked = {"camera": strip.to_json(), "out": str(folder / str(number % 2))}
            result = yield from session.ask("render", params | asked, on_progress=_say_nothing)
            if reading is not None:
                reading.result()
            rows = picture[row : row + strip.height]
            reading = reader.submit(_read_into, rows, Path(result["image"]))
            spent, row = spent + float(result["seconds"]), row + strip.height
            slowest = max(slowest, float(result["seconds"]) / (strip.width * strip.height))
            if told:
                progress = {"stage": "render", "n": row, "total": view.height, "text": "Rendering"}
                job.show(progress)
            if row == view.height:
                break
        yield from session.in_thread(reading.result)
    return picture, spent / (view.width * view.height)


def _strip(view: Camera, row: int, pace: float) -> Camera:
    """What a camera sees from a row on, as much as takes `STRIP` seconds; all where nobody knows.

    Args:
        pace: seconds that a pixel takes where it takes longest: empty rows are quick.
    """
    wanted = int(STRIP / (pace * view.width)) if pace > 0 else view.height
    end = min(view.height, row + max(1, wanted))
    return view.cropped(0, row, view.width, end, view.width, end - row)


def _left(before: float, spent: float, done: float) -> float:
    """Seconds still to go: from what they were taken for, and ever more from what was spent."""
    return (before * TRUST + spent) / (TRUST + done) * (1 - done)


def _say_nothing(_progress: dict[str, Any]) -> None:
    """A strip's own progress is not the picture's."""


def _read_into(rows: np.ndarray, path: Path) -> None:
    picture = load_picture(path)
    if picture.shape != rows.shape:
        raise UserError("The rendered view has another size than it should; render it again.")
    rows[:] = picture


def _at_once(view: Camera, params: dict[str, Any]) -> Steps[np.ndarray]:
    result = yield from session.ask("render", params | {"camera": view.to_json()})
    return (yield from session.in_thread(lambda: load_picture(Path(result["image"]))))


def _show(
    nerf: Reference[bpy.types.Object],
    camera: Reference[bpy.types.Object],
    picture: np.ndarray,
    mark: str,
    view: Camera,
) -> Steps[Reference[bpy.types.Image]]:
    """Make a picture [h w 3] the camera's background.

    Args:
        mark: of `best_picture.begin`. The first picture of a mark is an undo step, the others are
            that image with other content.
    """
    png = yield from session.in_thread(lambda: png_of(picture))
    height, width, _ = picture.shape
    image = camera.get().sa3d.view
    again = image is not None and best_picture.is_of(mark, image)
    if again:
        repaint(image, png)
    else:
        image = show_view(nerf.get(), camera.get(), png, (width, height), view)
    best_picture.remember(mark, image, png)
    if not again:
        bpy.ops.ed.undo_push(message="Render View")
    redraw_scenes()
    return refer(image)
