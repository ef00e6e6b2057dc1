"""One object while it is being segmented: its masks per view and the mask grid they vote into."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy import ndimage
from torch import Tensor

from ...core.prompts import Prompt
from ...core.settings import SegmentSettings
from ..fields.protocol import PrimitiveField, RadianceField
from ..mask_grids.main_pieces import main_pieces
from ..mask_grids.mask_grid import MaskGrid, nearer_samples, region_shape
from ..mask_grids.primitive_votes import voted_primitives
from ..mask_grids.regions import outside_of, quantile_box, reach_of, region_of_target, side_lengths
from ..mask_grids.result import SegmentedObject
from ..mask_grids.visual_hull import LEAST_OUTLINES, outlined_object
from ..meshing.completion import carve, fill_solid
from ..meshing.support_plane import end_at_support
from ..parallel import one_core
from ..rendering.haze import is_deep, is_faint
from ..rendering.render import View
from ..rendering.surface_points import surface_density
from ..run import Run
from ..view_path.views import Target
from .artist_view import obeyed
from .self_prompt import KnownPixels

KNOWN_SHARE = 0.2
"""Share of votes (from -1 to 1) beyond which a sample counts as known object or known other."""
CERTAIN = 30.0
"""Votes of a view that one counts for where the artist pointed: more than all views together."""
SMALLEST_WITH_EDGE = 150
"""Pixels of the smallest mask whose edge may be left out of the vote."""
LEAST_RESOLUTION = 24
"""Nodes along the longest side of a final region, however small the object is in its views."""
TIGHT_MARGIN = 0.12
"""Room around the voted object in its final region, as a part of its extent."""
HAZY_MARGIN = 0.5
"""Such room in a hazy field, where an object's light begins before it and ends behind it."""


