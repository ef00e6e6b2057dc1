"""Objects in hazy fields, where a ray's light comes from many faint samples: by their outlines.

Where a field is solid, a vote (eq. 6) says where along its ray the mask's object is. In haze it
says little, as the light is spread over a long way. But masks of many views say it together: a
place is the object's if the views that see it show the object there (the visual hull; Laurentini
1994). With ``T`` for how well a view sees a place, an object is where

    a = sum T mask / sum T

over the views is above a cut. With exact masks the cut would be nearly 1; masks err, so it is the
one whose outlines agree best with the masks themselves. What lies between the camera and a place
hides it unless it is the object, which is found in two rounds for that reason.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy import ndimage
from torch import Tensor
from torch.nn.functional import grid_sample, max_pool3d

from ..fields.protocol import RadianceField
from ..rendering.projection import project
from ..rendering.render import View
from ..rendering.transmittance import Transmittance
from ..run import Run
from .mask_grid import MaskGrid, region_nodes

Masks = Sequence[tuple[View, Bool[np.ndarray, "_ _"]]]
"""Views as they were rendered, with the accepted 2D masks."""

ROUNDS = 2
DENSITY = 2.0
"""Times that the field is taken as dense where it hides places; as it is, things shine through."""
SEEN_FROM, SEEN_WELL = 0.3, 0.7
"""Transmittance at which a view begins to count for a place, and from which it counts fully."""
LEAST_OUTLINES = 4
"""Masks below which outlines say too little, and votes count in haze, too."""
LEAST_SEEN = 1.0
"""Views that must see a place, and more; else it is the object's only if that encloses it."""
SMOOTHING = 0.7
"""Standard deviation in nodes; masks have steps."""
CUTS = np.arange(0.5, 0.96, 0.03)
MOST_COMPARED = 8
"""Views whose masks choose the cut."""
OWN_HAZE = 4
"""Nodes around the object whose light does not hide it."""
CHUNK = 1 << 20


def outlined_object(
    field: RadianceField, grid: MaskGrid, masks: Masks, run: Run | None = None
) -> Float[Tensor, "x y z"]:
    """Node values from -1 to 1, positive inside the object; zero nowhere.

    Args:
        grid: tells the region and its nodes; its votes are not looked at.

    Raises:
        Cancelled: the run was cancelled.
    """
    run = run or Run()
    inside = torch.zeros(grid.shape, dtype=torch.bool, device=grid.lower.device)
    agreed, cut = torch.zeros(grid.shape, device=grid.lower.device), float(CUTS[-1])
    for _ in range(ROUNDS):
        agreed = _agreement(field, grid, masks, inside.float(), run)
        cut = _best_cut(grid, agreed, masks, run)
        inside = _whole(agreed > cut)
    values = torch.where(agreed > cut, (agreed - cut) / (1 - cut), (agreed - cut) / cut)
    filled = torch.where(agreed > cut, values, 1.0)  # nobody sees into the object
    return torch.where(inside, filled.clamp(min=0.01), values.clamp(max=-0.01))


def shown(
    values: Float[Tensor, "x y z"],
    lower: Float[Tensor, " 3"],
    upper: Float[Tensor, " 3"],
    view: View,
) -> Bool[np.ndarray, "h w"]:
    """The object in a view of a hazy field: pixels whose rays come to it with half their light.

    Args:
        values: on the nodes of the region from ``lower`` to ``upper``, positive inside the object.
    """
    greatest = _greatest(MaskGrid(lower, upper, values, values), values, view, 0.0)
    return np.asarray((greatest > 0).cpu().numpy())


