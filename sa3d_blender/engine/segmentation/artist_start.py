"""How a run starts: the pictures that the artist pointed in, cut by what they pointed at.

The first picture that points at an object starts it. Its pictures from other cameras vote with the
mask that the artist was shown there. Then the first is asked again, where its mask contradicts the
others: so a click from another side puts a bad first mask right before it spreads to other views.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool

from ...core.cameras import Camera
from ...core.errors import UserError
from ...core.prompted_view import PromptedView
from ...core.prompts import OBJECT, Prompt
from ..fields.protocol import RadianceField
from ..parallel import one_core
from ..rendering.far_background import far_distance
from ..rendering.haze import is_vague
from ..rendering.render import View
from ..rendering.surface_points import seen_at, surface_point, surface_points
from ..view_path.views import Target, target_of_points
from .agreeing_cuts import cut_by_agreement, is_familiar
from .artist_view import artist_camera, moved_prompt
from .object_votes import ObjectVotes
from .one_view import Segmentation
from .self_prompt import believed, worst_error


@dataclass
class StartedObject:
    """An object with the artist's own masks."""

    votes: ObjectVotes
    first: int
    """Number of the artist's picture that started it."""
    camera: Camera
    """Camera of the picture that started it; the prompts are pixels of it."""
    prompts: dict[int, Prompt] = field(default_factory=dict)
    """By number of the artist's picture."""


def whole_view(number: int) -> int:
    """Index among a run's views of the artist's whole picture of that number: 0, -1, -2, ..."""
    return -number


def framed_view(number: int) -> int:
    """Index of the part of that picture that frames the object: 1, 2, 3, ..."""
    return 1 + number


def framed_prompts(
    started: Sequence[StartedObject], pictures: Sequence[PromptedView], cameras: Sequence[Camera]
) -> dict[int, dict[str, Prompt]]:
    """The artist's prompts by object in each view that frames one of the artist's pictures.

    Args:
        cameras: of all views, from view 1 on.
    """
    found: dict[int, dict[str, Prompt]] = {}
    for number, picture in enumerate(pictures):
        index = framed_view(number)
        found[index] = {
            entry.votes.prompt.name: moved_prompt(
                entry.prompts[number], picture.camera, cameras[index - 1]
            )
            for entry in started
            if number in entry.prompts
        }
    return found


def start_objects(work: Segmentation, pictures: Sequence[PromptedView]) -> list[StartedObject]:
    """Cut every object in every picture where the artist pointed at it, and let the masks vote.

    Args:
        pictures: the first is where the run starts.

    Raises:
        UserError: a prompt is on empty background, or nothing is there.
    """
    for number, picture in enumerate(pictures):
        size, memory = work.settings.view_size, work.views.memory
        work.views.add(whole_view(number), artist_camera(picture.camera, size, memory))
    started: dict[str, StartedObject] = {}
    refining = []
    for number, picture in enumerate(pictures):
        for prompt in picture.objects:
            if prompt.says_where and prompt.name not in started:
                started[prompt.name] = _start(work, number, picture, prompt)
            else:
                refining.append((number, picture, prompt))
    for number, picture, prompt in refining:
        if prompt.name not in started:
            raise UserError(
                f"Object {prompt.name!r} has no positive point and no box; click on the object.",
                code="no_prompt",
            )
        _refine(work, started[prompt.name], number, picture, prompt)
    for entry in started.values():
        if len(entry.prompts) > 1 and work.settings.prompt_rule == "agreement":
            _ask_first_again(work, entry, pictures[entry.first])
    return list(started.values())


def target_of(work: Segmentation, entry: StartedObject, pictures: Sequence[PromptedView]) -> Target:
    """A sphere around what the mask in an object's first picture shows."""
    index = whole_view(entry.first)
    view, mask = work.views[index].view, entry.votes.masks[index]
    return _target(work.views.field_, view, mask, pictures[entry.first].camera, entry.votes.prompt)


def _start(work: Segmentation, number: int, picture: PromptedView, prompt: Prompt) -> StartedObject:
    index = whole_view(number)
    mask = work.cut_first(picture.camera, prompt, index)
    view, field_ = work.views[index].view, work.views.field_
    target = _target(field_, view, mask, picture.camera, prompt)
    votes = ObjectVotes.start(prompt, work.settings, field_, target)
    if not work.settings.reference:
        votes.clicks[index] = moved_prompt(prompt, picture.camera, view.camera)
    votes.vote(index, view, mask)
    return StartedObject(votes, number, picture.camera, {number: prompt})


