"""One run's work in one view: prompt the segmenter for every object, and let its answers vote."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Bool

from ...core.cameras import Camera
from ...core.errors import UserError
from ...core.prompts import ObjectPrompt
from ...core.settings import SegmentSettings
from ..parallel import one_core
from ..rendering.far_background import far_share
from ..rendering.render import View
from ..view_path.prepared_views import PreparedView, PreparedViews
from .artist_view import check_on_something, moved_clicks
from .object_votes import ObjectVotes
from .self_prompt import Clicks, KnownPixels, ViewCut, cut_by_agreement, cut_by_confidence


@dataclass
class Segmentation:
    """What one run is made of. `pipeline.segment` is the way to use it."""

    settings: SegmentSettings
    views: PreparedViews
    report: list[dict[str, Any]] = field(default_factory=list)

    def cut_first(
        self, camera: Camera, prompt: ObjectPrompt, index: int = 0
    ) -> Bool[np.ndarray, "h w"]:
        """The segmenter's answer to the artist's own prompt in one of the artist's views.

        Raises:
            UserError: a point is on empty background, or there is nothing.
        """
        prepared = self.views[index]
        clicks = moved_clicks(prompt, camera, prepared.view.camera)
        far = far_share(self.views.field_, prepared.view)
        check_on_something(prepared.view.opacity().cpu().numpy(), far, clicks, prompt.name)
        with self.views.run.timed("prompt"), one_core():
            answer = clicks.predict(self.views.segmenter, prepared.embedding, multimask=True)
        mask = answer.masks[min(prompt.candidate, len(answer.masks) - 1)]
        if not mask.any():
            raise UserError(
                f"Nothing was found at the points of {prompt.name!r}; click nearer to its middle.",
                code="nothing_found",
            )
        return mask

    def visit(self, index: int, objects: list[ObjectVotes], first: dict[str, Clicks]) -> None:
        """Prompt, cut and vote in one view for every object."""
        prepared = self.views[index]
        known = self._known(prepared.view, objects)
        entry: dict[str, Any] = {"view": index, "objects": {}}
        masks: dict[str, Bool[np.ndarray, "h w"]] = {}
        for votes in objects:
            name = votes.prompt.name
            with self.views.run.timed("prompt"), one_core():
                cut = self._cut(votes, prepared, known.get(name), first.get(name))
            with self.views.run.timed("vote"), one_core():
                votes.retract(index, prepared.view)
                if cut.accepted:
                    votes.grow_to(prepared.view, cut.mask, self.views.rendered())
                    votes.vote(index, prepared.view, cut.mask)
            entry["objects"][name] = describe_cut(cut)
            if cut.accepted:
                masks[name] = cut.mask
        self.report.append(entry)
        if self.views.run.previews and prepared.picture is not None:
            self.views.run.previews.show(prepared.picture, masks)
        self.views.run.on_votes(self.views.field_, objects, self.views.done)

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

    def _cut(
        self,
        votes: ObjectVotes,
        prepared: PreparedView,
        known: KnownPixels | None,
        first: Clicks | None,
    ) -> ViewCut:
        if known is None:
            return cut_by_confidence(
                self.views.segmenter, prepared.embedding, votes.score(prepared.view)
            )
        cut = cut_by_agreement(self.views.segmenter, prepared.embedding, known, first=first)
        return cut if self.settings.gate or not cut.mask.any() else replace(cut, reason="")


def describe_cut(cut: ViewCut) -> dict[str, Any]:
    """One object in one view, for the report."""
    return {
        "points": [[round(x, 1), round(y, 1)] for x, y in cut.clicks.points],
        "labels": cut.clicks.labels,
        "iou": round(cut.agreement, 4),
        "accepted": cut.accepted,
        "reason": cut.reason,
    }