def _agreement(
    field: RadianceField,
    grid: MaskGrid,
    masks: Masks,
    inside: Float[Tensor, "x y z"],
    run: Run,
) -> Float[Tensor, "x y z"]:
    """Part of the views seeing a node whose masks show the object there; zero where few see it."""
    nodes = region_nodes(grid.lower, grid.upper, grid.shape)
    covered, seen = torch.zeros_like(nodes[:, 0]), torch.zeros_like(nodes[:, 0])
    spacing = float((field.field_from_grid(nodes[1:2]) - field.field_from_grid(nodes[:1])).norm())
    for view, mask in masks:
        run.check()
        own = grid.sample(inside, view.samples.points) > 0.5
        light = Transmittance.of(view, density=DENSITY, without=own)
        for first in range(0, len(nodes), CHUNK):
            part = slice(first, first + CHUNK)
            points = field.field_from_grid(nodes[part])
            there = project(view.camera, points)
            left = light.at(there.pixel.clamp(min=0), there.distance - spacing)
            weight = ((left - SEEN_FROM) / (SEEN_WELL - SEEN_FROM)).clamp(0, 1)
            weight = torch.where(there.pixel >= 0, weight, 0.0)
            seen[part] += weight
            covered[part] += weight * _interpolated(mask, there.place)
    share = torch.where(seen > LEAST_SEEN, covered / seen.clamp(min=LEAST_SEEN), 0.0)
    smooth = ndimage.gaussian_filter(share.view(grid.shape).cpu().numpy(), SMOOTHING)
    return torch.from_numpy(smooth).to(share.device)


def _interpolated(
    mask: Bool[np.ndarray, "_ _"], place: Float[Tensor, "n 2"]
) -> Float[Tensor, " n"]:
    """The mask between its pixels' centres, from 0 to 1.

    Args:
        place: column and row in pixels from the top left.
    """
    picture = torch.from_numpy(mask.astype(np.float32)).to(place.device)[None, None]
    size = torch.tensor(mask.shape[::-1], dtype=place.dtype, device=place.device)
    where = (2 * place / size - 1)[None, None]
    return grid_sample(picture, where, align_corners=False)[0, 0, 0]


def _best_cut(grid: MaskGrid, agreed: Float[Tensor, "x y z"], masks: Masks, run: Run) -> float:
    """The cut whose outlines have the best mean IoU with the masks."""
    compared = min(MOST_COMPARED, len(masks))
    chosen = np.linspace(0, len(masks) - 1, compared).round().astype(int)
    total = np.zeros(len(CUTS))
    for number in chosen:
        run.check()
        view, mask = masks[number]
        # what hides the object is found with a middling cut; the outline depends little on it
        found = _greatest(grid, agreed, view, float(CUTS.mean())).cpu().numpy()[..., None] > CUTS
        either = np.count_nonzero(found | mask[..., None], axis=(0, 1))
        both = np.count_nonzero(found & mask[..., None], axis=(0, 1))
        total += both / np.maximum(either, 1)
    return float(CUTS[total.argmax()])


def _greatest(
    grid: MaskGrid, values: Float[Tensor, "x y z"], view: View, cut: float
) -> Float[Tensor, "h w"]:
    """The greatest value on each pixel's ray, before something else has taken half of its light.

    It is not above zero where the ray misses the region.

    Args:
        cut: values above it are the object; they and what is close around them hide nothing.
    """
    size, lowest = (view.camera.height, view.camera.width), values.min().clamp(max=0)
    around = max_pool3d(values[None, None], 2 * OWN_HAZE + 1, 1, OWN_HAZE)[0, 0] - cut
    own = grid.sample(around, view.samples.points) > 0
    light = Transmittance.of(view, without=own).before_samples()
    met = grid.sample(values - lowest, view.samples.points) + lowest
    visible = torch.where(light > 0.5, met, lowest)
    pixels = lowest.repeat(size[0] * size[1])
    pixels.scatter_reduce_(0, view.samples.ray_index, visible, "amax")
    return pixels.view(size)


def _whole(inside: Bool[Tensor, "x y z"]) -> Bool[Tensor, "x y z"]:
    """The largest piece without the hollows that nobody sees."""
    piece, count = ndimage.label(inside.cpu().numpy())
    if count == 0:
        return inside
    sizes = np.bincount(piece.ravel())
    largest = ndimage.binary_fill_holes(piece == 1 + int(sizes[1:].argmax()))
    return torch.from_numpy(np.asarray(largest)).to(inside.device)
