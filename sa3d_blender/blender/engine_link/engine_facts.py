"""What the engine says of itself: device, versions, memory; and giving its memory back."""

from __future__ import annotations

import time
from typing import Any

from ...core.background import shown_bytes
from ...core.errors import UserError
from ...core.user_cache import cache_bytes
from ...core.user_cache import clear_cache as clear
from ..redraw import redraw_panels
from . import session

FRESH = 3.0
"""Seconds for which panels believe what was said last."""


class Facts:
    """What was said last, by which engine."""

    engine: object = None
    said: dict[str, Any] | None = None
    until = 0.0
    asking = False
    cache = 0
    cache_until = 0.0


_facts = Facts()


def known() -> dict[str, Any]:
    """What the running engine's ``hello`` said last; empty before it did."""
    return dict(_facts.said or {}) if _facts.engine is session.current.engine else {}


def ask_soon() -> None:
    """Ask the running engine anew, unless it is busy or was asked a moment ago. Never waits."""
    engine = session.current.engine
    now = time.monotonic()
    if engine is None or engine.ended is not None or engine.busy or session.running():
        return
    if _facts.engine is engine and (_facts.asking or now < _facts.until):
        return
    _facts.engine, _facts.asking = engine, True
    engine.request("hello", {}, on_done=_answer, on_failure=lambda _failure: _done())


def _answer(said: dict[str, Any]) -> None:
    changed = said != _facts.said
    _facts.said = said
    _done()
    if changed:
        redraw_panels()


def _done() -> None:
    _facts.asking = False
    _facts.until = time.monotonic() + FRESH


def state() -> str:
    """The engine's state in a few words, with its device and memory where they are known."""
    words = [session.engine_state()]
    facts = known()
    if facts and session.current.engine is not None and session.current.engine.ended is None:
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
    _facts.until = 0.0
    if wait:
        engine.run("unload", {}, timeout=60.0)
    else:
        engine.request("unload", {}, on_done=lambda _result: ask_soon())


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
