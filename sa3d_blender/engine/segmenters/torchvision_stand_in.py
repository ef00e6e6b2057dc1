"""Lets ``segment_anything`` be imported where torchvision is missing.

segment_anything 1.0 imports four torchvision functions at its top. Two of them resize pictures;
the other two serve its automatic mask generator, which this project does not use. Where torchvision
can be imported nothing here happens.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def resize(image: Image.Image | Tensor, size: list[int] | tuple[int, int]) -> Any:
    """Bilinear, antialiased resize to (height, width), as torchvision's with its defaults."""
    height, width = size
    if isinstance(image, Image.Image):
        return image.resize((width, height), Image.Resampling.BILINEAR)
    resized = torch.nn.functional.interpolate(
        image[None].float(), (height, width), mode="bilinear", antialias=True
    )[0]
    return resized.to(image.dtype)


def to_pil_image(picture: np.ndarray) -> Image.Image:
    """A PIL image of bytes [h w 3]."""
    return Image.fromarray(picture)


def not_there(*_: object) -> Tensor:
    """Only ever called by the automatic mask generator."""
    raise RuntimeError("Segment Anything's automatic mask generator needs torchvision.")


def install_if_missing() -> None:
    """Put the four functions where segment_anything looks for them, unless torchvision works."""
    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError, OSError, AttributeError):
        # a torchvision that does not fit torch fails in its own ways
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        functional = _module("torchvision.transforms.functional")
        functional.resize, functional.to_pil_image = resize, to_pil_image  # type: ignore[attr-defined]
        boxes = _module("torchvision.ops.boxes")
        boxes.batched_nms = boxes.box_area = not_there  # type: ignore[attr-defined]
        for name in ("torchvision", "torchvision.transforms", "torchvision.ops"):
            _module(name)


def _module(name: str) -> ModuleType:
    module = ModuleType(name, "Stand-in; see sa3d_blender.engine.segmenters.torchvision_stand_in.")
    module.__spec__ = ModuleSpec(name, loader=None)  # importlib.util.find_spec asks for it
    sys.modules[name] = module
    return module