def _refine(
    work: Segmentation,
    entry: StartedObject,
    number: int,
    picture: PromptedView,
    prompt: Prompt,
) -> None:
    """Let a further picture vote: with the mask that its prompts show, or without what they deny.

    Points that are not on the object show no mask by themselves: what the artist clicked on in the
    first picture is pointed at with them, where it is seen from here.
    """
    index = whole_view(number)
    prepared, votes = work.views[index], entry.votes
    if prompt.says_where:
        mask = work.cut_first(picture.camera, prompt, index)
    else:
        own = moved_prompt(prompt, picture.camera, prepared.view.camera)
        with work.views.run.timed("prompt"), one_core():
            known = votes.known(prepared.view)
            for row, column in _first_clicks_from(work, entry, prepared.view):
                own = own.and_click(row, column, OBJECT)
            cut = cut_by_agreement(work.views.segmenter, prepared.embedding, known, first=own)
        mask = cut.mask
        if not cut.accepted or not is_familiar(mask, known):
            entry.prompts[number] = prompt  # they correct once more views know the object
            return
    entry.prompts[number] = prompt
    if not work.settings.reference:
        votes.clicks[index] = moved_prompt(prompt, picture.camera, prepared.view.camera)
    with work.views.run.timed("vote"), one_core():
        votes.grow_to(prepared.view, mask, work.views.rendered(), certain=True)
        votes.vote(index, prepared.view, mask)


def _ask_first_again(work: Segmentation, entry: StartedObject, picture: PromptedView) -> None:
    """Cut the first picture anew where its mask contradicts the artist's other pictures."""
    index = whole_view(entry.first)
    prepared, votes = work.views[index], entry.votes
    before = votes.masks[index]
    own = moved_prompt(entry.prompts[entry.first], picture.camera, prepared.view.camera)
    with work.views.run.timed("prompt"), one_core():
        votes.retract(index, prepared.view)
        known = votes.known(prepared.view)
        mask = before
        if worst_error(before, believed(known, before, own)) is not None:
            cut = cut_by_agreement(work.views.segmenter, prepared.embedding, known, first=own)
            mask = cut.mask if cut.accepted else before
        votes.grow_to(prepared.view, mask, work.views.rendered(), certain=True)
        votes.vote(index, prepared.view, mask)


def _first_clicks_from(
    work: Segmentation, entry: StartedObject, view: View
) -> list[tuple[int, int]]:
    """Rows and columns where a view shows what was clicked on in an object's first picture."""
    first = work.views[whole_view(entry.first)].view
    clicked = moved_prompt(entry.votes.prompt, entry.camera, first.camera).on_object
    seen = (seen_at(work.views.field_, first, place, view) for place in clicked)
    return [place for place in seen if place is not None]


def _target(
    field_: RadianceField,
    view: View,
    mask: Bool[np.ndarray, "h w"],
    camera: Camera,
    prompt: Prompt,
) -> Target:
    """The sphere around what a mask shows.

    Args:
        camera: whose pixels the prompt's are.
    """
    points = surface_points(field_, view, mask)
    distance = np.linalg.norm(points - view.camera.origin, axis=1)
    points = points[distance < far_distance(field_, view.camera)]
    if len(points) < 3:
        raise UserError(
            f"The NeRF has no surface where {prompt.name!r} was clicked; click on something solid.",
            code="empty_background",
        )
    on_it = moved_prompt(prompt, camera, view.camera).on_object
    met = [point for place in on_it if (point := surface_point(field_, view, place)) is not None]
    if not met or _on_haze(view, on_it):  # where haze is met says nothing of the object's depth
        return target_of_points(points, view.camera)
    return target_of_points(points, view.camera, np.stack(met))


def _on_haze(view: View, places: Sequence[tuple[float, float]]) -> bool:
    """Whether the light of pixels (x, y) comes from a long way."""
    columns, rows = np.floor(np.array(places)).astype(int).T
    return is_vague(view.spread()[rows, columns], view.depth()[rows, columns].clamp(min=1e-9))
