"""What a request brings: its params by name, and what is answered where one is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...core.errors import UserError
from ...core.settings import FieldOptions, settings_from_json

Params = dict[str, Any]


class MissingParamError(UserError):
    """A request lacks something."""


class NamedParams(Params):
    """A request's params; asking for one that is missing raises `MissingParamError`."""

    def __missing__(self, name: str) -> Any:
        raise MissingParamError(f"The request names no {name!r}; add it to the params.")


def checkpoint_of(params: Params) -> tuple[Path, FieldOptions]:
    """The checkpoint a request is about and its options."""
    if not isinstance(params.get("checkpoint"), str):
        raise UserError("The request names no checkpoint; load a NeRF first.")
    return Path(params["checkpoint"]), settings_from_json(FieldOptions, params.get("options"))
