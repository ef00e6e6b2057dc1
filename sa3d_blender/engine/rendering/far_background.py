"""Sky and far background of unbounded scenes: seen, but too far away to have a shape."""

from __future__ import annotations

import math

import numpy as np

from ...core.cameras import Camera
from ..fields.protocol import RadianceField

FAR = 20.0
"""Distance over the reach of a scene's middle (half its box) beyond which is far background. There
the space is drawn together by 400: what is one voxel is as large as the whole middle."""


def far_distance(field_: RadianceField, camera: Camera) -> float:
    """Distance from a camera, field units, beyond which is far background.

    It is infinite in scenes that have an end.
    """
    if field_.scene != "unbounded":
        return math.inf
    box = field_.box.cpu().numpy()
    middle, reach = box.mean(axis=0), float((box[1] - box[0]).max()) / 2
    return FAR * reach + float(np.linalg.norm(camera.origin - middle))
