"""Requests that nobody waits for: asked while the engine is idle, they make way for others."""

from __future__ import annotations

from typing import Any

from ...core.connection.engine_process import error_from_failure
from ...core.connection.messages import Failure
from ...core.turns import Urgency
from . import session
from .job_steps import WAITING, Steps


def engine_is_alive() -> bool:
    """Whether there is an engine; nothing here starts one."""
    return session.current.engine is not None and session.current.engine.ended is None


def engine_is_free(urgency: Urgency) -> bool:
    """Whether there is an engine with nothing to do that is as urgent, and no job."""
    engine = session.current.engine
    if engine is None or engine.ended is not None or session.running():
        return False
    return not engine.busy_with(urgency)


def make_way() -> None:
    """Stop what runs in the background: nobody wants it any more."""
    if session.current.engine is not None:
        session.current.engine.make_way(Urgency.JOB)


def ask(method: str, params: dict[str, Any], urgency: Urgency) -> Steps[dict[str, Any]]:
    """Ask the running engine and wait for its result. What is less urgent makes way.

    Raises:
        UserError: the engine says no, or ended.
        Cancelled: something else was asked meanwhile; try again later.
    """
    engine = session.current.engine
    assert engine is not None
    results: list[dict[str, Any]] = []
    failures: list[Failure] = []
    engine.request(
        method, params, on_done=results.append, on_failure=failures.append, urgency=urgency
    )
    while not results and not failures:
        session.pump()
        yield WAITING
    if failures:
        raise error_from_failure(failures[0])
    return results[0]
