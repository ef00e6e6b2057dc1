"""Coloured points that stand for the whole NeRF in the viewport, to find the way around in it.

They are drawn, not objects: so nothing of them is saved, selected, rendered, exported or undone,
they are coloured whatever the viewport's shading is, and they can stay away from a camera's
picture. `points_to_object` makes a mesh of them for who wants one, e.g. in a script's render.

They are fetched while the engine has nothing else to do: few at once, then more.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy

from ...core.errors import Cancelled, UserError
from ...core.point_cloud import PointCloud
from ...core.turns import Urgency
from ..engine_link import session
from ..engine_link.askers import Asker, Wish
from ..engine_link.job_steps import Steps
from ..folders import output_folder, temporary_folder
from ..handlers import Handlers
from ..nerf import training_cameras
from ..nerf.nerf import field_params, scene_nerf
from ..redraw import redraw_panels, redraw_scenes
from ..references import Reference, refer
from .point_shader import DrawnPoints

LEVELS = ((8_000, 0.5), (30_000, 4.0))
"""Number of points and about the engine's seconds, one after the other."""
IDLE, PATIENT = 0.25, 1.0
"""Seconds between looks, and after something else came first."""
ON_THEIR_WAY = "Its points are about to appear"


@dataclass
class Proxy:
    """The points of one NeRF."""

    nerf: Reference[bpy.types.Object]
    question: str
    """What was asked, to tell whether it still holds."""
    level: int = 0
    """How many of `LEVELS` there are."""
    drawn: DrawnPoints | None = None
    looked: bool = False
    """Whether an earlier session's file was looked for."""
    message: str = ""
    """Why there are no more, as a sentence."""


@dataclass
class Proxies:
    """All points on show."""

    by_nerf: dict[int, Proxy] = field(default_factory=dict)
    """By the session's id of the NeRF's Empty."""
    not_before: float = 0.0
    paused: bool = False
    """Whether the engine is to be left alone until it is used for something else."""


proxies = Proxies()


def pause() -> None:
    """Fetch nothing until the engine is used again: asking would load what was unloaded."""
    proxies.paused = True


def forget() -> None:
    """Drop all points and what is being fetched."""
    proxies.paused = False
    asker.stop()
    proxies.by_nerf.clear()


def shown(scene: bpy.types.Scene) -> list[tuple[bpy.types.Object, DrawnPoints]]:
    """What is to be drawn in a scene, with the NeRF whose frame it is in."""
    found = []
    for proxy in proxies.by_nerf.values():
        nerf = proxy.nerf.find()
        if nerf is None or proxy.drawn is None or nerf.name not in scene.objects:
            continue
        if nerf.sa3d.nerf.show_points and nerf.visible_get():
            found.append((nerf, proxy.drawn))
    return found


def notice(nerf: bpy.types.Object) -> str:
    """Why a NeRF's points are not on show though they should be; empty where nobody waits."""
    proxy = proxies.by_nerf.get(nerf.session_uid)
    if not nerf.sa3d.nerf.show_points or (proxy is not None and proxy.drawn is not None):
        return ""
    if proxy is not None and proxy.message:
        return proxy.message
    awaited = session.engine_is_alive() and not session.running() and not proxies.paused
    return ON_THEIR_WAY if awaited else ""


def request(nerf: bpy.types.Object) -> dict[str, Any]:
    """What a ``points`` request says about a NeRF, all but how many."""
    return field_params(nerf) | training_cameras.remembered(nerf)


def points_folder(nerf: bpy.types.Object, params: dict[str, Any]) -> Path:
    """Where a NeRF's points are kept, for the next time the file is opened.

    Another checkpoint, or the same file written anew, has another folder.
    """
    try:
        stat = Path(params["checkpoint"]).stat()
        written = [stat.st_mtime_ns, stat.st_size]
    except OSError:
        written = []
    name = hashlib.sha256(json.dumps([params, written]).encode()).hexdigest()[:12]
    return output_folder(nerf) / f"points_{name}"


def _wish() -> Wish | float:
    """What is missing, when nobody else needs the engine."""
    if session.running():
        proxies.paused = False
    for uid in [uid for uid, proxy in proxies.by_nerf.items() if proxy.nerf.find() is None]:
        del proxies.by_nerf[uid]
    nerf = scene_nerf(bpy.context.scene)
    waits = proxies.paused or time.monotonic() < proxies.not_before
    if waits or nerf is None or not nerf.sa3d.nerf.show_points:
        return IDLE
    params = request(nerf)
    proxy = proxies.by_nerf.get(nerf.session_uid)
    if proxy is None or proxy.question != json.dumps(params):
        proxy = Proxy(refer(nerf), json.dumps(params))
        proxies.by_nerf[nerf.session_uid] = proxy
    if proxy.level == len(LEVELS) or proxy.message:
        return IDLE
    if not proxy.looked:
        return Wish(Urgency.WATCH, _read(proxy, params))
    return Wish(Urgency.POINTS, _fetch(proxy, params))


def _read(proxy: Proxy, params: dict[str, Any]) -> Steps[None]:
    """Take the points of an earlier session, where it left any."""
    proxy.looked = True
    try:
        file = points_folder(proxy.nerf.get(), params) / "points.npz"
    except UserError as error:
        proxy.message = str(error)
        return
    if not file.is_file():
        return
    try:
        cloud = yield from session.in_thread(lambda: PointCloud.load(file))
    except UserError:
        file.unlink(missing_ok=True)  # so that they are fetched anew
        return
    _show(proxy, cloud, len(LEVELS))


def _fetch(proxy: Proxy, params: dict[str, Any]) -> Steps[None]:
    count, seconds = LEVELS[proxy.level]
    last = proxy.level == len(LEVELS) - 1
    try:
        kept = points_folder(proxy.nerf.get(), params)
        out = kept if last else temporary_folder("points")
        asked = params | {"count": count, "seconds": seconds, "out": str(out)}
        result = yield from asker.ask("points", asked, Urgency.POINTS)
        file = Path(result["points"])
        cloud = yield from session.in_thread(lambda: PointCloud.load(file))
    except Cancelled:
        proxies.not_before = time.monotonic() + PATIENT
    except UserError as error:
        proxy.message = str(error)
        redraw_panels()
    else:
        _show(proxy, cloud, proxy.level + 1)


def _show(proxy: Proxy, cloud: PointCloud, level: int) -> None:
    proxy.drawn, proxy.level = DrawnPoints(cloud), level
    redraw_scenes()
    redraw_panels()


asker = Asker(Urgency.POINTS, _wish)


def _on_load(*_: Any) -> None:
    forget()


_handlers = Handlers(load_post=_on_load)


def register() -> None:
    """Look after the points where there is a window to draw them in."""
    _handlers.register()
    asker.register()


def unregister() -> None:
    """Drop the points, take the handler back."""
    forget()
    asker.unregister()
    _handlers.unregister()
