"""A client of the engine's server: requests out, messages in, each of them checked."""

from __future__ import annotations

import json
import queue
import threading
from typing import Any

PATIENCE = 60.0
"""Seconds; a busy machine is slow, a hanging one is not waited for."""

Answer = dict[str, Any]


class Client:
    """Speaks to a server through two pipes and sorts what comes back."""

    def __init__(self, source: Any, wire: Any) -> None:
        self.wire = wire
        self.lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.progress: list[Answer] = []
        self.number = 0
        threading.Thread(target=self._read, args=(source,), daemon=True).start()

    def _read(self, source: Any) -> None:
        for line in iter(source.readline, b""):
            self.lines.put(line)

    def write(self, line: bytes) -> None:
        """Send a line as it is."""
        self.wire.write(line + b"\n")
        self.wire.flush()

    def ask(self, method: str, **params: Any) -> int:
        """Send a request; returns its id."""
        self.number += 1
        message = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}
        self.write(json.dumps(message).encode())
        return self.number

    def cancel(self, number: int) -> None:
        """Ask to stop a request."""
        message = {"jsonrpc": "2.0", "method": "cancel", "params": {"id": number}}
        self.write(json.dumps(message).encode())

    def next(self) -> Answer:
        """The next message, whatever it is. Every line on the wire must be one."""
        message = json.loads(self.lines.get(timeout=PATIENCE))
        assert message["jsonrpc"] == "2.0"
        return message

    def answer(self) -> Answer:
        """The next answer; progress before it is kept."""
        while "method" in (message := self.next()):
            assert message["method"] == "progress"
            self.progress.append(message["params"])
        return message

    def result(self, method: str, **params: Any) -> Answer:
        """Ask and return the result."""
        number = self.ask(method, **params)
        answer = self.answer()
        assert answer["id"] == number
        assert "result" in answer, answer
        return answer["result"]

    def failure(self, method: str, **params: Any) -> Answer:
        """Ask and return the error."""
        number = self.ask(method, **params)
        answer = self.answer()
        assert answer["id"] == number
        assert "error" in answer, answer
        return answer["error"]
