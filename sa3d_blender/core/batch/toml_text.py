"""TOML as text. Python reads TOML and does not write it; this writes what a jobs file needs."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def array_entry(name: str, table: Mapping[str, Any]) -> str:
    r"""The text of one more entry in an array of tables; values that are None are left out.

    >>> print(array_entry("job", {"name": "mug", "camera": {"w": 4}, "objects": [{"box": [0.5]}]}))
    [[job]]
    name = "mug"
    <BLANKLINE>
    [job.camera]
    w = 4
    <BLANKLINE>
    [[job.objects]]
    box = [0.5]
    <BLANKLINE>

    Raises:
        ValueError: a value is none that TOML has.
    """
    return "\n".join(_lines((name,), table, "[[{}]]")) + "\n"


def _lines(path: tuple[str, ...], table: Mapping[str, Any], header: str) -> Iterator[str]:
    """A table's own values first: what follows a further header belongs to that."""
    yield header.format(".".join(map(_key, path)))
    said = {key: value for key, value in table.items() if value is not None}
    tables = {key: value for key, value in said.items() if isinstance(value, Mapping) and value}
    arrays = {key: value for key, value in said.items() if _is_array_of_tables(value)}
    for key, value in said.items():
        if key not in tables and key not in arrays:
            yield f"{_key(key)} = {_value(value)}"
    for key, value in tables.items():
        yield ""
        yield from _lines((*path, key), value, "[{}]")
    for key, entries in arrays.items():
        for entry in entries:
            yield ""
            yield from _lines((*path, key), entry, "[[{}]]")


def _is_array_of_tables(value: Any) -> bool:
    is_list = isinstance(value, list) and bool(value)
    return is_list and all(isinstance(entry, Mapping) for entry in value)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _string(name)


def _string(text: str) -> str:
    """JSON's strings are TOML's, but for one character that TOML has escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, Mapping) and not value:
        return "{}"
    raise ValueError(f"{value!r} cannot be written as TOML")
