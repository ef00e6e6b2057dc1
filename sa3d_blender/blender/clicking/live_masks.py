"""The masks that the prompts give in the active camera's picture, while the artist sets them.

They follow from what the .blend says: whatever changed (a click, a moved or deleted empty, an undo,
another camera), the prompts are read again and the engine is asked about the objects that differ.
One question is under way at a time; changes meanwhile are asked about afterwards.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy.app.handlers import persistent

from ...core.connection.messages import CANCELLED, Failure
from ...core.errors import UserError
from ...core.turns import Urgency
from ..engine_link import loop, session
from ..redraw import redraw_panels, redraw_scenes
from .live_question import Question, read_question

QUICK, PATIENT = 0.01, 0.25
"""Seconds between looks while an answer is near, and while another job keeps the engine busy."""
LINGER = 0.03
"""Seconds that the first drawing after a question waits for the answer; it often is that near."""


@dataclass
class ObjectMasks:
    """The segmenter's answer for one object."""

    question: str
    """What was asked, to tell whether it still holds."""
    masks: np.ndarray
    """Candidates, bool [k h w], best first, top row first."""
    scores: list[float]
    came_at: float = field(default_factory=time.perf_counter)
    drawn: dict[int, Any] = field(default_factory=dict)
    """Textures by candidate, for the overlay."""


@dataclass
class LiveMasks:
    """All masks on show. Nothing of it is saved."""

    wanted: bool = False
    """Whether the artist asked for masks in this session, by taking the tool or clicking."""
    answers: dict[str, ObjectMasks] = field(default_factory=dict)
    """By the entry's key."""
    error: UserError | None = None
    """Why there is no mask."""
    ready: bool = False
    """Whether the engine has the picture, so that clicks are answered at once."""
    asking: int | None = None
    """The request that is under way."""
    lingered: int | None = None
    """The request whose answer a drawing waited for."""
    drawing: bpy.types.Region | None = None
    """Where an answer is being taken while Blender draws there."""
    changed: bool = False
    changed_at: float = 0.0
    not_before: float = 0.0
    """When to ask at the earliest, on `time.monotonic`'s clock: while the camera is followed and
    moves, its picture is another one every moment."""
    answered_in: float = 0.0
    """Seconds from the last change to its answer."""
    scenery: str = ""
    picture: str = ""
    """What the masks are drawn over."""
    refused: dict[str, tuple[str, UserError]] = field(default_factory=dict)
    """What the engine had no mask for and why, by the entry's key; not asked again."""
    said: tuple[Any, ...] = ()

    @property
    def message(self) -> str:
        """Why there is no mask, as a sentence; empty when nothing is wrong."""
        return str(self.error or "")


live = LiveMasks()


def show() -> None:
    """Show masks from now on; starts the engine. Raises UserError when it cannot be started."""
    session.start_engine()
    live.wanted = True
    touch()


def touch() -> None:
    """Something may have changed: look soon."""
    if not live.wanted:
        return
    if not live.changed:
        live.changed, live.changed_at = True, time.perf_counter()
    loop.wake(_look, Urgency.CLICK)


def look_now() -> None:
    """Ask at once, so that the engine works while Blender draws what changed."""
    touch()
    if not session.must_wait():
        tick()


def take_answer() -> None:
    """Take the answer if it is there, while Blender draws, which then need not draw twice.

    Nothing else may happen then, such as another request's change of the scene.
    """
    engine = session.current.engine
    if live.asking is None or engine is None or session.must_wait():
        return
    wait = LINGER if live.ready and live.lingered != live.asking else 0.0
    live.lingered, live.drawing = live.asking, bpy.context.region
    try:
        engine.hand_over(live.asking, wait=wait)
    finally:
        live.drawing = None


def forget() -> None:
    """Drop all masks and stop asking."""
    live.answers.clear()
    live.refused.clear()
    live.error, live.scenery, live.picture = None, "", ""
    live.wanted = live.changed = live.ready = False
    live.asking = None


