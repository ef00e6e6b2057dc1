"""One run's work in one view: prompt the segmenter for every object, and let its answers vote."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Bool

from ...core.cameras import Camera
from ...core.prompts import Prompt
from ...core.settings import SegmentSettings
from ..parallel import one_core
from ..rendering.render import View
from ..segmenters.dialogue import predict_in_turn
from ..view_path.prepared_views import PreparedViews
from .agreeing_cuts import CutTask, cut_all_by_agreement
from .artist_view import moved_prompt, places
from .object_votes import ObjectVotes
from .self_prompt import HIDDEN, KnownPixels, ViewCut, cut_by_confidence


@dataclass
class Segmentation:
    """What one run is made of. `pipeline.segment` is the way to use it."""

    settings: SegmentSettings
    views: PreparedViews
    report: list[dict[str, Any]] = field(default_factory=list)

    def cut_first(self, camera: Camera, prompt: Prompt, index: int = 0) -> Bool[np.ndarray, "h w"]:
        """The segmenter's answer to the artist's own prompt in one of the artist's views.

        Where it has none, what was pointed at.
        """
        prepared = self.views[index]
        here = moved_prompt(prompt, camera, prepared.view.camera)
        with self.views.run.timed("prompt"), one_core():
            answer = predict_in_turn(self.views.segmenter, prepared.embedding, here)
        wanted = answer.masks[min(prompt.candidate, len(answer.masks) - 1)]
        found = next((mask for mask in (wanted, *answer.masks) if mask.any()), None)
        return places(here, wanted.shape) if found is None else found

    def visit(self, index: int, objects: list[ObjectVotes], first: dict[str, Prompt]) -> None:
        """Prompt, cut and vote in one view for every object, knowing all views but this one.

        What the artist pointed at in a view stays its vote where no better answer is found.

        Args:
            first: the artist's own prompts in this view by object.
        """
        prepared, notes = self.views[index], self.views.notes(index)
        before = {votes.prompt.name: self._take_back(votes, index) for votes in objects}
        known = self._known(prepared.view, objects)
        cuts = {}
        for votes, cut in zip(objects, self._cuts(objects, index, known, first), strict=True):
            name = votes.prompt.name
            earlier = before[name]
            if name in first and earlier is not None and not cut.accepted:
                cut = replace(cut, mask=earlier, reason="")
            cuts[name] = cut
            with self.views.run.timed("vote"), one_core():
                votes.retract(index, prepared.view)
                if name in first and not self.settings.reference:
                    votes.clicks[index] = first[name]
                if cut.accepted:
                    votes.grow_to(prepared.view, cut.mask, self.views.rendered())
                    votes.vote(index, prepared.view, cut.mask)
        notes.learn(cuts)
        told = {name: describe_cut(cut, artist=name in first) for name, cut in cuts.items()}
        camera = prepared.view.camera.to_json()
        self.report.append({"view": index, "camera": camera, "objects": told})
        masks = {name: cut.mask for name, cut in cuts.items() if cut.accepted}
        self.views.run.on_masks(prepared.picture, masks)
        self.views.run.on_votes(self.views.field_, objects, self.views.done)

    def _take_back(self, votes: ObjectVotes, index: int) -> Bool[np.ndarray, "h w"] | None:
        """A view's mask so far, whose votes no longer count unless nothing else is known."""
        mask = votes.masks.get(index)
        votes.retract(index, self.views[index].view)
        if mask is not None and not votes.masks:
            votes.vote(index, self.views[index].view, mask)
        return mask

    def _known(self, view: View, objects: list[ObjectVotes]) -> dict[str, KnownPixels]:
        if self.settings.prompt_rule == "confidence":
            return {}
        with self.views.run.timed("vote"), one_core():
            own = {votes.prompt.name: votes.known(view) for votes in objects}
        known = {}
        for name, pixels in own.items():
            taken = pixels.other.copy()
            for other in own:
                if other != name:
                    taken |= own[other].object & ~pixels.object
            known[name] = KnownPixels(pixels.object, taken)
        return known

    def _cuts(
        self,
        objects: list[ObjectVotes],
        index: int,
        known: dict[str, KnownPixels],
        first: dict[str, Prompt],
    ) -> list[ViewCut]:
        """The segmenter's answer for each object in a view; an earlier one where it still holds."""
        prepared, segmenter = self.views[index], self.views.segmenter
        with self.views.run.timed("prompt"), one_core():
            if self.settings.prompt_rule == "confidence":
                scores = [votes.score(prepared.view) for votes in objects]
                return [cut_by_confidence(segmenter, prepared.embedding, s) for s in scores]
            names = [votes.prompt.name for votes in objects]
            notes = self.views.notes(index)
            tasks = [
                CutTask(known[n], first.get(n), notes.cut(n), checked=n not in notes.cuts)
                for n in names
            ]
            cuts = cut_all_by_agreement(segmenter, prepared.embedding, tasks)
        ungated = not self.settings.gate
        return [replace(cut, reason="") if ungated and cut.mask.any() else cut for cut in cuts]


def describe_cut(cut: ViewCut, *, artist: bool) -> dict[str, Any]:
    """One object in one view, for the report.

    Args:
        artist: whether the artist pointed at it there.
    """
    return {
        "points": [[round(x, 1), round(y, 1)] for x, y in cut.prompt.points],
        "labels": list(cut.prompt.labels),
        "iou": round(cut.agreement, 4),
        "accepted": cut.accepted,
        "reason": cut.reason,
        "seen": cut.reason != HIDDEN,
        "artist": artist,
    }
