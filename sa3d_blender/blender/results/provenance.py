"""What a mesh came from, as custom properties that stay with it wherever it goes."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import bpy

from ... import __version__

PREFIX = "sa3d_"


def write_provenance(thing: bpy.types.Object, params: dict[str, Any], name: str) -> None:
    """Note on a mesh object what a request to the engine said.

    Args:
        params: of ``segment``, ``mesh`` or ``rest``; what it does not say keeps its value.
        name: the object's in the request.
    """
    facts = {"object": name, "version": __version__}
    facts["made"] = datetime.now().astimezone().isoformat(timespec="seconds")
    if "checkpoint" in params:
        facts["checkpoint"] = str(params["checkpoint"])
    prompts = [
        prompt | {"camera": view["camera"]}
        for view in (params, *params.get("more_views", ()))
        for prompt in view.get("objects", ())
        if isinstance(prompt, dict) and prompt["name"] == name
    ]
    if prompts:
        facts["prompts"] = _text(prompts)
    for key in ("options", "settings"):
        if key in params:
            facts[key] = _text(params[key])
    facts["mesh"] = _text(params.get("own_meshes", {}).get(name, params["mesh"]))
    for key, value in facts.items():
        thing[PREFIX + key] = value


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
