"""SA3D: from clicks in one picture to a mask grid per object (paper sec. 2.3).

All objects share the views: each is rendered and embedded once. In every view each object's grid
prompts the segmenter and the answer votes into the grid. A second pass, with every view's samples
and embedding at hand, asks again with all views known; it costs the decoder only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Bool

from ..core.cameras import Camera
from ..core.errors import UserError
from ..core.prompts import ObjectPrompt
from ..core.settings import SegmentSettings
from .artist_view import artist_camera, check_on_something, moved_clicks
from .fields.protocol import RadianceField
from .mask_grid import PAPER_LAMBDA
from .object_votes import ObjectVotes, surface_points
from .parallel import one_core
from .prepared_views import LEAST_KEPT_WEIGHT, PreparedView, PreparedViews
from .render import View, render_view
from .report import Run
from .result import SegmentedObject
from .segmenters.protocol import Segmenter
from .self_prompt import (
    Clicks,
    KnownPixels,
    ViewCut,
    cut_by_agreement,
    cut_by_confidence,
)
from .views import Target, enclosing, plan_views, target_of_points

CLEAR_SIZE = 24
"""Side in pixels of the quick look that tells whether the target can be seen from a camera."""


@dataclass
class Segmentation:
    """One run. `segment` is the way to use it."""

    settings: SegmentSettings
    views: PreparedViews
    report: list[dict[str, Any]] = field(default_factory=list)

    def cut_first(self, camera: Camera, prompt: ObjectPrompt) -> Bool[np.ndarray, "h w"]:
        """The segmenter's answer to the artist's own prompt in the artist's view."""
        prepared = self.views[0]
        clicks = moved_clicks(prompt, camera, prepared.view.camera)
        check_on_something(prepared.view.opacity().cpu().numpy(), clicks, prompt.name)
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


def segment(
    field_: RadianceField,
    segmenter: Segmenter,
    camera: Camera,
    objects: Sequence[ObjectPrompt],
    settings: SegmentSettings,
    *,
    given: Sequence[Camera] = (),
    run: Run | None = None,
) -> tuple[list[SegmentedObject], list[dict[str, Any]]]:
    """Cut objects out of a field.

    Args:
        camera: the artist's camera; prompts are pixels of its picture.
        objects: what to cut out; all share one pass over the views.
        given: training cameras, when known.

    Returns:
        One mask grid per object, and what happened in each view (for the report).

    Raises:
        UserError: a prompt is outside the picture or on empty background, or no view's mask could
            be used.
        Cancelled: the run was cancelled; nothing is kept.
    """
    run = run or Run()
    settings = reference_settings(settings) if settings.reference else settings
    for prompt in objects:
        prompt.check_inside(camera.width, camera.height)
    views = PreparedViews(field_, segmenter, run, 0.0 if settings.reference else LEAST_KEPT_WEIGHT)
    work = Segmentation(settings, views)
    run.progress("view", 0, settings.views, "Looking through the camera")
    artist = artist_camera(camera, settings.view_size)
    views.add(0, artist)
    masks = [work.cut_first(camera, prompt) for prompt in objects]
    targets = [
        _target(field_, views[0].view, mask, artist, prompt.name)
        for mask, prompt in zip(masks, objects, strict=True)
    ]
    tracks = []
    for prompt, mask, target in zip(objects, masks, targets, strict=True):
        votes = ObjectVotes.start(prompt, settings, field_, target)
        votes.vote(0, views[0].view, mask)
        tracks.append(votes)
    _visit_all(work, tracks, camera, enclosing(targets), list(given))
    _require_votes(tracks)
    with run.timed("complete"):
        finished = [votes.finished(field_, views.rendered()) for votes in tracks]
    return finished, work.report


