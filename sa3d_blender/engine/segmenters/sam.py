"""Segment Anything's own models, from the official checkpoint files."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError
from zipfile import is_zipfile

import torch

from ...core.errors import UserError
from ...core.zip_sums import has_damaged_member
from .promptable import PromptableModel
from .torchvision_stand_in import install_if_missing

install_if_missing()
from segment_anything import sam_model_registry  # noqa: E402

MODELS = ("vit_b", "vit_l", "vit_h")
INPUT_SIDE = 1024


def load_sam(name: str, weights: Path | None, device: torch.device) -> PromptableModel:
    """ViT-B, L or H with an official checkpoint.

    Args:
        name: ``vit_b``, ``vit_l`` or ``vit_h``.
        weights: the ``.pth`` file.

    Raises:
        UserError: no file is given, it is damaged, or it does not hold this model.
    """
    if name not in MODELS:
        raise UserError(f"There is no segmenter {name}; choose from bundled, {', '.join(MODELS)}.")
    if weights is None:
        raise UserError(
            f"The segmenter {name} needs its weights; give the official file with --weights.",
            code="missing_weights",
        )
    state = _state(name, weights)
    with torch.device("meta"):  # no time is spent on random weights
        model = sam_model_registry[name]()  # without its own loading, which allows pickles
    try:
        model.load_state_dict(state, assign=True)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise _not_the_weights(name, weights) from error
    dtype = torch.float16 if device.type == "cuda" else torch.float32
    model.image_encoder.to(device, dtype)
    model.prompt_encoder.to(device)
    model.mask_decoder.to(device)
    return PromptableModel(
        name=name,
        encoder=lambda pictures: (model.image_encoder(pictures), None),
        prompt_encoder=model.prompt_encoder,
        mask_decoder=model.mask_decoder,
        input_side=INPUT_SIDE,
        device=device,
        dtype=dtype,
    )


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
