"""Starts the engine, talks to it and notices its end. No bpy: Blender, tests and scripts share it.

Nothing here waits: `engine_pipes` has threads for that, and `pump` hands what arrived to callbacks
on the caller's thread. `run` is the same thing for callers that may wait.
"""

from __future__ import annotations

import queue
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import Cancelled, UserError
from ..turns import Urgency
from .engine_pipes import Ended, EnginePipes
from .messages import (
    CANCELLED,
    INTERNAL_ERROR,
    USER_ERROR,
    Failure,
    Message,
    Notification,
    Request,
    RequestId,
    Response,
    encode,
)

GRACE = 5.0
"""Seconds that a cancelled request may take to end before the engine is ended instead."""
ENGINE_ENDED = "engine_ended"
"""`Failure.reason` when the engine ended before it answered."""

OnProgress = Callable[[dict[str, Any]], None]
OnDone = Callable[[dict[str, Any]], None]
OnFailure = Callable[[Failure], None]


@dataclass
class _Pending:
    """A request that has no answer yet."""

    on_progress: OnProgress | None
    on_done: OnDone | None
    on_failure: OnFailure | None
    urgency: Urgency = Urgency.JOB
    made_way: bool = False
    """Whether it was cancelled for something more urgent."""
    give_up_at: float | None = None
    """When the engine is ended because it ignored a cancel."""


