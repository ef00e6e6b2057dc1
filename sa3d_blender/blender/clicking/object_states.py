"""What there is to say of each object in the list: whether it needs a click, a run, or nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any, TypeVar

import bpy

from ..engine_link import session
from ..engine_link.job_steps import Steps
from ..nerf.picture_state import remembered_place
from ..properties import CuttingOut, SA3D_SegmentObject
from .prompts import points_at_object, prompt_empties

T = TypeVar("T")


class ObjectState(Enum):
    """State of an entry; the value is its sentence and its icon."""

    needs_click = ("Click on it first", "EYEDROPPER")
    ready = ("Ready to be cut out", "PLAY")
    running = ("Being cut out", "TIME")
    changed = ("Changed since it was cut out", "FILE_REFRESH")
    done = ("Cut out", "CHECKMARK")

    @property
    def sentence(self) -> str:
        """In words."""
        return self.value[0]

    @property
    def icon(self) -> str:
        """Blender's name of its icon."""
        return self.value[1]


_running: set[str] = set()
"""Keys of what the running job cuts out."""


def object_state(entry: SA3D_SegmentObject) -> ObjectState:
    """The state of an entry. Cheap: it is drawn."""
    nerf = entry.id_data
    if entry.key in _running and session.running():
        return ObjectState.running
    empties = prompt_empties(nerf, key=entry.key)
    usable = [empty for empty in empties if empty.sa3d.prompt.camera is not None]
    if not points_at_object(usable):
        return ObjectState.done if entry.result else ObjectState.needs_click
    if entry.result is None:
        return ObjectState.ready
    return ObjectState.done if entry.made_from == fingerprint(entry) else ObjectState.changed


def state_words(entry: SA3D_SegmentObject) -> tuple[str, str]:
    """Sentence and icon of an entry's state; a tick only where the run was sure of it."""
    state = object_state(entry)
    if state is ObjectState.done and is_doubtful(entry):
        return "Cut out, but doubtful", "ERROR"
    return state.sentence, state.icon


def is_doubtful(entry: SA3D_SegmentObject) -> bool:
    """Whether the last run says of an object that it is not sure."""
    return bool(entry.doubt.report and entry.doubt.note)


def fingerprint(entry: SA3D_SegmentObject) -> str:
    """What a result depends on, in a few characters: prompts, their cameras, and the settings."""
    nerf = entry.id_data
    facts = nerf.sa3d.nerf
    world = nerf.matrix_world.inverted_safe()
    said: list[Any] = [
        str(getattr(facts, name)) for name in (*CuttingOut.__annotations__, "checkpoint")
    ]
    for empty in sorted(
        prompt_empties(nerf, key=entry.key), key=lambda one: int(one.sa3d.prompt.number)
    ):
        prompt = empty.sa3d.prompt
        camera = prompt.camera
        if camera is not None:
            said.append([prompt.label, prompt.candidate, *_rounded(empty.location)])
            said.append([*_rounded(empty.scale), round(camera.data.lens, 3)])
            place = remembered_place([empty])
            rows = world @ camera.matrix_world if place is None else place
            said += [_rounded(row) for row in rows]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def _rounded(values: Iterable[float]) -> list[float]:
    return [round(value, 3) + 0.0 for value in values]  # no minus zero


@contextmanager
def still_cut_out(nerf: bpy.types.Object) -> Iterator[None]:
    """What happens inside leaves results as good as they were, though it may change numbers."""
    unchanged = [e for e in nerf.sa3d.nerf.objects if e.made_from == fingerprint(e)]
    yield
    for entry in unchanged:
        entry.made_from = fingerprint(entry)


def while_running(keys: Iterable[str], steps: Steps[T]) -> Steps[T]:
    """A job's steps, during which these entries are being cut out."""
    _running.clear()
    _running.update(keys)
    try:
        return (yield from steps)
    finally:
        _running.clear()


def objects_to_run(nerf: bpy.types.Object) -> list[str]:
    """Names of the entries that a run would change: new ones and those that changed."""
    wanted = (ObjectState.ready, ObjectState.changed)
    return [entry.name for entry in nerf.sa3d.nerf.objects if object_state(entry) in wanted]
