"""The one timer: Blender calls it, and it gives everybody a turn who wants one."""

from __future__ import annotations

import bpy

from ...core.turns import Look, Turns, Urgency

_turns = Turns()


def wake(look: Look, urgency: Urgency, *, after: float = 0.0) -> None:
    """Have something called in so many seconds, see `Turns.wake`."""
    before = _turns.until_next()
    _turns.wake(look, urgency, after=after)
    if _turns.under_way or (before is not None and before <= after):
        return
    _stop_timer()
    bpy.app.timers.register(_turn, first_interval=after, persistent=True)


def leave(look: Look) -> None:
    """Have it called no more."""
    _turns.leave(look)
    if _turns.until_next() is None:
        _stop_timer()


def knows(look: Look) -> bool:
    """Whether something is called, or was and may be again."""
    return _turns.knows(look)


def _turn() -> float | None:
    return _turns.turn()


def _stop_timer() -> None:
    if not _turns.under_way and bpy.app.timers.is_registered(_turn):
        bpy.app.timers.unregister(_turn)