class EngineProcess:
    """One engine. Made for one thread, the one that calls `pump`.

    Args:
        command: argv of the engine; never passed to a shell. See `engine_command`.
        log_file: also write the engine's stderr there.
        grace: seconds between a cancel and the end of an engine that ignores it.
    """

    def __init__(
        self, command: Sequence[str], *, log_file: Path | None = None, grace: float = GRACE
    ) -> None:
        self._pipes = EnginePipes(command, log_file=log_file)
        self._grace = grace
        self._pending: dict[RequestId, _Pending] = {}
        self._held: deque[Message | Ended] = deque()
        self._kill_at: float | None = None
        self._closed = False
        self.requests = 0
        """How many were made."""
        self.ended: str | None = None
        """Why the engine is gone, as a sentence; None while it lives."""

    @property
    def pid(self) -> int | None:
        """The process id, once it is started."""
        return self._pipes.process.pid if self._pipes.process else None

    @property
    def busy(self) -> bool:
        """Whether a request waits for its answer."""
        return bool(self._pending)

    def log_tail(self, lines: int = 40) -> str:
        """The last lines that the engine wrote to stderr."""
        return "\n".join(list(self._pipes.log)[-lines:])

    def request(
        self,
        method: str,
        params: dict[str, Any],
        *,
        on_progress: OnProgress | None = None,
        on_done: OnDone | None = None,
        on_failure: OnFailure | None = None,
        urgency: Urgency = Urgency.JOB,
    ) -> int:
        """Ask for work and return the request's id at once; `pump` calls the callbacks.

        Exactly one of ``on_done`` and ``on_failure`` is called, whatever happens to the engine.

        Args:
            urgency: from `Urgency.FOLLOW` on nobody waits for it: it is cancelled when anything
                more urgent is asked.
        """
        self.make_way(urgency)
        request_id = self.requests = self.requests + 1
        self._pending[request_id] = _Pending(on_progress, on_done, on_failure, urgency)
        self.send(Request(request_id, method, params))
        return request_id

    def ask(
        self, method: str, params: dict[str, Any], **how: Any
    ) -> tuple[int, Future[dict[str, Any]]]:
        """`request`, with a future in place of callbacks: the request's id, and its result.

        The future raises UserError where the engine says no or ended, and Cancelled.
        """
        future: Future[dict[str, Any]] = Future()
        request_id = self.request(
            method,
            params,
            on_done=future.set_result,
            on_failure=lambda failure: future.set_exception(error_from_failure(failure)),
            **how,
        )
        return request_id, future

    def send(self, message: Message) -> None:
        """Queue a message for the engine; never waits."""
        self._pipes.send(encode(message))

    def busy_with(self, urgency: Urgency) -> bool:
        """Whether a request that is at least so urgent waits for its answer."""
        return any(pending.urgency <= urgency for pending in self._pending.values())

    def make_way(self, urgency: Urgency) -> None:
        """Cancel what is less urgent and nobody waits for. The engine may take its time."""
        for request_id, pending in self._pending.items():
            if pending.urgency > max(urgency, Urgency.JOB) and not pending.made_way:
                pending.made_way = True
                self.send(Notification("cancel", {"id": request_id}))

    def cancel(self, request_id: int) -> None:
        """Ask the engine to stop a request; it is ended if it does not within the grace time."""
        pending = self._pending.get(request_id)
        if pending and pending.give_up_at is None:
            pending.give_up_at = time.monotonic() + self._grace
            self.send(Notification("cancel", {"id": request_id}))

    def pump(self, budget: float = 0.02) -> int:
        """Hand over what arrived, for at most about ``budget`` seconds; returns how much it was."""
        deadline = time.monotonic() + budget
        handled = 0
        self._end_when_hung()
        if self.ended is not None and self._pending:
            self._fail_all(self.ended)
        while handled == 0 or time.monotonic() < deadline:
            event = self._held.popleft() if self._held else self._arrived()
            if event is None:
                break
            self._dispatch(event)
            handled += 1
        return handled

    def hand_over(self, request_id: int, *, wait: float = 0.0) -> bool:
        """Hand over the answer to one request and nothing else; returns whether it was there.

        Args:
            wait: seconds to wait for it at most.
        """
        give_up_at = time.monotonic() + wait
        while True:
            for event in self._held:
                if isinstance(event, Response | Failure) and event.id == request_id:
                    self._held.remove(event)
                    self._dispatch(event)
                    return True
            arrived = self._arrived(wait=max(0.0, give_up_at - time.monotonic()))
            if arrived is None:
                return False
            self._held.append(arrived)

    def _arrived(self, *, wait: float = 0.0) -> Message | Ended | None:
        try:
            return self._pipes.inbox.get(block=wait > 0, timeout=wait or None)
        except queue.Empty:
            return None

    def run(
        self,
        method: str,
        params: dict[str, Any],
        *,
        timeout: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> dict[str, Any]:
        """Ask for work and wait for its result.

        Raises:
            UserError: the engine said no, ended, or took longer than ``timeout`` seconds.
            Cancelled: the request was cancelled, e.g. from ``on_progress``.
        """
        request_id, future = self.ask(method, params, on_progress=on_progress)
        give_up_at = None if timeout is None else time.monotonic() + timeout
        try:
            while not future.done():
                if give_up_at is not None and time.monotonic() > give_up_at:
                    raise UserError(
                        f"The engine did not answer within {timeout:g} seconds; try again.",
                        code="timeout",
                    )
                if not self.pump():
                    time.sleep(0.005)
        except BaseException:
            self.cancel(request_id)
            raise
        return future.result()

    def close(self, *, wait: float = 0.0) -> None:
        """Let the engine end: its stdin is closed, then it is terminated, then killed.

        Requests without an answer fail. Returns at once unless ``wait`` gives the seconds to wait
        for the end.
        """
        if not self._closed:
            self._closed = True
            self._pipes.close(self._grace)
            self._fail_all("The engine was stopped.")
        give_up_at = time.monotonic() + wait
        while wait and self.ended is None and time.monotonic() < give_up_at:
            self.pump()
            time.sleep(0.01)

    def _dispatch(self, event: Message | Ended) -> None:
        if isinstance(event, Ended):
            self.ended = event.sentence
            self._fail_all(event.sentence)
        elif isinstance(event, Response | Failure) and event.id is not None:
            self._settle(event.id, event)
        elif isinstance(event, Notification) and event.method == "progress":
            pending = self._pending.get(event.params.get("id", 0))
            if pending and pending.on_progress:
                pending.on_progress(event.params)
        else:
            self._pipes.log.append(f"[supervisor] unexpected message: {event}")

    def _settle(self, request_id: RequestId, answer: Response | Failure) -> None:
        pending = self._pending.pop(request_id, None)
        if pending is None:
            return
        try:
            if isinstance(answer, Response):
                if pending.on_done:
                    pending.on_done(answer.result)
                return
        except UserError as error:
            answer = Failure(request_id, USER_ERROR, str(error), error.code)
        except Exception as error:
            self._pipes.log.extend(traceback.format_exc().splitlines())
            answer = Failure(request_id, INTERNAL_ERROR, f"The result could not be used ({error}).")
        if pending.on_failure:
            pending.on_failure(answer)

    def _fail_all(self, sentence: str) -> None:
        for request_id, pending in list(self._pending.items()):
            if pending.give_up_at is not None:
                failure = Failure(request_id, CANCELLED, "Stopped.", "cancelled")
            else:
                failure = Failure(request_id, INTERNAL_ERROR, sentence, ENGINE_ENDED)
            self._settle(request_id, failure)

    def _end_when_hung(self) -> None:
        now = time.monotonic()
        process = self._pipes.process
        if process is None or self.ended is not None:
            return
        if self._kill_at is not None:
            if now > self._kill_at:
                process.kill()
        elif any(p.give_up_at is not None and now > p.give_up_at for p in self._pending.values()):
            self._pipes.told_to_end = True
            process.terminate()
            self._kill_at = now + 2.0


def error_from_failure(failure: Failure) -> UserError | Cancelled:
    """The exception that says what a failure says."""
    if failure.code == CANCELLED:
        return Cancelled(failure.message)
    return UserError(failure.message, code=failure.reason or "engine")
