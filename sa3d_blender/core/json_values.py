"""Values that came as JSON: what kind they are, and the sentence where it is the wrong one."""

from __future__ import annotations

import json
from typing import Any

from .errors import UserError

LARGEST = 1e300
"""Larger numbers are not believed; JSON's whole numbers have no limit, floats have."""
MAX_SHOWN = 40
"""Characters of a value in a sentence."""


def is_number(value: Any) -> bool:
    """Whether it is a finite number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST


def is_whole(value: Any) -> bool:
    """Whether it is a number without a fraction, written with a decimal point or not."""
    return is_number(value) and int(value) == value


def are_numbers(value: Any, count: int) -> bool:
    """Whether it is a list of so many numbers."""
    return isinstance(value, list) and len(value) == count and all(map(is_number, value))


def shown(value: Any) -> str:
    """A value in a sentence, as JSON writes it."""
    if value is None:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False, default=repr)
    text = text.encode(errors="replace").decode()  # half a character cannot be sent or printed
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def not_as_expected(what: str, wanted: str, value: Any) -> UserError:
    """The error for a value of the wrong kind.

    Args:
        what: names the value, e.g. ``The 'box' of object 'mug'``.
        wanted: what it should be, e.g. ``a list``.
        value: what came.
    """
    return UserError(f"{what} is not written as expected: it must be {wanted}, not {shown(value)}.")
