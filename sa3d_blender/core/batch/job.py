"""One job of a batch: a checkpoint, cameras, prompts, settings, and what its folder is to hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..cameras import Camera
from ..errors import UserError
from ..json_values import is_whole, not_as_expected
from ..prompted_view import PromptedView, prompts_by_frame
from ..prompts import Prompt, check_name, prompts_from_json, read_json
from ..settings import (
    FieldOptions,
    MeshSettings,
    OwnMeshes,
    SegmentSettings,
    own_meshes_from_json,
    settings_from_json,
    settings_to_json,
)

OUTPUTS = ("meshes", "splats", "masks", "pictures")
"""What can be wanted of a job; the engine's ``commands/batch/outputs.py`` makes each."""
ALL = "all"
"""Of `BatchJob.frames`: every frame of the camera file."""
Frames = tuple[int, ...] | Literal["all"]
Prompts = Mapping[int, tuple[Prompt, ...]]


@dataclass(frozen=True)
class BatchJob:
    """What ``sa3d segment`` is told, and which outputs are wanted. All paths are absolute."""

    name: str
    """Its folder's name; no two jobs of a batch have the same one."""
    checkpoint: Path
    options: FieldOptions
    cameras: Path | None
    """The camera file, whose cameras views are chosen among; None only beside a ``camera``."""
    size: tuple[int, int] | None
    """(width, height) in pixels of the camera file's pictures, where the file does not say it."""
    frame: int
    """The prompted frame of the camera file."""
    camera: Camera | None
    """The prompted camera, field frame, where it is none of the camera file's."""
    prompts: Prompts
    """By frame, the prompted one first; beside a ``camera`` all are in its picture, as frame 0."""
    more_views: tuple[PromptedView, ...]
    """Prompts in pictures of further cameras, field frame."""
    settings: SegmentSettings
    mesh: MeshSettings
    own_meshes: OwnMeshes
    outputs: tuple[str, ...]
    """Some of `OUTPUTS`."""
    frames: Frames
    """Of which frames masks and pictures are made; none for the prompted picture alone."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict that `from_json` reads back, with every setting said."""
        objects = [
            prompt.to_json() | ({"frame": frame} if self.camera is None else {})
            for frame, here in self.prompts.items()
            for prompt in here
        ]
        return {
            "name": self.name,
            "checkpoint": str(self.checkpoint),
            "options": settings_to_json(self.options),
            "cameras": None if self.cameras is None else str(self.cameras),
            "size": None if self.size is None else "{}x{}".format(*self.size),
            "frame": self.frame,
            "camera": None if self.camera is None else self.camera.to_json(),
            "objects": objects,
            "more_views": [view.to_json() for view in self.more_views],
            "settings": settings_to_json(self.settings),
            "mesh": settings_to_json(self.mesh),
            "own_meshes": {name: settings_to_json(m) for name, m in self.own_meshes.items()},
            "outputs": list(self.outputs),
            "frames": self.frames if isinstance(self.frames, str) else list(self.frames),
        }

    @staticmethod
    def from_json(data: Any, folder: Path) -> BatchJob:
        """Read a job's table.

        Args:
            folder: what relative paths start from.

        Raises:
            UserError: it lacks something, has something unknown, or a value cannot be used.
        """
        if not isinstance(data, dict):
            raise not_as_expected("A job", "a table with values by name", data)
        table = {key: value for key, value in data.items() if value is not None}
        unknown = next((key for key in table if key not in _KEYS), None)
        if unknown is not None:
            raise UserError(f"There is no {unknown!r} in a job; it can have {', '.join(_KEYS)}.")
        name = _value(table, "name", "text", lambda value: isinstance(value, str))
        check_name(name)
        cameras, checkpoint = (_path(table, key, folder) for key in ("cameras", "checkpoint"))
        if checkpoint is None:
            raise UserError("The job names no checkpoint; add checkpoint = 'FILE'.")
        camera = Camera.from_json(table["camera"]) if "camera" in table else None
        if cameras is None and camera is None:
            raise UserError("The job names no cameras; add cameras = 'FILE'.")
        frame = _value(table, "frame", "a whole number", is_whole, 0)
        prompts = _prompts(table, folder, int(frame), own_camera=camera is not None)
        mesh = settings_from_json(MeshSettings, table.get("mesh"))
        own = own_meshes_from_json(table.get("own_meshes"), mesh)
        more = _list(table, "more_views")
        job = BatchJob(
            name=name,
            checkpoint=checkpoint,
            options=settings_from_json(FieldOptions, table.get("options")),
            cameras=cameras,
            size=_size(table),
            frame=int(frame),
            camera=camera,
            prompts=prompts,
            more_views=tuple(PromptedView.from_json(view) for view in more),
            settings=_settings(table, folder),
            mesh=mesh,
            own_meshes=own,
            outputs=tuple(_outputs(table)),
            frames=_frames(table),
        )
        job._check_together()
        return job

    @property
    def object_names(self) -> list[str]:
        """The names of its objects."""
        views = (*self.prompts.values(), *(view.objects for view in self.more_views))
        return list(dict.fromkeys(prompt.name for here in views for prompt in here))

    def _check_together(self) -> None:
        """Raise UserError where values do not go together."""
        unknown = next((name for name in self.own_meshes if name not in self.object_names), None)
        if unknown is not None:
            raise UserError(
                f"own_meshes is about an object {unknown!r}; the prompts have "
                f"{', '.join(self.object_names)}."
            )
        if self.frames and self.cameras is None:
            raise UserError("frames are numbers of a camera file; add cameras = 'FILE'.")
        if self.camera is not None:
            PromptedView(self.camera, self.prompts[0]).check()
        for view in self.more_views:
            view.check()


