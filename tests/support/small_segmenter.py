"""A bundled segmenter so small that tests can afford it; its weights are random."""

import torch

from sa3d_blender.engine.segmenters.bundled import BundledModel, BundledShape
from sa3d_blender.engine.segmenters.surface_encoder import SurfaceShape
from sa3d_blender.engine.segmenters.tiny_vit import TinyViTShape

SMALL = BundledShape(
    input_side=64,
    image=TinyViTShape((8, 8, 16, 16), (1, 1, 1, 1), (2, 2, 2, 2), (3, 3, 3, 3), 32, classes=0),
    surface=SurfaceShape((8, 8, 16), (1, 1)),
    mlp_channels=64,
    outline_channels=8,
)


def small_segmenter() -> BundledModel:
    """The same every time."""
    torch.manual_seed(0)
    return BundledModel(SMALL).eval()
