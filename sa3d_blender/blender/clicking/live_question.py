"""What the prompts in the active camera's picture ask the engine; reads the .blend only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import bpy

from ...core.errors import UserError
from ..folders import temporary_folder
from ..nerf.nerf import field_params, run_params, scene_nerf
from ..nerf.picture_state import check_place
from ..nerf.views import field_camera, world_camera
from .found_objects import found_params
from .prompts import entry_prompt, points_at_object, prompt_empties
from .run_masks import run_mask

PLACES = ("points", "labels", "box")
"""What a prompt says of the picture."""


@dataclass
class Question:
    """What the prompts ask now."""

    scenery: str
    """Field, camera and segmenter; all answers end with it."""
    picture: str
    """Field and camera; an answer that another segmenter gave is still about the same picture."""
    params: dict[str, Any]
    objects: dict[str, dict[str, Any]]
    """Prompt by the entry's key; without points and box where the last run's mask is all."""
    found: dict[str, dict[str, Any]]
    """What the prompts correct, by the entry's key; see `found_params`."""

    def text(self, key: str) -> str:
        """What is asked about one object, to compare."""
        prompt = self.objects.get(key, {})
        asked = {name: prompt[name] for name in PLACES if name in prompt}
        return json.dumps(asked | self.found.get(key, {}))

    def about(self, key: str) -> dict[str, Any]:
        """Params of a request about one object, or with no key of one for the picture alone."""
        prompt = self.objects[key] if key else {}
        objects = [prompt] if any(name in prompt for name in PLACES) else []
        return self.params | {"objects": objects} | self.found.get(key, {})


def read_question(scene: bpy.types.Scene) -> tuple[Question | None, UserError | None]:
    """What the prompts in the active camera's picture ask; None where nothing can be asked.

    Returns:
        The question, and what is wrong: an object whose prompts make no sense is left out.
    """
    error: UserError | None = None
    nerf, camera = scene_nerf(scene), scene.camera
    if nerf is None or camera is None or camera.type != "CAMERA":
        return None, None
    try:
        view = world_camera(scene, camera)
        asked = run_params(nerf)
        settings = asked["settings"]
        in_field = field_camera(scene, camera, nerf)
        seen = field_params(nerf) | {"camera": in_field.to_json()}
        params = seen | {
            "segmenter": settings["segmenter"],
            "weights": settings["weights"],
            "view_size": settings["view_size"],
            "downloaded": asked["downloaded"],
        }
    except UserError as failure:
        return None, failure
    scenery, picture = json.dumps(params), json.dumps(seen)
    objects: dict[str, dict[str, Any]] = {}
    found: dict[str, dict[str, Any]] = {}
    for entry in nerf.sa3d.nerf.objects:
        own = prompt_empties(nerf, key=entry.key)
        mine = [empty for empty in own if empty.sa3d.prompt.camera == camera]
        first = min(own, key=lambda empty: empty.sa3d.prompt.number, default=None)
        # where it was pointed at first, the prompts are all; elsewhere they correct what was found
        known = found_params(nerf, entry) if first is None or first not in mine else None
        if known is None and len(own) > len(mine) and not points_at_object(mine):
            continue  # what the object is not, of one that another camera points at: no mask here
        try:
            if mine:
                check_place(in_field, camera, mine)
                refines = known is not None
                objects[entry.key] = entry_prompt(view, entry, mine, refines=refines).to_json()
            elif known is not None and run_mask(camera, entry.key) is None:
                objects[entry.key] = {"name": entry.name}
        except UserError as failure:
            error = failure
        if known is not None and entry.key in objects:
            found[entry.key] = known
    params["out"] = str(temporary_folder("masks"))
    return Question(scenery, picture, params, objects, found), error