@dataclass
class ObjectVotes:
    """The mask grid of one object and the accepted masks it is made of."""

    prompt: Prompt
    settings: SegmentSettings
    grid: MaskGrid
    reach: Float[Tensor, "2 3"]
    """Smallest and largest corner, grid frame, of what can be the object; the rest is not."""
    masks: dict[int, Bool[np.ndarray, "h w"]] = field(default_factory=dict)
    """Accepted mask by view index."""
    clicks: dict[int, Prompt] = field(default_factory=dict)
    """The artist's own clicks by view index; what they point at is certain."""
    hazy: bool = False
    """Whether the field was faint where a mask voted last; see `rendering.haze`."""
    in_haze: bool = False
    """Whether it is faint or deep at this object or another one, which may stand before it."""

    @staticmethod
    def start(
        prompt: Prompt, settings: SegmentSettings, field_: RadianceField, target: Target
    ) -> ObjectVotes:
        """An object without votes, in a region around its first sight."""
        if settings.reference:
            one = torch.ones(3, device=field_.device)
            extent = field_.box[1] - field_.box[0]
            shape = region_shape(extent, settings.grid_resolution)
            grid = MaskGrid.empty(-one, one, shape)
            return ObjectVotes(prompt, settings, grid, torch.stack([-one, one]))
        lower, upper = region_of_target(field_, target)
        shape = region_shape(side_lengths(field_, lower, upper), settings.grid_resolution)
        grid = MaskGrid.empty(lower, upper, shape)
        return ObjectVotes(prompt, settings, grid, reach_of(lower, upper))

    def vote(self, index: int, view: View, mask: Bool[np.ndarray, "h w"]) -> None:
        """Let a view's mask vote; a later mask of the same view must replace it by `retract`."""
        self.masks[index] = mask
        self._vote(index, view, mask, 1.0)

    def retract(self, index: int, view: View) -> None:
        """Take a view's votes back."""
        mask = self.masks.pop(index, None)
        if mask is not None:
            self._vote(index, view, mask, -1.0)

    def _vote(self, index: int, view: View, mask: Bool[np.ndarray, "h w"], sign: float) -> None:
        clicked, more = self.clicks.get(index), None
        certain = None if clicked is None else obeyed(clicked, mask)
        kept, covered = self._voting(view, mask, certain)
        weights = sign * view.samples.weights[kept]
        if certain is not None:
            pixels = torch.from_numpy(certain).to(weights.device).view(-1)
            more = CERTAIN * weights * pixels[view.samples.ray_index[kept]]
        self.grid.vote(view.samples.points[kept], weights, covered[kept], more)

    def _voting(
        self,
        view: View,
        mask: Bool[np.ndarray, "h w"],
        certain: Bool[np.ndarray, "h w"] | None = None,
    ) -> tuple[Bool[Tensor, " s"], Bool[Tensor, " s"]]:
        """Which samples of a view vote, and of which the mask says that they are the object.

        Args:
            certain: pixels that vote even on the mask's edge.
        """
        samples, device = view.samples, view.samples.weights.device
        covered = torch.from_numpy(np.ascontiguousarray(mask)).to(device).view(-1)
        of_mask = covered[samples.ray_index]
        usual = self.settings.min_weight
        self.hazy = is_faint(samples.weights[of_mask], usual)
        keep = nearer_samples(samples) if self.hazy else samples.weights > usual
        if self.settings.skip_edges:
            inner = away_from_edge(mask)
            sure = inner if certain is None else inner | certain
            keep &= torch.from_numpy(sure).to(device).view(-1)[samples.ray_index]
        return keep, of_mask

    def known(self, view: View) -> KnownPixels:
        """Which pixels of a view are the object, which are not, by the votes so far."""
        samples = view.samples
        state = self.grid.share_at(samples.points, self.settings.negative_weight)
        negative = state < -KNOWN_SHARE
        negative |= outside_of(samples.points, *self.reach)
        asked = nearer_samples(samples) if self.hazy else torch.ones_like(negative)
        positive = (state > KNOWN_SHARE) & asked
        states = [positive, negative & asked, asked, torch.ones_like(asked)]
        rendered = view.render_vectors(torch.stack(states, dim=1).float())
        object_, other, told, opacity = rendered.unbind(dim=2)
        background = 1 - opacity
        half = (told + background) / 2
        known_other = other + background > half
        return KnownPixels((object_ > half).cpu().numpy(), known_other.cpu().numpy())

    def score(self, view: View) -> Float[np.ndarray, "h w"]:
        """The paper's rendered mask M (eq. 3) in a view."""
        grid = self.grid.score(self.settings.negative_weight)
        return view.render_scalar(self.grid.sample(grid, view.samples.points)).cpu().numpy()

    def grow_to(
        self,
        view: View,
        mask: Bool[np.ndarray, "h w"],
        views: dict[int, View],
        *,
        certain: bool = False,
    ) -> None:
        """Enlarge the region, and vote again, when a mask covers much that lies outside it.

        Args:
            certain: the artist pointed at what the mask shows, so it may also be out of reach.
        """
        kept, covered = self._voting(view, mask)
        points, weights = view.samples.points[kept & covered], view.samples.weights[kept & covered]
        if not certain:
            within = ~outside_of(points, *self.reach)
            points, weights = points[within], weights[within]
        outside = outside_of(points, self.grid.lower, self.grid.upper)
        if self.settings.reference or float(weights[outside].sum()) < 0.02 * float(weights.sum()):
            return
        lower, upper = quantile_box(points, 0.02)
        margin = 0.4 * (upper - lower)
        lower = torch.minimum(self.grid.lower, (lower - margin).clamp(min=-1))
        upper = torch.maximum(self.grid.upper, (upper + margin).clamp(max=1))
        if certain:
            self.reach = reach_of(lower, upper)
        self._rebuild(lower, upper, self.grid.shape, views)

    def tighten(self, field_: RadianceField, views: dict[int, View]) -> bool:
        """Fit the region to the voted object and vote again at the finer spacing.

        Returns:
            False when no node is the object.
        """
        share = self.grid.share(self.settings.negative_weight)
        voted = self.grid.node_points()[(main_pieces(share) > 0).view(-1)]
        if len(voted) == 0:
            return False
        lower, upper = quantile_box(voted, 0.001)
        radius = float(side_lengths(field_, lower, upper).norm()) / 2
        self.in_haze |= is_deep(self._spreads(views), radius)
        room = HAZY_MARGIN if self.in_haze else TIGHT_MARGIN
        margin = room * (upper - lower) + 0.02 * (upper - lower).max()
        lower, upper = (lower - margin).clamp(min=-1), (upper + margin).clamp(max=1)
        extent = side_lengths(field_, lower, upper)
        pixels = int(float(extent.max()) / self._pixel_footprint(views))
        resolution = max(LEAST_RESOLUTION, min(pixels, self.settings.grid_resolution))
        self._rebuild(lower, upper, region_shape(extent, resolution), views)
        self.reach = torch.stack([lower, upper])
        return True

    @property
    def positive(self) -> Bool[Tensor, "x y z"]:
        """The nodes that are the object by the votes so far."""
        return self.grid.share(self.settings.negative_weight) > 0

    @property
    def found(self) -> bool:
        """Whether any node is the object."""
        return bool(self.positive.any())

    def draft(
        self, field_: RadianceField, views: dict[int, View], resolution: int
    ) -> SegmentedObject:
        """The object by the votes so far, on few nodes; they themselves stay as they are.

        Args:
            resolution: nodes along the longest side.
        """
        settings = replace(self.settings, grid_resolution=resolution)
        copy = replace(self, settings=settings, masks=dict(self.masks))
        copy.tighten(field_, views)
        return copy.finished(field_, views)

    def believe_all(self, views: dict[int, View]) -> None:
        """Let every surface that a mask shows be the object, whatever speaks against it."""
        self.grid = MaskGrid.empty(self.grid.lower, self.grid.upper, self.grid.shape)
        for index, mask in self.masks.items():
            samples = views[index].samples
            covered = torch.from_numpy(np.ascontiguousarray(mask)).to(samples.weights.device)
            shown = covered.view(-1)[samples.ray_index] & nearer_samples(samples)
            points, weights = samples.points[shown], samples.weights[shown]
            self.grid.vote(points, weights, torch.ones_like(weights, dtype=torch.bool))

    def _spreads(self, views: dict[int, View]) -> list[Float[Tensor, " _"]]:
        """How far the light of the object's pixels is spread along their rays, by view."""
        found = []
        for index, mask in self.masks.items():
            spread = views[index].spread()
            found.append(spread[torch.from_numpy(np.ascontiguousarray(mask)).to(spread.device)])
        return found

    def _pixel_footprint(self, views: dict[int, View]) -> float:
        """Width of a pixel on the object, in field units.

        Nodes much closer than that would mostly get no vote from a view, and tell it nothing.
        """
        widths = []
        for index, mask in self.masks.items():
            samples, fl_x = views[index].samples, views[index].camera.fl_x
            covered = torch.from_numpy(np.ascontiguousarray(mask)).view(-1)
            depth = samples.depth[covered.to(samples.depth.device)[samples.ray_index]]
            if len(depth):
                widths.append(float(depth.median()) / fl_x)
        return max(float(np.median(widths)) if widths else 0.0, 1e-9)

    def _rebuild(
        self,
        lower: Float[Tensor, " 3"],
        upper: Float[Tensor, " 3"],
        shape: tuple[int, int, int],
        views: dict[int, View],
    ) -> None:
        self.grid = MaskGrid.empty(lower, upper, shape)
        for index, mask in self.masks.items():
            self._vote(index, views[index], mask, 1.0)

    def finished(
        self,
        field_: RadianceField,
        views: dict[int, View],
        run: Run | None = None,
    ) -> SegmentedObject:
        """The object as it goes into the result, completed where nobody voted.

        Raises:
            Cancelled: the run was cancelled.
        """
        grid, primitives = self.grid, None
        free = carve(field_, views.values(), grid.lower, grid.upper, grid.shape)
        outlined = self.in_haze and len(self.masks) >= LEAST_OUTLINES
        seen = [(views[index], mask) for index, mask in self.masks.items()]
        with one_core():
            if self.settings.reference:
                values = grid.score(self.settings.negative_weight)
            elif outlined:
                values = outlined_object(field_, grid, seen, run)
            else:
                share = grid.share(self.settings.negative_weight)
                pieces = main_pieces(share)
                filled = fill_solid(pieces, free)
                values = end_at_support(field_, filled, pieces, grid.lower, grid.upper)
            if isinstance(field_, PrimitiveField) and not self.settings.reference:
                weight = self.settings.negative_weight
                primitives = voted_primitives(field_, seen, grid, values, weight)
        return SegmentedObject(
            name=self.prompt.name,
            lower=grid.lower,
            upper=grid.upper,
            values=values,
            free=free,
            level=surface_density(field_, seen),
            soft=self.settings.reference,
            hazy=outlined,
            primitives=primitives,
        )


def away_from_edge(mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Pixels whose neighbours are all in the mask, or all outside; all pixels of a tiny mask.

    A pixel on the mask's edge sees both the object and what is behind it, and would vote for both.
    """
    if np.count_nonzero(mask) < SMALLEST_WITH_EDGE:
        return np.ones_like(mask)
    inner = ndimage.binary_erosion(mask, border_value=1)
    return np.asarray(inner | ndimage.binary_erosion(~mask, border_value=1))
