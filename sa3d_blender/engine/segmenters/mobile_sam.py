"""MobileSAM: a small image encoder that was taught to answer as Segment Anything's largest does.

Segment Anything's own prompt encoder and mask decoder follow it (Chaoning Zhang et al., *Faster
Segment Anything: Towards Lightweight SAM for Mobile Applications*, 2023). Pictures are prepared as
for Segment Anything's other models.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from .official_weights import load_model
from .promptable import PromptableModel
from .tiny_vit import TinyViT
from .torchvision_stand_in import install_if_missing

install_if_missing()
from segment_anything.modeling import MaskDecoder, PromptEncoder, TwoWayTransformer  # noqa: E402

INPUT_SIDE, STRIDE, CHANNELS = 1024, 16, 256


class MobileSam(nn.Module):
    """Image encoder, prompt encoder and mask decoder, named as in the official checkpoint."""

    def __init__(self) -> None:
        super().__init__()
        cells = INPUT_SIDE // STRIDE
        self.image_encoder = TinyViT()
        self.prompt_encoder = PromptEncoder(
            embed_dim=CHANNELS,
            image_embedding_size=(cells, cells),
            input_image_size=(INPUT_SIDE, INPUT_SIDE),
            mask_in_chans=16,
        )
        self.mask_decoder = MaskDecoder(
            transformer_dim=CHANNELS,
            transformer=TwoWayTransformer(
                depth=2, embedding_dim=CHANNELS, num_heads=8, mlp_dim=2048
            ),
        )


def load(name: str, weights: Path | None, device: torch.device) -> PromptableModel:
    """MobileSAM with its official checkpoint.

    Args:
        name: what it is called in messages.
        weights: the ``.pt`` file.

    Raises:
        UserError: no file is given, it is damaged, or it does not hold this model.
    """
    model = load_model(name, MobileSam, weights).to(device)
    encoder = model.image_encoder.for_inference()
    return PromptableModel(
        name=name,
        encoder=lambda pictures: (encoder(pictures), None),
        prompt_encoder=model.prompt_encoder,
        mask_decoder=model.mask_decoder,
        input_side=INPUT_SIDE,
        device=device,
    )
