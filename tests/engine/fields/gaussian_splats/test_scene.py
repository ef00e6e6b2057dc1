"""What scene a splat is: with an end or without, and what its middle is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.gaussian_splats.field import SplatField
from sa3d_blender.engine.fields.gaussian_splats.gaussians import Gaussians
from sa3d_blender.engine.fields.gaussian_splats.ply_file import write_gaussians
from sa3d_blender.engine.rendering.render import render_view
from tests.support.made_up_splats import field_of, looking_at_origin, random_gaussians

PARTS = ("means", "log_scales", "rotations", "opacity_logits", "harmonics")


def in_a_landscape() -> Gaussians:
    """A heap around (5, 0, 0), and around it a landscape twenty times as far."""
    heap, far = random_gaussians(400, 0, seed=1), random_gaussians(150, 0, seed=2, size=2.0)
    heap.means[:, 0] += 5
    far.means[:] = 40 * torch.nn.functional.normalize(far.means, dim=1)
    return Gaussians(*(torch.cat([getattr(g, name) for g in (heap, far)]) for name in PARTS))


def test_a_heap_has_an_end() -> None:
    field = field_of(random_gaussians(400, 0, seed=1))
    assert field.scene == "bounded"
    points = field.gaussians.means
    inside = ((points >= field.box[0]) & (points <= field.box[1])).all(dim=1)
    assert float(inside.float().mean()) > 0.98
    assert torch.allclose(field.field_from_grid(field.grid_from_field(points)), points, atol=1e-4)


def test_a_landscape_has_none() -> None:
    field = field_of(in_a_landscape())
    assert field.scene == "unbounded"
    assert torch.allclose(field.box.mean(dim=0), torch.tensor([5.0, 0.0, 0.0]), atol=0.5)
    assert 1 < float(field.box[1, 0] - field.box[0, 0]) < 10
    grid = field.grid_from_field(field.gaussians.means)
    assert float(grid.abs().max()) < 1
    back = field.field_from_grid(grid)
    assert torch.allclose(back, field.gaussians.means, rtol=1e-3, atol=1e-2)
    camera = looking_at_origin((9.0, 0.5, 1.0), (32, 32), 30.0)
    view = render_view(field, camera)
    depth = view.samples.depth
    # places in the grid frame are those at their depths
    placed = field.field_from_grid(view.samples.points)
    away = (placed - torch.from_numpy(camera.origin).float()).norm(dim=1)
    assert torch.allclose(away, depth, rtol=2e-3)


def test_the_trainings_cameras_say_what_the_middle_is(tmp_path: Path) -> None:
    path = tmp_path / "point_cloud.ply"
    write_gaussians(in_a_landscape(), path)
    entries = []
    for eye in ((2.0, 0.0, 1.0), (0.0, 2.0, 1.0), (-2.0, 0.5, 1.0), (0.5, -2.0, 0.5)):
        camera = looking_at_origin(eye, (40, 40), 40.0)
        turned = camera.field_from_camera[:3, :3] * np.array([1.0, -1.0, -1.0])
        entries.append(
            {
                "img_name": str(eye),
                "width": 40,
                "height": 40,
                "fx": 40.0,
                "fy": 40.0,
                "position": list(eye),
                "rotation": turned.tolist(),
            }
        )
    (tmp_path / "cameras.json").write_text(json.dumps(entries))
    field = load_field(path, FieldOptions(), device=torch.device("cpu"))
    assert isinstance(field, SplatField)
    assert torch.allclose(field.box.mean(dim=0), torch.zeros(3), atol=1e-3)
    assert float(field.box[1, 0]) > 2
    (tmp_path / "cameras.json").write_text("nothing")
    field = load_field(path, FieldOptions(), device=torch.device("cpu"))
    assert float(field.box.mean(dim=0)[0]) > 4
