"""What the artist points at: named objects with clicks and boxes in one picture."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import UserError
from .json_values import are_numbers, is_number, is_whole, not_as_expected

OBJECT = 1
"""Label of a click on the object."""
NOT_OBJECT = 0
"""Label of a click on something else."""
MAX_NAME_BYTES = 200
"""File systems allow 255, and files' names have more in them than the object's."""


@dataclass(frozen=True)
class ObjectPrompt:
    """One object: clicks and, or, a box, in pixels of one picture (origin top left, x right)."""

    name: str
    points: tuple[tuple[float, float], ...] = ()
    labels: tuple[int, ...] = ()
    box: tuple[float, float, float, float] | None = None
    candidate: int = 0
    """Which of the segmenter's masks for this prompt is meant; 0 is the one it thinks best of."""
    refines: bool = False
    """Another picture says where the object is; here, points that are not on it are enough."""

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.points) != len(self.labels):
            raise UserError(f"Object {self.name!r} needs one label (1 or 0) for each point.")
        if any(label not in (OBJECT, NOT_OBJECT) for label in self.labels):
            raise UserError(f"Object {self.name!r} has a label that is neither 1 nor 0.")
        if self.candidate < 0:
            raise UserError(f"Object {self.name!r} asks for the mask {self.candidate}; 0 is best.")
        if not self.says_where and not (self.refines and self.points):
            raise UserError(
                f"Object {self.name!r} has no positive point and no box; click on the object.",
                code="no_prompt",
            )

    @property
    def says_where(self) -> bool:
        """Whether it points at the object; if not, it only says what the object is not."""
        return OBJECT in self.labels or self.box is not None

    def check_inside(self, width: int, height: int) -> None:
        """Raise UserError when a point or the box lies outside a picture of this size."""
        inside = [0 <= x <= width and 0 <= y <= height for x, y in self.points]
        if not all(inside):
            x, y = self.points[inside.index(False)]
            raise UserError(
                f"The point ({x:g}, {y:g}) of object {self.name!r} lies outside the "
                f"{width}x{height} picture; move it onto the object.",
                code="prompt_outside",
            )
        if self.box is not None:
            x0, y0, x1, y1 = self.box
            if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
                raise UserError(
                    f"The box of object {self.name!r} does not lie inside the {width}x{height} "
                    "picture; draw it from top left to bottom right.",
                    code="prompt_outside",
                )

    def to_json(self) -> dict[str, Any]:
        """A plain dict that `from_json` reads back."""
        data: dict[str, Any] = {"name": self.name}
        if self.points:
            data |= {"points": [list(p) for p in self.points], "labels": list(self.labels)}
        if self.box is not None:
            data["box"] = list(self.box)
        if self.candidate:
            data["candidate"] = self.candidate
        if self.refines:
            data["refines"] = True
        return data

    @staticmethod
    def from_json(data: Any) -> ObjectPrompt:
        """Read one entry of ``prompts.json``. Raises UserError when it is not one."""
        if not isinstance(data, dict):
            raise not_as_expected("A prompt", 'an object with a "name"', data)
        name = data.get("name")
        if not isinstance(name, str):
            raise not_as_expected("An object's 'name'", "text", name)
        for key, (wanted, fits) in EXPECTED.items():
            value = data.get(key)
            if value is not None and not fits(value):
                raise not_as_expected(f"The {key!r} of object {name!r}", wanted, value)
        points = tuple((float(x), float(y)) for x, y in data.get("points") or ())
        labels = data.get("labels")
        labels = [OBJECT] * len(points) if labels is None else labels
        x0, y0, x1, y1 = map(float, data.get("box") or (0, 0, 0, 0))
        return ObjectPrompt(
            name,
            points,
            tuple(map(int, labels)),
            (x0, y0, x1, y1) if data.get("box") else None,
            int(data.get("candidate") or 0),
            bool(data.get("refines")),
        )


def _are_points(value: Any) -> bool:
    """What is not finite is let through: it lies outside every picture, and is told there."""
    return isinstance(value, list) and all(
        isinstance(point, list)
        and len(point) == 2
        and all(isinstance(v, float) or is_number(v) for v in point)
        for point in value
    )


def _are_labels(value: Any) -> bool:
    """Labels may be written as numbers or as true and false; half of one is none."""
    return isinstance(value, list) and all(isinstance(v, bool) or is_whole(v) for v in value)


EXPECTED: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "points": ("a list of [x, y]", _are_points),
    "labels": ("a list of 1 and 0, one for each point", _are_labels),
    "box": ("[x0, y0, x1, y1]", lambda value: value == [] or are_numbers(value, 4)),
    "candidate": ("a whole number", is_whole),
    "refines": ("true or false", lambda value: isinstance(value, bool)),
}
"""What an entry of ``prompts.json`` has besides its name; all of it may be left out."""


def check_name(name: str) -> None:
    """Raise UserError unless an object's name can be part of a file's name, in the out folder."""
    if not name or any(c in name for c in '/\\:*?"<>|\0\n') or name[0] == ".":
        raise UserError(f"{name!r} cannot be an object's name; use one without / \\ : *.")
    if len(name.encode()) > MAX_NAME_BYTES:
        raise UserError(f"The name {name[:20]!r}... is too long for a file; use a shorter one.")


def prompts_from_json(data: Any) -> list[ObjectPrompt]:
    """The objects of a parsed ``prompts.json``; names must differ."""
    entries = data.get("objects") if isinstance(data, dict) else None
    if not isinstance(entries, list) or not entries:
        raise UserError('The prompts need a list "objects" with at least one object.')
    objects = [ObjectPrompt.from_json(entry) for entry in entries]
    if len({entry.name for entry in objects}) < len(objects):
        raise UserError("Two objects have the same name; give each its own.")
    return objects


def read_prompts(path: Path) -> list[ObjectPrompt]:
    """The objects of a ``prompts.json`` file. Raises UserError when it cannot be used."""
    return prompts_from_json(read_json(path, "prompt file"))


def read_json(path: Path, what: str) -> Any:
    """What a JSON file that the user wrote says, unchecked.

    Args:
        what: the file is.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise UserError(f"There is no {what} at {path}.", code="missing_file") from error
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON; write it as the README shows.") from error
