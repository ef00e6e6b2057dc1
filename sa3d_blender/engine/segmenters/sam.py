"""Segment Anything's own models, from the official checkpoint files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from .official_weights import load_model
from .promptable import PromptableModel
from .torchvision_stand_in import install_if_missing

install_if_missing()
from segment_anything import sam_model_registry  # noqa: E402

INPUT_SIDE = 1024


def load(name: str, weights: Path | None, device: torch.device) -> PromptableModel:
    """ViT-B, L or H with an official checkpoint.

    Args:
        name: ``vit_b``, ``vit_l`` or ``vit_h``.
        weights: the ``.pth`` file.

    Raises:
        UserError: no file is given, it is damaged, or it does not hold this model.
    """
    # without the registry's own loading, which allows pickles
    model: Any = load_model(name, lambda: sam_model_registry[name](), weights)
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
