"""Official checkpoint files in a model of Segment Anything's build.

That is an image encoder, a prompt encoder and a mask decoder. No code in a file is ever run.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError
from typing import TypeVar
from zipfile import is_zipfile

import torch
from torch import nn

from ...core.errors import UserError
from ...core.zip_sums import has_damaged_member

Model = TypeVar("Model", bound=nn.Module)


def load_model(name: str, make: Callable[[], Model], weights: Path | None) -> Model:
    """A model with the weights of a file.

    Args:
        name: the segmenter, for messages.
        make: makes the model; it is called where no time is spent on random weights.
        weights: the ``.pth`` or ``.pt`` file.

    Raises:
        UserError: no file is given, it is damaged, or it does not hold this model.
    """
    if weights is None:
        raise UserError(
            f"The segmenter {name} needs its weights; give the official file with --weights.",
            code="missing_weights",
        )
    state = _state(name, weights)
    with torch.device("meta"):
        model = make()
    try:
        model.load_state_dict(state, assign=True)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise _not_the_weights(name, weights) from error
    return model.eval()


def _state(name: str, weights: Path) -> dict[str, torch.Tensor]:
    try:
        if is_zipfile(weights) and has_damaged_member(weights):
            raise _damaged(name, weights)
        state = torch.load(weights, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise UserError(f"There are no weights at {weights}.", code="missing_file") from error
    except (OSError, RuntimeError, EOFError, ValueError, LookupError, UnpicklingError) as error:
        raise _not_the_weights(name, weights) from error
    entries = state.values() if isinstance(state, dict) else [None]
    if not all(isinstance(entry, torch.Tensor) for entry in entries):
        raise _not_the_weights(name, weights)
    return dict(state)


def _damaged(name: str, weights: Path) -> UserError:
    return UserError(
        f"{weights} is damaged; download or copy the weights of {name} again.", code="truncated"
    )


def _not_the_weights(name: str, weights: Path) -> UserError:
    return UserError(
        f"{weights} does not hold the weights of {name}; choose the official file for it.",
        code="bad_weights",
    )
