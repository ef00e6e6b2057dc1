"""SA3D: from clicks in one picture to a mask grid per object (paper sec. 2.3).

All objects share the views: each is rendered and embedded once. In every view each object's grid
prompts the segmenter and the answer votes into the grid. A second pass, with every view's samples
and embedding at hand, asks again with all views known; it costs the decoder only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...core.cameras import Camera
from ...core.prompted_view import PromptedView
from ...core.prompts import Prompt
from ...core.settings import SegmentSettings
from ..fields.protocol import RadianceField
from ..mask_grids.mask_grid import PAPER_LAMBDA
from ..mask_grids.result import SegmentedObject
from ..parallel import one_core
from ..rendering.render import render_view
from ..run import Run
from ..segmenters.protocol import Segmenter
from ..view_path.prepared_views import LEAST_KEPT_WEIGHT, PreparedViews
from ..view_path.stand import photographers_stand
from ..view_path.view_memory import ViewMemory, has_camera, path_question
from ..view_path.views import Target, crop_to_target, enclosing, plan_views
from .artist_start import (
    StartedObject,
    framed_prompts,
    framed_view,
    start_objects,
    target_of,
    whole_view,
)
from .empty_space import check_on_something
from .object_votes import ObjectVotes
from .one_view import Segmentation
from .steadiness import Steadiness

CLEAR_SIZE = 24
"""Side in pixels of the quick look that tells whether the target can be seen from a camera."""


def segment(
    field_: RadianceField,
    segmenter: Segmenter,
    camera: Camera,
    objects: Sequence[Prompt],
    settings: SegmentSettings,
    *,
    more: Sequence[PromptedView] = (),
    given: Sequence[Camera] = (),
    run: Run | None = None,
    memory: ViewMemory | None = None,
) -> tuple[list[SegmentedObject], list[dict[str, Any]]]:
    """Cut objects out of a field.

    Args:
        camera: the artist's camera; prompts are pixels of its picture.
        objects: what to cut out; all share one pass over the views.
        more: prompts in pictures of other cameras, for the same objects or others.
        given: training cameras, when known.
        memory: the views of an earlier run, as the caller's `ViewMemory.begin` allows.

    Returns:
        One mask grid per object, and what happened in each view (for the report).

    Raises:
        UserError: a prompt is outside its picture, or on empty background; told at once.
        Cancelled: the run was cancelled; nothing is kept.
    """
    run = run or Run()
    settings = reference_settings(settings) if settings.reference else settings
    pictures = [PromptedView(camera, tuple(objects)), *more]
    for picture in pictures:
        picture.check()
        check_on_something(field_, picture.camera, picture.objects)
    least = least_kept_weight(settings)
    views = PreparedViews(field_, segmenter, run, least, memory=memory or ViewMemory())
    work = Segmentation(settings, views)
    run.progress("view", 0, settings.views, "Looking through the camera")
    started = start_objects(work, pictures)
    target = enclosing([target_of(work, entry, pictures) for entry in started])
    _visit_all(work, started, pictures, target, list(given))
    tracks = [entry.votes for entry in started]
    for votes in tracks:
        if not votes.found:
            _only_the_artists(votes, views, len(pictures))
    with run.timed("complete"):
        finished = [votes.finished(field_, views.rendered(), run) for votes in tracks]
    return finished, work.report


def _visit_all(
    work: Segmentation,
    started: list[StartedObject],
    pictures: list[PromptedView],
    target: Target,
    given: list[Camera],
) -> None:
    settings, views, run = work.settings, work.views, work.views.run
    tracks = [entry.votes for entry in started]
    with run.timed("plan"):
        cameras = _all_cameras(work, pictures, target, given)
    pointed = framed_prompts(started, pictures, cameras)
    steadiness = Steadiness()
    for index in views.add_in_turn(1, cameras):
        run.progress("view", index, len(cameras), f"View {index} of {len(cameras)}")
        work.visit(index, tracks, pointed.get(index, {}))
        steady = not settings.reference and steadiness.reached(tracks)
        if steady and index > len(pictures):
            cameras = cameras[:index]
            views.memory.end_path(cameras)
            break
    for _ in range(settings.passes - 1):
        in_haze = any(votes.hazy for votes in tracks)
        for votes in tracks:
            votes.in_haze |= in_haze
            with run.timed("vote"), one_core():
                _drop_whole_pictures(votes, views, len(pictures))
                if not votes.tighten(views.field_, views.rendered()):
                    _only_the_artists(votes, views, len(pictures))
        work.report.clear()
        for index in range(1, len(cameras) + 1):
            run.progress("refine", index, len(cameras), f"Checking view {index}")
            work.visit(index, tracks, pointed.get(index, {}))


def _all_cameras(
    work: Segmentation, pictures: list[PromptedView], target: Target, given: list[Camera]
) -> list[Camera]:
    """The artist's pictures, each framing the target, then the other views."""
    settings, views, run = work.settings, work.views, work.views.run
    size = settings.view_size

    def plan() -> list[Camera]:
        return plan_views(
            pictures[0].camera,
            target,
            stand=photographers_stand(views.field_, given),
            count=settings.views,
            size=size,
            given=given,
            is_clear=lambda c: is_clear(views.field_, c, target, run),
        )

    question = path_question([pictures[0].camera, *given], settings.views, size)
    first, *others = views.memory.path(question, target, plan)
    framed = [
        p.camera if has_camera(others, p.camera) else crop_to_target(p.camera, target, size)
        for p in pictures[1:]
    ]
    return [first, *framed, *(other for other in others if not has_camera(framed, other))]


def _drop_whole_pictures(votes: ObjectVotes, views: PreparedViews, count: int) -> None:
    """Take back the votes of whole pictures where a framed one says the same more exactly."""
    for number in range(count):
        if framed_view(number) in votes.masks:
            votes.retract(whole_view(number), views[whole_view(number)].view)


def _only_the_artists(votes: ObjectVotes, views: PreparedViews, count: int) -> None:
    """Take back all votes but those of the pictures that the artist pointed in.

    Views that contradict each other may leave nothing; these pictures are certain.
    """
    own = {place(number) for number in range(count) for place in (whole_view, framed_view)}
    for index in set(votes.masks) - own:
        votes.retract(index, views[index].view)
    if not votes.found:
        votes.believe_all(views.rendered())


def is_clear(field_: RadianceField, camera: Camera, target: Target, run: Run) -> bool:
    """Whether at least a third of the target's sphere is seen from a camera, not what is before it.

    A quick look at a few pixels; nothing is kept.
    """
    small = camera.resized(CLEAR_SIZE, CLEAR_SIZE)
    view = render_view(field_, small, with_color=False, run=run)
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


def least_kept_weight(settings: SegmentSettings) -> float:
    """Weight up to which a run forgets its views' samples."""
    return 0.0 if settings.reference else LEAST_KEPT_WEIGHT


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
