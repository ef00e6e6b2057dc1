"""Where the photographs of a forward-facing field were taken."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ...core.cameras import Camera
from ..fields.protocol import RadianceField
from .views import Stand

USUAL_SPREAD = 0.3
"""Distance of such cameras from their middle over that of the near plane, where none is known: with
more, neighbouring photographs of what is near would hardly overlap."""


def photographers_stand(field: RadianceField, known: Sequence[Camera]) -> Stand | None:
    """Where a forward-facing field was seen from; None of fields that were seen from around.

    Normalised device coordinates have the average training camera in the origin.

    Args:
        known: training cameras, field frame; there may be none.
    """
    if field.scene != "forward_facing":
        return None
    if known:
        places = np.stack([camera.origin for camera in known])
        middle = np.median(places, axis=0)
        return Stand(middle, float(np.linalg.norm(places - middle, axis=1).max()))
    ahead = field.field_from_grid(torch.tensor([[0.0, 0.0, -1.0]], device=field.device))
    return Stand(np.zeros(3), USUAL_SPREAD * abs(float(ahead[0, 2])))