def tick() -> float | None:
    """Ask when something changed, take an answer when it came.

    Returns:
        Seconds until it should be called again; None when nothing is under way.
    """
    if live.wanted and (session.current.engine is None or session.current.engine.ended):
        lost, error = live.asking is not None, live.error
        forget()
        live.error = error
        if lost:
            live.error = UserError("The engine ended; click again to start it.", code="masks_ended")
        redraw_panels()
        return None
    if session.must_wait():
        return PATIENT
    if live.asking is not None and not session.running():  # else the job's timer takes the answer
        session.pump()
    if live.asking is None and live.changed and time.monotonic() >= live.not_before:
        _ask()
    return QUICK if live.asking is not None or live.changed else None


def _look() -> float | None:
    try:
        return tick()
    except UserError as error:
        forget()
        live.error = error
        redraw_panels()
        return None


def _ask() -> None:
    live.changed = False
    before = _shown()
    question, live.error = read_question(bpy.context.scene)
    scenery = question.scenery if question else ""
    if scenery != live.scenery:
        _outdate(question.picture if question else "")
        live.ready, live.scenery = False, scenery
    if question is None:
        _redraw()
        return
    for key in set(live.answers) - set(question.objects):
        del live.answers[key]
    for key in [k for k, (text, _) in live.refused.items() if text != question.text(k)]:
        del live.refused[key]
    for _, error in live.refused.values():
        live.error = live.error or error
    new = [key for key in question.objects if not _is_known(question, key)]
    if new or not live.ready:
        _send(question, new[0] if new else None)
        live.changed = len(new) > 1
    if _shown() != before:  # what changed in the scene, Blender draws anyway
        _redraw()


def _outdate(picture: str) -> None:
    """Ask all anew; what is about the same picture stays until the new answer is there."""
    live.refused.clear()
    if picture != live.picture:
        live.answers.clear()
        live.picture = picture
    for answer in live.answers.values():
        answer.question = ""


def _shown() -> tuple[Any, ...]:
    return live.message, live.ready, live.scenery, tuple(live.answers)


def _is_known(question: Question, key: str) -> bool:
    text = question.text(key)
    answer = live.answers.get(key)
    refused = key in live.refused and live.refused[key][0] == text
    return refused or (answer is not None and answer.question == text)


def _send(question: Question, key: str | None) -> None:
    """Ask about one object, or for the picture alone to be made ready."""
    scenery, text = question.scenery, question.text(key or "")

    def done(result: dict[str, Any]) -> None:
        live.asking = None
        if scenery != live.scenery:
            return
        live.ready = True
        for found in result["objects"]:
            masks = np.load(Path(found["masks"]), allow_pickle=False)
            live.answers[key or ""] = ObjectMasks(text, masks, list(found["scores"]))
        live.answered_in = time.perf_counter() - live.changed_at
        _redraw()

    def failed(failure: Failure) -> None:
        live.asking = None
        if failure.code == CANCELLED:  # something else came first
            live.changed = live.wanted
            return
        live.answers.pop(key or "", None)
        live.error = UserError(failure.message, code=failure.reason)
        live.refused[key or ""] = (text, live.error)
        _redraw()

    nobody_waits = key is None and not session.running()  # a picture that nobody clicked in yet
    live.asking = session.start_engine().request(
        "predict",
        question.about(key),
        on_done=done,
        on_failure=failed,
        urgency=Urgency.POINTS if nobody_waits else Urgency.CLICK,
    )


def _redraw() -> None:
    """Draw the viewports again, and their texts when those changed."""
    texts = (live.message, live.ready, len(live.answers))
    if texts != live.said:
        live.said = texts
        redraw_panels()
    redraw_scenes(but=live.drawing)


@persistent
def _on_change(*_: Any) -> None:
    touch()


@persistent
def _on_load(*_: Any) -> None:
    forget()


def register() -> None:
    """Notice changes."""
    handlers = bpy.app.handlers
    for several in (handlers.depsgraph_update_post, handlers.undo_post, handlers.redo_post):
        several.append(_on_change)
    handlers.frame_change_post.append(_on_change)
    handlers.load_post.append(_on_load)


def unregister() -> None:
    """Take the handlers back."""
    forget()
    handlers = bpy.app.handlers
    for several in (
        handlers.depsgraph_update_post,
        handlers.undo_post,
        handlers.redo_post,
        handlers.frame_change_post,
    ):
        if _on_change in several:
            several.remove(_on_change)
    if _on_load in handlers.load_post:
        handlers.load_post.remove(_on_load)
    loop.leave(_look)
