"""What the last run rendered, embedded and was answered: after a correction, little is needed anew.

A correction moves the object's estimated middle a little, and a path planned around that would be
new throughout. So the last path is taken again while it still frames the object.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from jaxtyping import UInt8

from ...core.cameras import Camera
from .views import Target

Prepared = TypeVar("Prepared")

KEPT_BYTES = 1_000_000_000
"""Views beyond this are not kept; twenty-four of 256 pixels take some 300 MB."""
FRAMED, SMALLEST = 1.4, 0.6
"""Reach of a new target from the old one's middle, and its radius, over the old radius, between
which the old path still frames it."""


@dataclass
class Notes:
    """What is remembered of a view besides what was rendered."""

    picture: UInt8[np.ndarray, "h w 3"] = field(
        default_factory=lambda: np.zeros((0, 0, 3), np.uint8)
    )
    cuts: dict[str, Any] = field(default_factory=dict)
    """The segmenter's answers (`ViewCut`) of this run by object."""
    last_run: dict[str, Any] = field(default_factory=dict)
    """Cuts that earlier runs ended with."""

    def learn(self, cuts: Mapping[str, Any]) -> None:
        """Take over a run's answers; what it left of earlier runs stays theirs."""
        for name, cut in cuts.items():
            before = self.last_run.get(name)
            if name in self.cuts or before is None or cut.mask is not before.mask:
                self.cuts[name] = cut

    def cut(self, name: str) -> Any:
        """The last answer about an object; None where there is none."""
        return self.cuts.get(name, self.last_run.get(name))


@dataclass
class ViewMemory:
    """The views of the last run, and of the one that is under way."""

    reused: int = 0
    """How many views of this run were there already."""
    _key: Hashable = None
    _views: dict[str, tuple[object, int]] = field(default_factory=dict)
    """Prepared view and its bytes, by camera."""
    _notes: dict[str, Notes] = field(default_factory=dict)
    """By camera."""
    _used: set[str] = field(default_factory=set)
    _path: tuple[Hashable, Target, list[Camera]] | None = None

    def is_for(self, key: Hashable) -> bool:
        """Whether what is remembered depends on the same as what `begin` was told."""
        return key == self._key

    def begin(self, key: Hashable) -> None:
        """A run begins; what the one before it did not use is forgotten.

        Args:
            key: what views depend on besides their camera; all are forgotten when it changes.
        """
        if key != self._key:
            self._views.clear()
            self._notes.clear()
            self._path = None
        elif self._used:
            self._views = {name: self._views[name] for name in self._used & set(self._views)}
            self._notes = {name: self._notes[name] for name in self._used & set(self._notes)}
        for notes in self._notes.values():
            notes.last_run |= notes.cuts
            notes.cuts = {}
        self._key, self._used, self.reused = key, set(), 0

    def view(
        self,
        camera: Camera,
        make: Callable[[Camera], Prepared],
        size: Callable[[Prepared], int],
    ) -> Prepared:
        """The view of a camera; made when it is not there.

        Args:
            size: tells a view's bytes.
        """
        name = json.dumps(camera.to_json())
        self._used.add(name)
        known = self._views.get(name)
        if known is not None:
            self.reused += 1
            return known[0]  # type: ignore[return-value]  # one memory is for one kind of view
        made = make(camera)
        self.keep(camera, made, size(made))
        return made

    def keep(self, camera: Camera, view: object, count: int) -> None:
        """Keep the view of a camera, of so many bytes, if there is room."""
        if sum(taken for _, taken in self._views.values()) + count <= KEPT_BYTES:
            self._views.setdefault(json.dumps(camera.to_json()), (view, count))

    def notes(self, camera: Camera) -> Notes:
        """What is remembered of a camera's view; whoever learns more writes it there."""
        return self._notes.setdefault(json.dumps(camera.to_json()), Notes())

    def path(
        self, question: Hashable, target: Target, make: Callable[[], list[Camera]]
    ) -> list[Camera]:
        """The cameras for a target: those of the last run where they frame it, else new ones.

        Args:
            question: what the path depends on besides the target.
        """
        if self._path is not None:
            earlier, old, cameras = self._path
            if earlier == question and still_framed(old, target):
                return list(cameras)
        cameras = make()
        self._path = (question, target, list(cameras))
        return cameras

    def known(self, camera: Camera) -> Any:
        """The view of a camera where it is remembered, else None."""
        return self._views.get(json.dumps(camera.to_json()), (None, 0))[0]

    def on_path(self, camera: Camera) -> bool:
        """Whether the last path has exactly this camera, so that its view frames the object."""
        return self._path is not None and has_camera(self._path[2], camera)

    def end_path(self, looked: Sequence[Camera]) -> None:
        """These cameras were enough; a run that takes the path again needs no others."""
        if self._path is not None:
            question, target, cameras = self._path
            self._path = (question, target, [c for c in cameras if has_camera(looked, c)])


def has_camera(cameras: Sequence[Camera], camera: Camera) -> bool:
    """Whether a camera is among others, to the last digit."""
    return camera.to_json() in [other.to_json() for other in cameras]


def path_question(cameras: Sequence[Camera], *more: Hashable) -> Hashable:
    """What a path depends on: cameras (the artist's, and given ones) and settings."""
    return (json.dumps([camera.to_json() for camera in cameras]), *more)


def still_framed(old: Target, new: Target) -> bool:
    """Whether pictures that frame a target frame another one about as well."""
    away = float(np.linalg.norm(new.center - old.center))
    return away + new.radius <= FRAMED * old.radius and new.radius >= SMALLEST * old.radius
