"""Whether the artist pointed at anything: told from a few rays, before a picture is rendered."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import Float

from ...core.cameras import Camera
from ...core.errors import UserError
from ...core.prompts import Prompt
from ..fields.protocol import RadianceField
from ..fields.rays import rays_through
from ..rendering.far_background import far_distance
from ..rendering.render import march_rays, ray_sums

LEAST_OPACITY = 0.3
"""Least opacity of a ray that meets something."""
NEAR = 0.004
"""Distance from a click, in widths of the picture, within which something must be met: a click on a
leaf may go through between two."""
BOX_RAYS = 7
"""Rays along each side of a box."""


def check_on_something(field: RadianceField, camera: Camera, objects: Iterable[Prompt]) -> None:
    """Raise UserError where a prompt points at empty space or at the far background alone.

    Args:
        camera: whose pixels the prompts are.
    """
    for prompt in objects:
        step = NEAR * camera.width
        around = np.stack(np.meshgrid(*[(-step, 0.0, step)] * 2), axis=-1).reshape(-1, 2)
        for click in prompt.on_object:
            _check_place(field, camera, np.array(click) + around, prompt.name, "A point")
        if prompt.box is not None and not prompt.on_object:
            x0, y0, x1, y1 = prompt.box
            inner = (np.arange(BOX_RAYS) + 0.5) / BOX_RAYS
            places = np.stack(np.meshgrid(x0 + inner * (x1 - x0), y0 + inner * (y1 - y0)), axis=-1)
            _check_place(field, camera, places.reshape(-1, 2), prompt.name, "The box")


def _check_place(
    field: RadianceField, camera: Camera, places: Float[np.ndarray, "n 2"], name: str, what: str
) -> None:
    rays = rays_through(camera, torch.from_numpy(places), device=field.device)
    samples = march_rays(field, rays, with_color=False)
    far = (samples.depth > far_distance(field, camera)).float()
    values = torch.stack([torch.ones_like(far), far], dim=1)
    opacity, beyond = ray_sums(samples, values, len(rays)).unbind(dim=1)
    if float(opacity.max()) < LEAST_OPACITY:
        raise UserError(
            f"{what} of {name!r} lies on empty background; move it onto the object.",
            code="empty_background",
        )
    if not bool(((opacity >= LEAST_OPACITY) & (beyond <= opacity / 2)).any()):
        raise UserError(
            f"{what} of {name!r} lies on the sky or the far background, which has no shape "
            "to cut out; move it onto the object.",
            code="empty_background",
        )
