"""The engine's process and its pipes: threads that wait, so that nobody else has to."""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import queue
import subprocess
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..errors import UserError
from .engine_command import ending_sentence, engine_environment, start_sentence
from .messages import Message, decode

LOG_LINES = 400
LOG_BYTES = 1_000_000
"""Size at which a log file is put aside and a new one begun."""
LOGS_ASIDE = 2


@dataclass(frozen=True)
class Ended:
    """The process is gone, for the reason that the sentence gives."""

    sentence: str


class EnginePipes:
    """Starts a process and moves lines between its pipes and two queues.

    Args:
        command: argv; never passed to a shell.
        log_file: also write the process's stderr there.
    """

    def __init__(self, command: Sequence[str], *, log_file: Path | None = None) -> None:
        self.inbox: queue.SimpleQueue[Message | Ended] = queue.SimpleQueue()
        """What the process said; an `Ended` is the last thing in it."""
        self.log: deque[str] = deque(maxlen=LOG_LINES)
        self.process: subprocess.Popen[bytes] | None = None
        """None until it is started."""
        self.told_to_end = False
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._command = list(command)
        self._log_file = log_file
        threading.Thread(target=self._serve, name="sa3d-engine", daemon=True).start()

    def send(self, line: bytes) -> None:
        """Queue a line for the process's stdin."""
        self._outbox.put(line)

    def close(self, grace: float) -> None:
        """Close the process's stdin; terminate it after ``grace`` seconds, then kill it."""
        self.told_to_end = True
        self._outbox.put(None)
        threading.Thread(target=self._reap, args=(grace,), name="sa3d-reaper", daemon=True).start()

    def _serve(self) -> None:
        try:
            process = _popen(self._command)
        except OSError as error:
            self.inbox.put(Ended(start_sentence(self._command[0], error)))
            return
        self.process = process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        threading.Thread(target=self._write, args=(process.stdin,), daemon=True).start()
        reader = threading.Thread(target=self._read_log, args=(process.stderr,), daemon=True)
        reader.start()
        self._read_messages(process.stdout)
        code = _wait_or_kill(process, 2.0)
        reader.join(timeout=1.0)
        log = "\n".join(list(self.log)[-40:])
        self.inbox.put(Ended(ending_sentence(code, log, asked=self.told_to_end)))
        self._outbox.put(None)

    def _read_messages(self, stdout: IO[bytes]) -> None:
        for line in stdout:
            try:
                self.inbox.put(decode(line))
            except UserError as error:
                shown = line[:200].decode(errors="replace").rstrip()
                self.log.append(f"[supervisor] {error}: {shown}")

    def _read_log(self, stderr: IO[bytes]) -> None:
        file = _RotatingLog(self._log_file) if self._log_file else None
        for line in stderr:
            text = line.decode(errors="replace").rstrip()
            self.log.append(text)
            if file:
                file.emit(logging.makeLogRecord({"msg": text}))
        if file:
            file.close()

    def _write(self, stdin: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError), stdin:
            while (line := self._outbox.get()) is not None:
                stdin.write(line)
                stdin.flush()

    def _reap(self, grace: float) -> None:
        give_up_at = time.monotonic() + grace
        while self.process is None and time.monotonic() < give_up_at:
            time.sleep(0.01)
        if self.process:
            _wait_or_kill(self.process, grace)


class _RotatingLog(logging.handlers.RotatingFileHandler):
    """Lines of the engine in a file that stays small."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            path, maxBytes=LOG_BYTES, backupCount=LOGS_ASIDE, encoding="utf-8", delay=True
        )

    def handleError(self, record: logging.LogRecord) -> None:
        """A log that cannot be written is no reason to disturb anyone."""


def _popen(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=engine_environment(),
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        start_new_session=True,
    )


def _wait_or_kill(process: subprocess.Popen[bytes], patience: float) -> int:
    for end in (process.terminate, process.kill):
        try:
            return process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            end()
    return process.wait()
