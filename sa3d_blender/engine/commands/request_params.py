"""What a request brings: its params by name and kind, and what is answered where one is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...core.errors import UserError
from ...core.json_values import are_numbers, is_number, is_whole, shown
from ...core.settings import FieldOptions, settings_from_json

Params = dict[str, Any]


class ParamError(UserError):
    """A request lacks something, or something in it is of the wrong kind."""


class NamedParams(Params):
    """A request's params.

    Everything raises `ParamError`: asking for one that is missing, or that is of another kind.
    """

    def __missing__(self, name: str) -> Any:
        raise ParamError(f"The request names no {name!r}; add it to the params.")

    def path(self, name: str) -> Path:
        """A file or folder."""
        value = self[name]
        if not isinstance(value, str) or not value or "\0" in value:
            raise self._wrong(name, "a path")
        return Path(value)

    def optional_path(self, name: str) -> Path | None:
        """A file or folder; None for null, no text and where it is missing."""
        return None if self.get(name) in (None, "") else self.path(name)

    def optional_text(self, name: str) -> str | None:
        """A file or folder as it is written; None for null, no text and where it is missing."""
        return None if self.optional_path(name) is None else str(self[name])

    def word(self, name: str, usual: str) -> str:
        """A name; ``usual`` where it is missing."""
        if not isinstance(self.get(name, usual), str):
            raise self._wrong(name, "a name")
        return str(self.get(name, usual))

    def entries(self, name: str) -> list[Any]:
        """A list of whatever it may hold."""
        if not isinstance(self[name], list):
            raise self._wrong(name, "a list")
        return list(self[name])

    def optional_entries(self, name: str) -> list[Any]:
        """A list of whatever it may hold; an empty one for null and where it is missing."""
        return [] if self.get(name) is None else self.entries(name)

    def names(self, name: str) -> list[str]:
        """A list of objects' names; an empty one for null and where it is missing."""
        found = self.optional_entries(name)
        if not all(isinstance(entry, str) for entry in found):
            raise self._wrong(name, "a list of names")
        return found

    def whole(self, name: str, least: int, most: int) -> int:
        """A whole number in its range."""
        if not is_whole(self[name]) or not least <= self[name] <= most:
            raise self._wrong(name, f"a whole number from {least} to {most}")
        return int(self[name])

    def seconds(self, name: str) -> float:
        """A time that is not negative."""
        if not is_number(self[name]) or self[name] < 0:
            raise self._wrong(name, "a number of seconds")
        return float(self[name])

    def params(self, name: str) -> NamedParams:
        """Further params below that name; none for null and where it is missing."""
        value = self.get(name)
        if value is not None and not isinstance(value, dict):
            raise self._wrong(name, "an object with named values")
        return NamedParams(value or {})

    def paths(self, name: str) -> dict[str, str]:
        """Files by name, as they are written; none for null and where it is missing."""
        found = self.params(name)
        return {key: str(found[key]) for key in found if found.path(key)}

    def colors(self, name: str) -> dict[str, list[float]]:
        """Red, green and blue in [0, 1] by object."""
        found = self.params(name)
        for color in found.values():
            if not are_numbers(color, 3) or not all(0 <= share <= 1 for share in color):
                raise self._wrong(name, "[red, green, blue] from 0 to 1 by the object's name")
        return dict(found)

    def _wrong(self, name: str, wanted: str) -> ParamError:
        return ParamError(f"The request's {name!r} must be {wanted}, not {shown(self[name])}.")


def checkpoint_of(params: NamedParams) -> tuple[Path, FieldOptions]:
    """The checkpoint a request is about and its options."""
    if not isinstance(params.get("checkpoint"), str):
        raise UserError("The request names no checkpoint; load a NeRF first.")
    return params.path("checkpoint"), settings_from_json(FieldOptions, params.get("options"))
