"""Gaussians gather their own votes, are kept in the result, and leave as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sa3d_blender.core.errors import UserError
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.commands import cli
from sa3d_blender.engine.commands.splat_results import save_splat
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.gaussian_splats.field import SplatField
from sa3d_blender.engine.fields.gaussian_splats.gaussians import Gaussians
from sa3d_blender.engine.mask_grids.field_facts import field_facts
from sa3d_blender.engine.mask_grids.mask_grid import MaskGrid
from sa3d_blender.engine.mask_grids.primitive_votes import voted_primitives
from sa3d_blender.engine.mask_grids.result import SegmentedObject, SegmentResult
from sa3d_blender.engine.rendering.render import View, render_view
from tests.support.made_up_fields import PaintedBall
from tests.support.made_up_splats import field_of, looking_at_origin, random_gaussians

CPU = torch.device("cpu")
EACH = 150
PARTS = ("means", "log_scales", "rotations", "opacity_logits", "harmonics")
EYES = ((3.0, 0.0, 1.0), (0.5, 3.0, 0.8), (-3.0, 0.4, 0.5), (0.3, -3.0, 1.2))


@pytest.fixture(scope="module")
def two_heaps() -> Gaussians:
    """A ball of Gaussians at y = -0.4 that is solid to the middle, and one at y = 0.4."""
    gaussians = random_gaussians(2 * EACH, 0, seed=8)
    directions = torch.nn.functional.normalize(gaussians.means, dim=1)
    place = 0.25 * directions * torch.linspace(0.1, 1, 2 * EACH)[:, None]
    place[:EACH, 1] -= 0.4
    place[EACH:, 1] += 0.4
    gaussians.means[:] = place
    gaussians.log_scales[:] = float(np.log(0.05))
    gaussians.opacity_logits[:] = 2.0
    return gaussians


@pytest.fixture(scope="module")
def field(two_heaps: Gaussians) -> SplatField:
    """Both."""
    return field_of(two_heaps)


@pytest.fixture(scope="module")
def seen(field: SplatField, two_heaps: Gaussians) -> list[tuple[View, np.ndarray]]:
    """Views, and where the first heap is what they show most of."""
    views = [render_view(field, looking_at_origin(eye, (64, 64), 70.0)) for eye in EYES]
    found = []
    for view in views:
        assert view.samples.primitive is not None
        own = (view.samples.primitive < EACH).float()
        found.append((view, (view.render_scalar(own) > 0.5).numpy()))
    return found


@pytest.fixture(scope="module")
def entry(field: SplatField, seen: list[tuple[View, np.ndarray]]) -> SegmentedObject:
    """The first heap, cut out."""
    lower, upper = torch.full((3,), -1.0), torch.ones(3)
    grid = MaskGrid.empty(lower, upper, (16, 16, 16))
    nodes = field.field_from_grid(grid.node_points())
    values = torch.where(nodes[:, 1] < 0, 1.0, -1.0).view(grid.shape)
    numbers = voted_primitives(field, seen, grid, values, 1.0)
    free = torch.zeros(grid.shape, dtype=torch.bool)
    return SegmentedObject("heap", lower, upper, values, free, 0.5, primitives=numbers)


def test_each_gaussian_is_told_apart(entry: SegmentedObject) -> None:
    assert entry.primitives is not None
    assert entry.primitives.tolist() == list(range(EACH))


def test_what_nobody_sees_belongs_where_the_grid_says(
    field: SplatField, seen: list[tuple[View, np.ndarray]]
) -> None:
    grid = MaskGrid.empty(torch.full((3,), -1.0), torch.ones(3), (4, 4, 4))
    views = [(View(view.camera, view.samples, view.background), mask) for view, mask in seen]
    for number, (view, mask) in enumerate(views):
        kept = view.samples.primitive > 20  # type: ignore[operator]
        samples = type(view.samples)(
            *(
                getattr(view.samples, name)[kept]
                for name in ("ray_index", "points", "weights", "depth", "rgb", "primitive")
            )
        )
        views[number] = (View(view.camera, samples, view.background), mask)
    everywhere, nowhere = torch.ones(4, 4, 4), -torch.ones(4, 4, 4)
    assert voted_primitives(field, views, grid, everywhere, 1.0).tolist() == list(range(EACH))
    assert voted_primitives(field, views, grid, nowhere, 1.0).tolist() == list(range(21, EACH))


def test_its_mask_is_that_of_its_gaussians(
    entry: SegmentedObject, seen: list[tuple[View, np.ndarray]]
) -> None:
    for view, mask in seen:
        assert np.array_equal(entry.mask(view), mask)


def test_result_and_files_come_back(
    entry: SegmentedObject, field: SplatField, two_heaps: Gaussians, tmp_path: Path
) -> None:
    scene = tmp_path / "scene.ply"
    field.save_primitives(torch.ones(2 * EACH, dtype=torch.bool), scene)
    loaded = load_field(scene, FieldOptions(), device=CPU)
    path = tmp_path / "result.npz"
    SegmentResult(str(scene), FieldOptions(), (entry,), field_facts(loaded)).save(path)
    (again,) = SegmentResult.load(path, device=CPU).objects
    assert again.primitives is not None
    assert entry.primitives is not None
    assert torch.equal(again.primitives, entry.primitives)
    for options, part in (((), slice(0, EACH)), (("--rest",), slice(EACH, None))):
        out = tmp_path / "part.ply"
        assert cli.main(["splat", str(path), "--out", str(out), *options]) == 0
        found = load_field(out, FieldOptions(), device=CPU)
        assert isinstance(found, SplatField)
        for name in PARTS:
            assert torch.equal(getattr(found.gaussians, name), getattr(two_heaps, name)[part])


def test_forged_numbers_are_refused(entry: SegmentedObject, tmp_path: Path) -> None:
    path = tmp_path / "result.npz"
    SegmentResult("scene.ply", FieldOptions(), (entry,)).save(path)
    with np.load(path) as data:
        arrays = dict(data)
    for forged in (np.array([-1], np.int32), np.array([0.5]), np.zeros((2, 2), np.int32)):
        np.savez(path, **(arrays | {"primitives_0": forged}))
        with pytest.raises(UserError, match="numbers of Gaussians"):
            SegmentResult.load(path, device=CPU)


def test_what_cannot_be_saved_is_told(
    entry: SegmentedObject, field: SplatField, tmp_path: Path
) -> None:
    out = tmp_path / "part.ply"
    with pytest.raises(UserError, match="not made from a 3D Gaussian splat"):
        save_splat(PaintedBall(), [entry], out, rest=False)
    with pytest.raises(UserError, match=r"must end in \.ply"):
        save_splat(field, [entry], tmp_path / "part.glb", rest=False)
    whole = SegmentedObject(
        *(entry.name, entry.lower, entry.upper, entry.values, entry.free, 0.5),
        primitives=torch.arange(2 * EACH),
    )
    with pytest.raises(UserError, match="No Gaussian is left"):
        save_splat(field, [whole], out, rest=True)
    more = SegmentedObject(
        *(entry.name, entry.lower, entry.upper, entry.values, entry.free, 0.5),
        primitives=torch.tensor([5000]),
    )
    with pytest.raises(UserError, match="more Gaussians"):
        save_splat(field, [more], out, rest=False)
    assert not out.exists()
