"""What there is to say of one setting, beside its default.

The command line's options, Blender's properties, the checks of what comes as JSON and
``docs/settings.md`` are made from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, get_args, get_type_hints

from .errors import UserError

Unit = Literal["", "pixels", "file"]


@dataclass(frozen=True)
class Choice:
    """One entry of a menu."""

    value: str | int
    """What files and the command line call it."""
    label: str
    help: str
    number: int | None = None
    """What a .blend stores; None for the entry's place in the menu."""


@dataclass(frozen=True)
class Setting:
    """What is said of a setting wherever it can be changed."""

    label: str
    """What panels call it."""
    help: str
    """A tooltip: begins with a capital, ends without a full stop."""
    noun: str = ""
    """What a number is called in a sentence: a ... of 5."""
    least: float | None = None
    most: float | None = None
    """The range of a number; the default is possible besides. None for no end."""
    usual: tuple[float | None, float | None] = (None, None)
    """The range that a slider has."""
    unit: Unit = ""
    choices: Callable[[], tuple[Choice, ...]] = tuple
    """A menu's entries; of a number the menu has some, and the command line takes others."""
    kind: type = str
    """Type of its value: bool, int, float or str. `described` reads it from the annotation."""

    def allows(self, value: float) -> bool:
        """Whether a number is in its range."""
        least = -math.inf if self.least is None else self.least
        most = math.inf if self.most is None else self.most
        return least <= value <= most


def setting(default: Any, label: str, help: str, **more: Any) -> Any:
    """A field of a settings dataclass that its users can change; ``more`` as in `Setting`."""
    return field(default=default, metadata={"setting": Setting(label, help, **more)})


def menu(names: Any, *entries: tuple[str, str]) -> tuple[Choice, ...]:
    """The names of a Literal as entries, each with its label and its help."""
    return tuple(Choice(name, *entry) for name, entry in zip(get_args(names), entries, strict=True))


def described(kind: type) -> dict[str, Setting]:
    """The settings of a dataclass that its users can change, by name, in order."""
    hints = get_type_hints(kind)
    return {
        field.name: replace(field.metadata["setting"], kind=_value_kind(hints[field.name]))
        for field in fields(kind)
        if "setting" in field.metadata
    }


def check_ranges(settings: Any) -> None:
    """Raise UserError, code ``setting``, unless each number is its default or in its range."""
    for name, setting in described(type(settings)).items():
        value, default = getattr(settings, name), getattr(type(settings), name)
        if setting.kind in (int, float) and value != default and not setting.allows(value):
            a_number = "a whole number" if setting.kind is int else "a number"
            unit = " pixels" if setting.unit == "pixels" else ""
            besides = "" if setting.allows(default) else f", or {default}"
            raise UserError(
                f"A {setting.noun} of {value}{unit} is not possible; "
                f"choose {a_number} from {setting.least:.12g} to {setting.most:.12g}{besides}.",
                code="setting",
            )


def _value_kind(hint: Any) -> type:
    found = next((kind for kind in get_args(hint) or (hint,) if kind is not type(None)), str)
    return found if isinstance(found, type) else type(found)
