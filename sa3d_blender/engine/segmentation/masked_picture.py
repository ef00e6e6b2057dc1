"""A picture together with the objects' masks in it.

Masks are sums over a view's samples, which a large picture has more of than memory holds. So it is
rendered in bands of rows, each of which is a small camera's view.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool

from ...core.cameras import Camera
from ..fields.protocol import RadianceField
from ..mask_grids.result import SegmentedObject
from ..rendering.render import Picture, render_picture, render_view
from ..run import Run

BAND_PIXELS = 1 << 18
"""About half a gigabyte of samples in hazy fields, and 1.6 times that while a mask is made."""


def render_with_masks(
    field: RadianceField,
    camera: Camera,
    objects: Sequence[SegmentedObject],
    *,
    run: Run | None = None,
) -> tuple[Picture, list[Bool[np.ndarray, "h w"]]]:
    """What one camera sees, and where in it the objects are.

    Raises:
        Cancelled: the run was cancelled.
    """
    if not objects:
        return render_picture(field, camera, run=run), []
    pictures: list[Picture] = []
    masks: list[list[np.ndarray]] = [[] for _ in objects]
    rows = max(1, BAND_PIXELS // camera.width)
    for top in range(0, camera.height, rows):
        bottom = min(top + rows, camera.height)
        band = camera.cropped(0, top, camera.width, bottom, camera.width, bottom - top)
        view = render_view(field, band, run=run)
        pictures.append(Picture(view.image(), view.depth(), view.opacity()))
        for found, entry in zip(masks, objects, strict=True):
            found.append(entry.mask(view))
    whole = Picture(
        torch.cat([picture.image for picture in pictures]),
        torch.cat([picture.depth for picture in pictures]),
        torch.cat([picture.opacity for picture in pictures]),
    )
    return whole, [np.concatenate(found) for found in masks]