def _visit_all(
    work: Segmentation,
    tracks: list[ObjectVotes],
    camera: Camera,
    target: Target,
    given: list[Camera],
) -> None:
    settings, views, run = work.settings, work.views, work.views.run
    with run.timed("plan"):
        cameras = plan_views(
            camera,
            target,
            scene=views.field_.scene,
            count=settings.views,
            size=settings.view_size,
            given=given,
            is_clear=lambda c: is_clear(views.field_, c, target, run),
        )
    artist_clicks = {
        votes.prompt.name: moved_clicks(votes.prompt, camera, cameras[0]) for votes in tracks
    }
    for index in views.add_in_turn(1, cameras):
        run.progress("view", index, len(cameras), f"View {index} of {len(cameras)}")
        work.visit(index, tracks, artist_clicks if index == 1 else {})
    for _ in range(settings.passes - 1):
        for votes in tracks:
            with run.timed("vote"), one_core():
                if 1 in votes.masks:  # the framed view says the same more exactly
                    votes.retract(0, views[0].view)
                if not votes.tighten(views.field_, views.rendered()):
                    raise _no_view(votes)
        work.report.clear()
        for index in range(1, len(cameras) + 1):
            run.progress("refine", index, len(cameras), f"Checking view {index}")
            _revisit(work, index, tracks, artist_clicks if index == 1 else {})


def _revisit(
    work: Segmentation, index: int, tracks: list[ObjectVotes], first: dict[str, Clicks]
) -> None:
    """Ask again in a view, knowing all views but itself."""
    for votes in tracks:
        mask = votes.masks.get(index)
        votes.retract(index, work.views[index].view)
        if mask is not None and not votes.masks:
            votes.vote(index, work.views[index].view, mask)  # nothing else is known
    work.visit(index, tracks, first)


def is_clear(field_: RadianceField, camera: Camera, target: Target, run: Run) -> bool:
    """Whether at least a third of the target's sphere is seen from a camera, not what is before it.

    A quick look at a few pixels; nothing is kept.
    """
    small = camera.resized(CLEAR_SIZE, CLEAR_SIZE)
    view = render_view(field_, small, with_color=False, cancelled=run.is_cancelled)
    depth, opacity = view.depth().cpu().numpy(), view.opacity().cpu().numpy()
    rows, columns = np.mgrid[0:CLEAR_SIZE, 0:CLEAR_SIZE] + 0.5
    x, y = small.project(target.center[None])[0]
    distance = float(np.linalg.norm(target.center - small.origin))
    reach = 0.7 * target.radius / distance * small.fl_x
    near = (columns - x) ** 2 + (rows - y) ** 2 <= max(reach, 1.0) ** 2
    if not near.any():
        return False
    solid = near & (opacity > 0.5)
    before = solid & (depth < distance - 1.3 * target.radius)
    return bool(solid.sum() > before.sum() and before.sum() <= 0.67 * near.sum())


def describe_cut(cut: ViewCut) -> dict[str, Any]:
    """One object in one view, for the report."""
    return {
        "points": [[round(x, 1), round(y, 1)] for x, y in cut.clicks.points],
        "labels": cut.clicks.labels,
        "iou": round(cut.agreement, 4),
        "accepted": cut.accepted,
        "reason": cut.reason,
    }


def reference_settings(settings: SegmentSettings) -> SegmentSettings:
    """The paper's settings: all samples vote, lambda 0.15, its prompt rule, one pass, no gate."""
    return replace(
        settings,
        negative_weight=PAPER_LAMBDA,
        min_weight=0.0,
        skip_edges=False,
        passes=1,
        prompt_rule="confidence",
        gate=False,
        grid_resolution=160,
    )


def _target(
    field_: RadianceField, view: View, mask: Bool[np.ndarray, "h w"], camera: Camera, name: str
) -> Target:
    points = surface_points(field_, view, mask)
    if len(points) < 3:
        raise UserError(
            f"The NeRF has no surface where {name!r} was clicked; click on something solid.",
            code="empty_background",
        )
    return target_of_points(points, camera.forward)


def _require_votes(tracks: list[ObjectVotes]) -> None:
    for votes in tracks:
        share = votes.grid.score(votes.settings.negative_weight)
        if not votes.masks or not bool((share > 0).any()):
            raise _no_view(votes)


def _no_view(votes: ObjectVotes) -> UserError:
    return UserError(
        f"No view agreed on what {votes.prompt.name!r} is; add a point on it, or a negative one "
        "beside it, and run again.",
        code="no_view_accepted",
    )
