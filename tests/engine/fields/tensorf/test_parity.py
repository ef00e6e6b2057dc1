"""Against float pictures and depths that the TensoRF authors' own renderer made.

``*_reference.npz`` hold cameras (field frame), pictures before quantisation and raw depth maps.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from sa3d_blender.core.cameras import Camera, read_transforms
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.protocol import RadianceField
from sa3d_blender.engine.fields.rays import camera_rays
from sa3d_blender.engine.fields.spaces.ndc import with_training_camera
from sa3d_blender.engine.rendering.render import View, render_view

DATA = Path(__file__).parents[3] / "data"
SHELF_OPTIONS = FieldOptions(ndc_focal=2 * 194.44958697627058 / 200, ndc_aspect=1.0)


@dataclass
class Scene:
    """A field, and what it should look like."""

    field: RadianceField
    cameras: list[Camera]
    images: np.ndarray
    depths: np.ndarray

    @cached_property
    def first_view(self) -> View:
        """What the first camera sees."""
        return render_view(self.field, self.cameras[0])


def load_scene(name: str, folder: str) -> Scene:
    """The checkpoint of that name and its reference pictures."""
    reference = np.load(DATA / folder / f"{name}_reference.npz")
    focal = float(reference["focal"])
    height, width = reference["image"].shape[1:3]
    cameras = [
        Camera(width, height, focal, focal, width / 2, height / 2, matrix)
        for matrix in reference["field_from_camera"]
    ]
    options = SHELF_OPTIONS if name == "shelf" else FieldOptions()
    field = load_field(DATA / folder / f"{name}.th", options, device=torch.device("cpu"))
    return Scene(field, cameras, reference["image"], reference["depth"])


@pytest.fixture(scope="module", params=["tabletop", "tabletop_cp_sh", "tabletop_cp_long", "shelf"])
def scene(request: pytest.FixtureRequest) -> Scene:
    """Each checkpoint in turn."""
    folder = "shelf" if request.param == "shelf" else "tabletop"
    return load_scene(request.param, folder)


def psnr(image: Tensor, expected: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB for values in [0, 1]."""
    return float(-10 * np.log10(((image.numpy() - expected) ** 2).mean()))


def reference_depth(view: View, scene: Scene) -> Tensor:
    """The depth map as TensoRF writes it, quirks included, from a view's samples.

    TensoRF sums weight times the ray's own parameter (NDC depth in forward-facing scenes) and,
    where light is left, adds the z of the viewing direction instead of a distance.
    """
    rays = camera_rays(view.camera, device=torch.device("cpu"))
    parameter = view.samples.depth
    last = rays.directions[:, 2]
    if scene.field.scene == "forward_facing":
        dz, oz = rays.directions[:, 2], rays.origins[:, 2]
        beyond = parameter + ((1 + oz) / dz)[view.samples.ray_index]
        z = -1 + beyond * dz[view.samples.ray_index]
        parameter = 1 + 1 / z
        last = torch.full_like(dz, 2.0)
    summed = view.render_scalar(parameter)
    return summed + (1 - view.opacity()) * last.view_as(summed)


def test_pictures_agree(scene: Scene) -> None:
    assert psnr(scene.first_view.image(), scene.images[0]) > 55
    second = render_view(scene.field, scene.cameras[1])
    assert psnr(second.image(), scene.images[1]) > 55


def test_depths_agree(scene: Scene) -> None:
    """Samples lighter than the colour threshold, which are left out, explain the difference."""
    depth = reference_depth(scene.first_view, scene)
    error = (depth - torch.from_numpy(scene.depths[0])).abs()
    limit = 0.012 if scene.field.scene == "forward_facing" else 0.02
    assert float(error.quantile(0.99)) < limit


def test_recognised_without_being_told(scene: Scene) -> None:
    forward_facing = scene.field.info()["grid_size"] == [154, 172, 103]
    assert scene.field.scene == ("forward_facing" if forward_facing else "bounded")
    assert scene.field.background.tolist() == [0.0 if forward_facing else 1.0] * 3
    assert any("near and far" in note for note in scene.field.notes)


def test_samples_lie_in_the_box(scene: Scene) -> None:
    view = render_view(scene.field, scene.cameras[0].resized(50, 50), with_color=False)
    points = scene.field.field_from_grid(view.samples.points)
    slack = 0.05 * (scene.field.box[1] - scene.field.box[0])
    inside = (points > scene.field.box[0] - slack) & (points < scene.field.box[1] + slack)
    mass = view.samples.weights
    assert float((mass * inside.all(dim=1)).sum() / mass.sum()) > 0.9


def test_free_camera_close_to_the_table_sees_it() -> None:
    scene = load_scene("tabletop", "tabletop")
    camera = scene.cameras[0]
    matrix = camera.field_from_camera.copy()
    matrix[:3, 3] += 3.0 * camera.forward
    close = Camera(50, 50, 60.0, 60.0, 25.0, 25.0, matrix)
    view = render_view(scene.field, close, with_color=False)
    assert float(view.opacity().mean()) > 0.5
    assert float(view.depth()[25, 25]) < 2.0


def test_camera_behind_the_near_plane_does_not_see_what_lies_behind_it() -> None:
    scene = load_scene("shelf", "shelf")
    camera = scene.cameras[0].resized(50, 50)
    there = render_view(scene.field, camera, with_color=False).depth()
    matrix = camera.field_from_camera.copy()
    matrix[:3, 3] += 1.5 * camera.forward
    moved = Camera(50, 50, camera.fl_x, camera.fl_y, 25.0, 25.0, matrix)
    view = render_view(scene.field, moved, with_color=False)
    assert float(view.samples.depth.min()) >= 0
    middle = (slice(20, 30), slice(20, 30))
    difference = there[middle].median() - view.depth()[middle].median()
    assert abs(float(difference) - 1.5) < 0.2


def test_forward_facing_camera_looking_back_sees_nothing() -> None:
    scene = load_scene("shelf", "shelf")
    camera = scene.cameras[0].resized(20, 20)
    matrix = camera.field_from_camera @ np.diag([-1.0, 1.0, -1.0, 1.0])
    back = Camera(20, 20, camera.fl_x, camera.fl_y, 10.0, 10.0, matrix)
    assert float(render_view(scene.field, back).opacity().max()) == 0


def test_training_camera_supplies_the_ndc_focal_length() -> None:
    camera = read_transforms(DATA / "shelf" / "transforms_train.json")[0]
    options = with_training_camera(FieldOptions(), camera)
    assert options.ndc_focal == pytest.approx(SHELF_OPTIONS.ndc_focal)
    assert options.ndc_aspect == 1.0
    kept = with_training_camera(FieldOptions(ndc_focal=3.0), camera)
    assert kept.ndc_focal == 3.0


def test_guessed_focal_length_is_said() -> None:
    field = load_field(DATA / "shelf" / "shelf.th", FieldOptions(), device=torch.device("cpu"))
    assert any("focal length" in note for note in field.notes)
