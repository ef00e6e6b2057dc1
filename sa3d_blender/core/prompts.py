"""What the artist points at: named objects with clicks and boxes in one picture."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import UserError

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
    def from_json(data: dict[str, Any]) -> ObjectPrompt:
        """Read one entry of ``prompts.json``. Raises UserError when it is not one."""
        try:
            points = tuple((float(x), float(y)) for x, y in data.get("points") or ())
            labels = data.get("labels")
            labels = tuple(map(_label, [OBJECT] * len(points) if labels is None else labels))
            box = data.get("box") or None
            if box is not None:
                x0, y0, x1, y1 = (float(v) for v in box)
                box = (x0, y0, x1, y1)
            candidate = int(data.get("candidate", 0))
            refines = bool(data.get("refines", False))
            return ObjectPrompt(str(data["name"]), points, labels, box, candidate, refines)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise UserError(f"A prompt is not written as expected ({error}).") from error


def _label(value: Any) -> int:
    """1 or 0, however it is written; half of one is an error, not cut off."""
    if int(value) != value:
        raise ValueError(f"{value} is no label")
    return int(value)


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
    return prompts_from_json(parse_prompts(path))


def parse_prompts(path: Path) -> Any:
    """What a ``prompts.json`` file says, unchecked. Raises UserError when it cannot be read."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise UserError(f"There is no prompt file at {path}.", code="missing_file") from error
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON; write it as the README shows.") from error
