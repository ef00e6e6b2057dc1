"""What points at objects in a picture: clicks and boxes, the artist's and the engine's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from .errors import UserError
from .json_values import are_numbers, is_number, is_whole, not_as_expected

OBJECT = 1
"""Label of a click on the object."""
NOT_OBJECT = 0
"""Label of a click on something else."""
MAX_NAME_BYTES = 200
"""File systems allow 255, and files' names have more in them than the object's."""


@dataclass(frozen=True)
class Prompt:
    """What points at one object in one picture: clicks and, or, a box.

    Places are in pixels of the picture, x right and y down from its top left. The artist's prompts
    are the entries of ``prompts.json``. The engine makes its own from them: moved to another pixel
    grid, with further clicks, with the logits of the answer before. Segmenters answer all of them.

    Raises:
        UserError: the labels do not fit the points, or the candidate is none.
    """

    name: str = ""
    """The object's; every prompt of an artist has one."""
    points: tuple[tuple[float, float], ...] = ()
    labels: tuple[int, ...] = ()
    """1 for "this belongs to the object", 0 for "this does not", one per point."""
    box: tuple[float, float, float, float] | None = None
    """x0, y0, x1, y1."""
    candidate: int = 0
    """Which of the segmenter's masks for this prompt is meant; 0 is the one it thinks best of."""
    refines: bool = False
    """Another picture says where the object is; here, points that are not on it are enough."""
    logits: np.ndarray | None = field(default=None, kw_only=True, compare=False, repr=False)
    """Low-resolution mask logits [lh lw] of an earlier answer about this picture, to correct."""
    multimask: bool = field(default=True, kw_only=True)
    """Three candidates (whole, part, subpart) are wanted when true, else a single mask."""

    def __post_init__(self) -> None:
        if len(self.points) != len(self.labels):
            raise UserError(f"Object {self.name!r} needs one label (1 or 0) for each point.")
        if any(label not in (OBJECT, NOT_OBJECT) for label in self.labels):
            raise UserError(f"Object {self.name!r} has a label that is neither 1 nor 0.")
        if self.candidate < 0:
            raise UserError(f"Object {self.name!r} asks for the mask {self.candidate}; 0 is best.")

    @property
    def says_where(self) -> bool:
        """Whether it points at the object; if not, it only says what the object is not."""
        return OBJECT in self.labels or self.box is not None

    @property
    def clicks(self) -> list[tuple[float, float, int]]:
        """Its points with their labels, as (x, y, label)."""
        return [(x, y, label) for (x, y), label in zip(self.points, self.labels, strict=True)]

    @property
    def on_object(self) -> list[tuple[float, float]]:
        """Its points on the object."""
        return [(x, y) for x, y, label in self.clicks if label == OBJECT]

    def point_array(self, label: int | None = None) -> np.ndarray:
        """Its points [n 2], in the single precision that segmenters compute with.

        Args:
            label: only those of this label.
        """
        wanted = [(x, y) for x, y, given in self.clicks if label in (None, given)]
        return np.array(wanted, np.float32).reshape(-1, 2).astype(float)

    def box_array(self) -> np.ndarray:
        """Its box, x0, y0, x1, y1, in the same precision; only where it has one."""
        return np.array(self.box, np.float32).astype(float)

    def with_clicks(self, clicks: Iterable[tuple[float, float, int]]) -> Prompt:
        """The prompt with other clicks, given as `clicks` has them."""
        clicks = list(clicks)
        points = tuple((x, y) for x, y, _ in clicks)
        return replace(self, points=points, labels=tuple(label for *_, label in clicks))

    def and_click(self, row: int, column: int, label: int) -> Prompt:
        """The prompt with one more click, on the centre of a pixel."""
        return self.with_clicks([*self.clicks, (column + 0.5, row + 0.5, label)])

    def check(self) -> None:
        """Raise UserError where an artist's prompt has no good name or points at nothing."""
        check_name(self.name)
        if not self.says_where and not (self.refines and self.points):
            raise UserError(
                f"Object {self.name!r} has no positive point and no box; click on the object.",
                code="no_prompt",
            )

    def check_inside(self, width: int, height: int) -> None:
        """Raise UserError as `check`, and where it reaches out of a picture of this size."""
        self.check()
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
    def from_json(data: Any) -> Prompt:
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
        prompt = Prompt(
            name,
            points,
            tuple(map(int, labels)),
            (x0, y0, x1, y1) if data.get("box") else None,
            int(data.get("candidate") or 0),
            bool(data.get("refines")),
        )
        prompt.check()
        return prompt


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


def prompts_from_json(data: Any) -> list[Prompt]:
    """The objects of a parsed ``prompts.json``; names must differ."""
    entries = data.get("objects") if isinstance(data, dict) else None
    if not isinstance(entries, list) or not entries:
        raise UserError('The prompts need a list "objects" with at least one object.')
    objects = [Prompt.from_json(entry) for entry in entries]
    if len({entry.name for entry in objects}) < len(objects):
        raise UserError("Two objects have the same name; give each its own.")
    return objects


def read_prompts(path: Path) -> list[Prompt]:
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
