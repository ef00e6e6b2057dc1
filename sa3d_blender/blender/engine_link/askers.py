"""Who wants something of the engine beside the one job: masks, a followed camera, points, facts.

Each says what it wants when it is its turn. It is begun as soon as the engine is free for something
so urgent, and one thing of each is under way at a time. What nobody waits for makes way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

import bpy

from ...core.errors import Cancelled, UserError
from ...core.turns import Urgency
from . import loop, session
from .job_steps import Steps

log = logging.getLogger(__name__)
QUICK, PATIENT = 0.01, 0.25
"""Seconds between turns while an answer is near, and while something else keeps the engine busy."""


class Wish(NamedTuple):
    """What somebody wants now."""

    urgency: Urgency
    """How free the engine must be for it; `Urgency.WATCH` wants nothing of the engine."""
    steps: Steps[None]
    """Ask, and make something of the answer. Nothing of them happens before it is their turn."""


class Asker:
    """Somebody who wants something now and then.

    Args:
        urgency: who goes first.
        wish: says what is wanted now, or after how many seconds to be asked again; None where that
            is only when woken. It only looks, and is called at each turn: so it may also see that
            what is under way makes no sense any more. May raise UserError.
        refused: hears what was wrong with a wish whose steps did not say so themselves.
    """

    def __init__(
        self,
        urgency: Urgency,
        wish: Callable[[], Wish | float | None],
        refused: Callable[[UserError], None] = lambda _error: None,
    ) -> None:
        self._urgency, self._wish, self._refused = urgency, wish, refused
        self.steps: Steps[None] | None = None
        """What is under way."""
        self.request: int | None = None
        """The request whose answer they wait for."""

    def wake(self, after: float = 0.0) -> None:
        """Give it a turn in so many seconds."""
        loop.wake(self.turn, self._urgency, after=after)

    def register(self) -> None:
        """Give it turns where there is a window to see something in."""
        if not bpy.app.background:
            self.wake(1.0)

    def unregister(self) -> None:
        """Stop what is under way and give it no more turns."""
        self.stop()
        loop.leave(self.turn)

    def turn(self) -> float | None:
        """Go on with what is under way, or begin what is wanted.

        Returns:
            Seconds until its next turn; None when it wants nothing more until it is woken.
        """
        if self.steps is not None and not session.running():  # else the job's turns take it
            session.pump()
        try:
            wish = self._wish()
        except UserError as error:
            self.stop()
            self._refused(error)
            return None
        except ReferenceError:  # the file is just being closed
            return PATIENT
        if self.steps is None:
            if not isinstance(wish, Wish):
                return wish
            if not _is_free(wish.urgency):
                return PATIENT
            self.steps = wish.steps
        self._go_on()
        return QUICK

    def take_answer(self, wait: float) -> None:
        """Go on where the answer is there within so many seconds, and do nothing else meanwhile."""
        engine = session.current.engine
        if self.request is not None and engine is not None:
            if engine.hand_over(self.request, wait=wait):
                self._go_on()

    def stop(self) -> None:
        """Let go of what is under way."""
        if self.steps is not None:
            self.steps.close()
            self.steps = self.request = None
            self.make_way()

    @staticmethod
    def make_way() -> None:
        """Have the engine stop what nobody waits for: it is not wanted any more."""
        if session.current.engine is not None:
            session.current.engine.make_way(Urgency.JOB)

    def ask(self, method: str, params: dict[str, Any], urgency: Urgency) -> Steps[dict[str, Any]]:
        """Within the steps of a wish: ask the engine and wait. What is less urgent makes way.

        Raises:
            UserError: the engine says no, or ended.
            Cancelled: something more urgent was asked meanwhile; try again later.
        """
        return session.answer(self, session.start_engine(), method, params, urgency=urgency)

    def _go_on(self) -> None:
        steps = self.steps
        try:
            if steps is not None:
                next(steps)
                return
        except (StopIteration, Cancelled, ReferenceError):
            pass
        except UserError as error:
            self._refused(error)
        except Exception as error:
            log.exception("An answer could not be used")
            self._refused(UserError(f"The engine's answer could not be used ({error})."))
        if self.steps is steps:
            self.steps = self.request = None


def _is_free(urgency: Urgency) -> bool:
    """Whether the engine has nothing to do that is as urgent; clicks wait for most jobs only."""
    if urgency is Urgency.CLICK:
        return not session.must_wait()
    if urgency is Urgency.WATCH:
        return True
    engine = session.current.engine
    return session.engine_is_alive() and not session.running() and not engine.busy_with(urgency)
