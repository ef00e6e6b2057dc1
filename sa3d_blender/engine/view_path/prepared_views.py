"""Rendered and embedded views, shared by all objects of a run and kept for every later vote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import UInt8

from ...core.cameras import Camera
from ..fields.protocol import RadianceField
from ..fields.rays import Samples
from ..parallel import one_ahead
from ..rendering.render import View, render_view, to_bytes
from ..run import Run
from ..segmenters.protocol import ImageEmbedding, Segmenter
from .view_memory import Notes, ViewMemory

LEAST_KEPT_WEIGHT = 0.01
"""Fainter samples of a view are dropped once its picture is made; they are most, and say little."""

HALF_SEEN = 0.5
"""Opacity from which on a pixel shows more of the field than of its background."""


@dataclass(frozen=True)
class PreparedView:
    """A rendered and embedded view."""

    view: View
    embedding: ImageEmbedding
    picture: UInt8[np.ndarray, "h w 3"]


@dataclass
class PreparedViews:
    """Views by index; 0 is the artist's."""

    field_: RadianceField
    segmenter: Segmenter
    run: Run
    least_weight: float = LEAST_KEPT_WEIGHT
    """Samples up to this weight are forgotten."""
    memory: ViewMemory = field(default_factory=ViewMemory)
    """Views of the run before, where there was one."""
    done: dict[int, PreparedView] = field(default_factory=dict)

    def __getitem__(self, index: int) -> PreparedView:
        return self.done[index]

    def add(self, index: int, camera: Camera) -> PreparedView:
        """Render and embed one more view."""
        self.done[index] = self._remembered(camera)
        return self.done[index]

    def add_in_turn(self, first: int, cameras: Sequence[Camera]) -> Iterator[int]:
        """Add views, numbered from ``first``; while the caller works on one, the next is made."""
        made = one_ahead(self._remembered, cameras)
        for index, prepared in enumerate(made, start=first):
            self.done[index] = prepared
            yield index

    def rendered(self) -> dict[int, View]:
        """All views' samples by index."""
        return {index: prepared.view for index, prepared in self.done.items()}

    def notes(self, index: int) -> Notes:
        """What is remembered of a view."""
        notes = self.memory.notes(self.done[index].view.camera)
        notes.picture = self.done[index].picture
        return notes

    def _remembered(self, camera: Camera) -> PreparedView:
        return self.memory.view(camera, self._prepared, size_of)

    def _prepared(self, camera: Camera) -> PreparedView:
        return prepare_view(self.field_, self.segmenter, camera, self.run, self.least_weight)


def prepare_view(
    field: RadianceField, segmenter: Segmenter, camera: Camera, run: Run, least_weight: float
) -> PreparedView:
    """Render and embed what a camera sees, at the camera's size.

    Args:
        least_weight: samples up to this weight are forgotten; with infinity all of them are.
    """
    with run.timed("render"):
        view = render_view(field, camera, faint=min(least_weight, LEAST_KEPT_WEIGHT), run=run)
    run.check()
    with run.timed("encode"):
        picture = to_bytes(view.image())
        embedding = segmenter.embed(picture, view.relief())
        solid = (view.opacity() > HALF_SEEN).cpu().numpy()
        embedding = replace(embedding, solid=solid)
    return PreparedView(without_faint_samples(view, least_weight), embedding, picture)


def size_of(prepared: PreparedView) -> int:
    """Bytes that a prepared view takes."""
    samples, embedding = prepared.view.samples, prepared.embedding
    tensors = [samples.ray_index, samples.points, samples.weights, samples.depth]
    tensors += [embedding.features, *([embedding.fine] if embedding.fine is not None else [])]
    return prepared.picture.nbytes + sum(
        tensor.numel() * tensor.element_size() for tensor in tensors
    )


def without_faint_samples(view: View, least: float) -> View:
    """A view without colours and without the samples of weight up to ``least``."""
    samples = view.samples
    keep = (samples.weights > least).nonzero()[:, 0]
    kept = Samples(
        samples.ray_index[keep],
        samples.points[keep],
        samples.weights[keep],
        samples.depth[keep],
        None,
        None if samples.primitive is None else samples.primitive[keep],
    )
    return View(view.camera, kept, view.background)
