"""The weights that a training begins with."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from sa3d_blender.engine.segmenters.bundled import BundledModel, BundledShape
from sa3d_blender.engine.segmenters.mobile_sam import MobileSam
from sa3d_blender.engine.segmenters.official_weights import load_model

ENCODER, OUTLINE = "image_encoder.", "outline."


def started_from_mobile_sam(
    checkpoint: Path, shape: BundledShape, surfaces: Path | None = None
) -> dict[str, Tensor]:
    """A state that answers as MobileSAM does at the shape's resolution.

    Args:
        checkpoint: MobileSAM's official file (Apache-2.0).
        surfaces: weights of the bundled segmenter before this one, whose first layers and outline
            know relief; without, these begin at random.
    """
    official = load_model("mobile_sam", MobileSam, checkpoint)
    encoder = official.image_encoder.for_inference().state_dict()
    known = {f"image_encoder.image.{name}": value for name, value in encoder.items()}
    for part in ("prompt_encoder", "mask_decoder"):
        values = getattr(official, part).state_dict()
        known |= {f"{part}.{name}": value for name, value in values.items()}
    if surfaces is not None:
        known |= {
            name.replace(ENCODER, f"{ENCODER}surface."): value.to(torch.float32)
            for name, value in load_file(surfaces).items()
            if name.startswith((ENCODER, OUTLINE)) and value.is_floating_point()
        }
    state: dict[str, Tensor] = BundledModel(shape).state_dict()
    return {name: known.get(name, value) for name, value in state.items()}