_KEYS = (
    *("name", "checkpoint", "options", "cameras", "size", "frame", "camera", "prompts", "objects"),
    *("more_views", "settings", "mesh", "own_meshes", "outputs", "frames"),
)
"""All that a job's table can have."""


def _value(
    table: dict[str, Any],
    key: str,
    wanted: str,
    fits: Callable[[Any], bool],
    usual: Any = None,
) -> Any:
    """A value of the table; ``usual`` where it has none. Raises UserError when it does not fit."""
    value = table.get(key, usual)
    if not fits(value):
        raise not_as_expected(f"The job's {key!r}", wanted, value)
    return value


def _list(table: dict[str, Any], key: str) -> list[Any]:
    return list(_value(table, key, "a list", lambda value: isinstance(value, list), []))


def _path(table: dict[str, Any], key: str, folder: Path) -> Path | None:
    if key not in table:
        return None
    text = _value(table, key, "a path", lambda v: isinstance(v, str) and bool(v) and "\0" not in v)
    return (folder / text).absolute()


def _size(table: dict[str, Any]) -> tuple[int, int] | None:
    if "size" not in table:
        return None
    text = str(table["size"])
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise not_as_expected("The job's 'size'", "a size like 800x600", table["size"])
    return int(width), int(height)


def _prompts(table: dict[str, Any], folder: Path, frame: int, *, own_camera: bool) -> Prompts:
    """The prompts of the table itself or of the file that it names."""
    file = _path(table, "prompts", folder)
    if (file is None) == ("objects" not in table):
        raise UserError(
            "A job needs prompts, once: prompts = 'FILE.json', or objects in the job itself."
        )
    data = table if file is None else read_json(file, "prompt file")
    if own_camera:
        return {0: tuple(prompts_from_json(data))}
    return {number: tuple(here) for number, here in prompts_by_frame(data, frame).items()}


def _settings(table: dict[str, Any], folder: Path) -> SegmentSettings:
    data = table.get("settings")
    if isinstance(data, dict) and isinstance(data.get("weights"), str):
        data = data | {"weights": str((folder / data["weights"]).absolute())}
    return settings_from_json(SegmentSettings, data)


def _outputs(table: dict[str, Any]) -> list[str]:
    found = _list(table, "outputs") if "outputs" in table else ["meshes"]
    if not found or not all(entry in OUTPUTS for entry in found):
        raise not_as_expected("The job's 'outputs'", f"some of {', '.join(OUTPUTS)}", found)
    return [entry for entry in OUTPUTS if entry in found]


def _frames(table: dict[str, Any]) -> Frames:
    if table.get("frames") == ALL:
        return "all"
    found = _list(table, "frames")
    if not all(map(is_whole, found)):
        raise not_as_expected("The job's 'frames'", f'a list of numbers, or "{ALL}"', found)
    return tuple(map(int, found))
