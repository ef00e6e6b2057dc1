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

from ...core.errors import Cancelled, UserError
from ...core.turns import Urgency
from ..engine_link import session
from ..engine_link.askers import QUICK, Asker, Wish
from ..engine_link.job_steps import Steps
from ..handlers import Handlers
from ..redraw import redraw_panels, redraw_scenes
from .live_question import Question, read_question

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
    def asking(self) -> int | None:
        """The request that is under way."""
        return asker.request

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
    asker.wake()


def look_now() -> None:
    """Ask at once, so that the engine works while Blender draws what changed."""
    touch()
    if not session.must_wait():
        asker.turn()


def take_answer() -> None:
    """Take the answer if it is there, while Blender draws, which then need not draw twice.

    Nothing else may happen then, such as another request's change of the scene.
    """
    if live.asking is None or session.must_wait():
        return
    wait = LINGER if live.ready and live.lingered != live.asking else 0.0
    live.lingered, live.drawing = live.asking, bpy.context.region
    try:
        asker.take_answer(wait)
    finally:
        live.drawing = None


def forget() -> None:
    """Drop all masks and stop asking."""
    live.answers.clear()
    live.refused.clear()
    live.error, live.scenery, live.picture = None, "", ""
    live.wanted = live.changed = live.ready = False
    asker.stop()


def _give_up(error: UserError | None) -> None:
    """Nothing more is asked, nor the engine started again, until the artist wants it."""
    forget()
    live.error = error
    redraw_panels()


def _wish() -> Wish | float | None:
    if live.wanted and asker.steps is None and not session.engine_is_alive():
        _give_up(live.error)
    if not live.wanted or not live.changed:
        return None
    return Wish(Urgency.CLICK, _ask()) if time.monotonic() >= live.not_before else QUICK


def _ask() -> Steps[None]:
    """Ask about the first object that differs, or for the picture alone to be made ready."""
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
    live.changed |= len(new) > 1  # reading may have Blender evaluate, which tells of a change
    if _shown() != before:  # what changed in the scene, Blender draws anyway
        _redraw()
    if new or not live.ready:
        yield from _send(question, new[0] if new else "")


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


def _send(question: Question, key: str) -> Steps[None]:
    """Ask about one object, or for the picture alone to be made ready."""
    text = question.text(key)
    nobody_waits = not key and not session.running()  # a picture that nobody clicked in yet
    urgency = Urgency.POINTS if nobody_waits else Urgency.CLICK
    try:
        result = yield from asker.ask("predict", question.about(key), urgency)
        for found in result["objects"]:
            masks = np.load(Path(found["masks"]), allow_pickle=False)
            live.answers[key] = ObjectMasks(text, masks, list(found["scores"]))
        live.ready, live.answered_in = True, time.perf_counter() - live.changed_at
    except Cancelled:  # something else came first
        live.changed = live.wanted
        return
    except UserError as error:
        if not session.engine_is_alive():
            raise
        live.answers.pop(key, None)
        live.error = error
        live.refused[key] = (text, error)
    _redraw()


def _redraw() -> None:
    """Draw the viewports again, and their texts when those changed."""
    texts = (live.message, live.ready, len(live.answers))
    if texts != live.said:
        live.said = texts
        redraw_panels()
    redraw_scenes(but=live.drawing)


asker = Asker(Urgency.CLICK, _wish, _give_up)


def _on_change(*_: Any) -> None:
    touch()


def _on_load(*_: Any) -> None:
    forget()


_handlers = Handlers(
    depsgraph_update_post=_on_change,
    undo_post=_on_change,
    redo_post=_on_change,
    frame_change_post=_on_change,
    load_post=_on_load,
)
register = _handlers.register


def unregister() -> None:
    """Forget them, and take the handlers back."""
    forget()
    asker.unregister()
    _handlers.unregister()
