"""What the engine says of itself: device, versions, memory; and giving its memory back."""

from __future__ import annotations

import time
from typing import Any

from ...core.background import shown_bytes
from ...core.connection.engine_process import EngineProcess
from ...core.errors import UserError
from ...core.turns import Urgency
from ...core.user_cache import cache_bytes
from ...core.user_cache import clear_cache as clear
from ..redraw import redraw_panels
from . import session
from .askers import Asker, Wish
from .job_steps import Steps

FRESH = 3.0
"""Seconds for which panels believe what was said last."""


class Facts:
    """What was said last, by which engine, after how many requests."""

    engine: EngineProcess | None = None
    requests = 0
    said: dict[str, Any] | None = None
    cache = 0
    cache_until = 0.0


_facts = Facts()


def known() -> dict[str, Any]:
    """What the running engine's ``hello`` said last; empty before it did."""
    return dict(_facts.said or {}) if _facts.engine is session.current.engine else {}


def _wish() -> Wish | float:
    """Whatever the engine did, it may have changed its memory."""
    engine = session.current.engine
    if engine is None or (engine, engine.requests) == (_facts.engine, _facts.requests):
        return FRESH
    return Wish(Urgency.POINTS, _ask(engine))


def _ask(engine: EngineProcess) -> Steps[None]:
    said = yield from asker.ask("hello", {}, Urgency.POINTS)
    changed = said != _facts.said
    _facts.engine, _facts.requests, _facts.said = engine, engine.requests, said
    if changed:
        redraw_panels()


asker = Asker(Urgency.POINTS, _wish)
register, unregister = asker.register, asker.unregister


def state() -> str:
    """The engine's state in a few words, with its device and memory where they are known."""
    words = [session.engine_state()]
    facts = known()
    if facts and session.engine_is_alive():
        words.append(f"on {facts.get('device')}")
        memory = facts.get("memory") or {}
        if memory.get("process"):
            words.append(f"{shown_bytes(memory['process'])} of memory")
        if memory.get("device"):
            of = f" of {shown_bytes(memory['device_total'])}" if memory.get("device_total") else ""
            words.append(f"{shown_bytes(memory['device'])}{of} on the graphics card")
    return ", ".join(words)


def unload(*, wait: bool = True) -> None:
    """Have the engine forget NeRF, segmenter and pictures; it stays, and loads them when needed.

    Raises:
        UserError: a job is running (``busy``).
    """
    if session.running():
        raise UserError("A job is running; wait for it or cancel it.", code="busy")
    engine = session.current.engine
    if engine is None or engine.ended is not None:
        return
    if wait:
        engine.run("unload", {}, timeout=60.0)
    else:
        engine.request("unload", {})


def cache_size() -> int:
    """Bytes of what the engine keeps on the disk to be faster next time; cheap enough to draw."""
    now = time.monotonic()
    if now > _facts.cache_until:
        _facts.cache, _facts.cache_until = cache_bytes(), now + FRESH
    return _facts.cache


def clear_cache() -> int:
    """Remove what the engine keeps on the disk to be faster; returns the bytes free now."""
    _facts.cache_until = 0.0
    return clear()
