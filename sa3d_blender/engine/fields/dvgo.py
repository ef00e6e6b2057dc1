"""The DirectVoxGO family (``*_last.tar``): voxel grids of density and colour features.

After "Direct Voxel Grid Optimization" (Sun et al., CVPR 2022) and its "Improved" report (2022).
Samples lie where the training put them, so that a render agrees with the authors' renderer; how
they are found is different.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ...core.settings import FieldOptions
from ..rays import Rays, Samples
from .checkpoint_file import Checkpoint
from .dvgo_checkpoint import DvgoModel, is_dvgo, read_model
from .dvgo_scene import choose_scene
from .dvgo_spaces import space_of
from .family import Family
from .marching import Occupancy, march_steps
from .ndc import NdcSpace, visible_box
from .occupancy import CellGrid, cell_factor, nearest_node_cells, node_cells, slabs_of
from .scene_choice import SceneChoice
from .tensorf_decomposition import trilinear

EMPTY_ALPHA = 1e-5
"""Cells in which no sample is more opaque than this count as empty, whatever the file says."""
COLOR_BATCH = 16_384
"""Samples per pass through the shader; keeps its activations in the processor's cache."""


class DvgoField:
    """A model of the DirectVoxGO family as a `RadianceField`."""

    family = "dvgo"

    def __init__(self, model: DvgoModel, scene: SceneChoice, *, device: torch.device) -> None:
        """Prepare a model whose weights are on ``device`` for marching."""
        self.scene = scene.scene
        self.notes = scene.notes
        self.background = torch.full((3,), scene.background, device=device)
        self._device = device
        self._model = model
        self._space = space_of(model, scene)
        self._free_space = None
        if model.free_space is not None:
            known = model.free_space
            self._free_space = nearest_node_cells(known.mask, known.scale, known.shift, model.box)
        self._faintest = _raw_density_of(model.min_alpha, model.interval)
        self._occupancy = Occupancy.of(self._occupied_cells())
        self.box = self._space.box
        if isinstance(self._space, NdcSpace):
            self.box = visible_box(self, self._space)

    @property
    def device(self) -> torch.device:
        """Where the weights live."""
        return self._device

    def march(self, rays: Rays, *, with_color: bool) -> Samples:
        """The samples along field-frame rays that weigh more than the file's threshold."""
        stepped = self._space.step_rays(rays)
        found = march_steps(
            stepped, self._softplus_density, self._occupancy, min_weight=self._model.min_alpha
        )
        points = stepped.points(found.ray_index, found.k)
        rgb = None
        if with_color:
            rgb = self._shade(points, stepped.directions, found.ray_index)
        depth = stepped.depth(found.ray_index, found.k)
        return Samples(found.ray_index, points, found.weights, depth, rgb)

    def density(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Volume density at grid-frame points; zero outside the grid and in known empty space.

        Per unit of field-frame length in a bounded scene, of the model's own space (NDC or
        contracted) in others.
        """
        inside = (points.abs() <= 1).all(dim=1)  # False for points that are not a number
        usable = torch.where(inside[:, None], points, torch.zeros_like(points))
        sigma = self._softplus_density(usable) * self._space.density_scale
        return torch.where(inside, sigma, torch.zeros_like(sigma))

    def color(
        self, points: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]
    ) -> Float[Tensor, "n 3"]:
        """Colour in [0, 1] at grid-frame points seen along unit field-frame directions."""
        index = torch.arange(points.shape[0], device=points.device)
        return self._shade(points, self._space.model_directions(points, directions), index)

    def grid_from_field(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Field frame to grid frame, [-1, 1]^3."""
        return self._space.grid_from_field(points)

    def field_from_grid(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Grid frame to field frame."""
        return self._space.field_from_grid(points)

    def info(self) -> dict[str, Any]:
        """Plain facts for ``sa3d info``."""
        return {
            "family": self.family,
            "model": self._model.kind,
            "scene": self.scene,
            "background": self.background.tolist(),
            "box": self.box.tolist(),
            "grid_size": list(self._model.grid_size),
            "feature_channels": self._model.features.channels,
            "sa3d_masks": self._model.masks,
            "notes": list(self.notes),
        }

    def _softplus_density(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Density per optical length at points inside the grid; samples too faint have none."""
        raw = trilinear(self._model.raw_density, points)
        visible = raw > self._faintest
        if self._free_space is not None:
            visible &= self._free_space(points)
        return functional.softplus(raw) * visible

    def _shade(
        self, points: Float[Tensor, "s 3"], directions: Float[Tensor, "r 3"], ray_index: Tensor
    ) -> Float[Tensor, "s 3"]:
        model = self._model
        rgb = torch.empty_like(points)
        per_ray = model.shader.per_ray(directions)
        for start in range(0, points.shape[0], COLOR_BATCH):
            part = slice(start, start + COLOR_BATCH)
            view = per_ray.index_select(0, ray_index[part])
            rgb[part] = model.shader(model.features(points[part]), points[part], view)
        return rgb

    def _occupied_cells(self) -> CellGrid:
        """Cells with a node dense enough to matter, where the training did not find them empty."""
        model = self._model
        threshold = max(self._faintest, _raw_density_of(EMPTY_ALPHA, model.interval))
        factor = cell_factor(model.grid_size)
        volume = model.raw_density
        dense = (volume[layers] > threshold for layers in slabs_of(len(volume), factor))
        cells = node_cells(dense, model.grid_size, factor)
        return cells if self._free_space is None else cells.overlaps(self._free_space)


def _raw_density_of(alpha: float, interval: float) -> float:
    """What one step's opacity is before softplus: the inverse of ``1 - exp(-i softplus(x))``."""
    if alpha <= 0:
        return -math.inf
    return math.log(math.expm1(-math.log1p(-alpha) / interval))


def load(checkpoint: Checkpoint, options: FieldOptions, *, device: torch.device) -> DvgoField:
    """The field in a DirectVoxGO checkpoint. Raises UserError (``bad_weights``)."""
    model = read_model(checkpoint, device=device)
    return DvgoField(model, choose_scene(model, options), device=device)


FAMILY = Family(name="dvgo", title="DirectVoxGO", recognises=is_dvgo, load=load)
