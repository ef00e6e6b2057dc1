"""Errors that are meant for the artist: one sentence that names the cause and the cure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class UserError(Exception):
    """Something the user can put right. ``str(error)`` is the whole message shown to them.

    Args:
        message: one clear sentence: what is wrong and what to do.
        code: stable identifier for programs, e.g. ``not_a_checkpoint``.
    """

    def __init__(self, message: str, *, code: str = "invalid_input") -> None:
        super().__init__(message)
        self.code = code


@contextmanager
def about_file(path: Path) -> Iterator[None]:
    """Make a UserError that comes from a file's content name the file."""
    try:
        yield
    except UserError as error:
        message = str(error)
        if str(path) in message:
            raise
        raise UserError(f"{path}: {message[0].lower()}{message[1:]}", code=error.code) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out; torch raises plain `RuntimeError` on the CPU."""
    known = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return known or (isinstance(error, RuntimeError) and "allocate memory" in str(error))


class Cancelled(Exception):  # noqa: N818 - nothing went wrong
    """The user asked to stop; nothing is wrong."""
