"""A picture that the artist pointed in: its camera and what was pointed at.

A run starts from one such picture. Others may refine the same objects: where the first picture's
mask has too much or too little, a click in a picture from another side says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .cameras import Camera
from .errors import UserError
from .json_values import not_as_expected
from .prompts import Prompt, prompts_from_json, read_json


@dataclass(frozen=True)
class PromptedView:
    """A camera in the field's frame, and prompts in pixels of its picture."""

    camera: Camera
    objects: tuple[Prompt, ...]

    def check(self) -> None:
        """Raise UserError when a prompt lies outside the picture."""
        for prompt in self.objects:
            prompt.check_inside(self.camera.width, self.camera.height)

    def to_json(self) -> dict[str, Any]:
        """A plain dict that `from_json` reads back."""
        objects = [prompt.to_json() for prompt in self.objects]
        return {"camera": self.camera.to_json(), "objects": objects}

    @staticmethod
    def from_json(data: Any) -> PromptedView:
        """Read an entry of ``more_views``. Raises UserError when it is not one."""
        if not isinstance(data, dict):
            raise not_as_expected("A further view", 'an object with a "camera"', data)
        camera = Camera.from_json(data.get("camera"))
        return PromptedView(camera, tuple(prompts_from_json(data)))


def read_prompts_by_frame(path: Path, frame: int) -> dict[int, list[Prompt]]:
    """`prompts_by_frame` of a ``prompts.json``. Raises UserError when the file cannot be used."""
    return prompts_by_frame(read_json(path, "prompt file"), frame)


def prompts_by_frame(data: Any, frame: int) -> dict[int, list[Prompt]]:
    """The objects of a parsed ``prompts.json`` by the frame whose pixels they are in.

    ``frame`` comes first. An entry is in ``frame`` unless it has a ``frame`` of its own. Entries
    of one name in several frames are one object; in the later ones, points that are not on it are
    enough.

    Raises:
        UserError: they cannot be used, or none is in ``frame``.
    """
    entries = data.get("objects") if isinstance(data, dict) else None
    frames: dict[int, list[Any]] = {frame: []}
    for entry in entries if isinstance(entries, list) else ():
        number = entry.get("frame", frame) if isinstance(entry, dict) else frame
        if not isinstance(number, int) or isinstance(number, bool):
            raise UserError(f"{number!r} is no frame; give each prompt's frame as a number.")
        frames.setdefault(number, []).append(entry)
    if not frames[frame] and len(frames) > 1:
        raise UserError(
            f"No prompt is in frame {frame}, where the run starts; add one, or choose "
            f"--frame {max(frames)}.",
            code="no_prompt",
        )
    found: dict[int, list[Prompt]] = {}
    known: set[str] = set()
    for number, here in frames.items():
        found[number] = prompts_from_json({"objects": [_refining(e, known) for e in here]})
        known.update(prompt.name for prompt in found[number])
    return found


def _refining(entry: Any, known: set[str]) -> Any:
    if isinstance(entry, dict) and entry.get("name") in known:
        return {**entry, "refines": True}
    return entry
