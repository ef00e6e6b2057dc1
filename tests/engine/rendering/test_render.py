"""Views: sums over samples by hand, chunks, memory, cancelling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sa3d_blender.core.cameras import Camera
from sa3d_blender.core.errors import Cancelled
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.protocol import RadianceField
from sa3d_blender.engine.fields.rays import Rays, Samples, camera_rays, pixel_rays
from sa3d_blender.engine.parallel import in_parallel, one_ahead, one_core
from sa3d_blender.engine.rendering import render
from sa3d_blender.engine.rendering.render import View, march_rays, render_picture, render_view
from sa3d_blender.engine.run import Run

DATA = Path(__file__).parents[2] / "data"
CPU = torch.device("cpu")


def small_camera(width: int = 3, height: int = 2) -> Camera:
    return Camera(width, height, 10.0, 10.0, width / 2, height / 2, np.eye(4))


@pytest.fixture
def view() -> View:
    """Pixel 1 has two samples, pixel 4 has one, the others are empty."""
    samples = Samples(
        ray_index=torch.tensor([1, 1, 4]),
        points=torch.zeros(3, 3),
        weights=torch.tensor([0.5, 0.25, 0.8]),
        depth=torch.tensor([2.0, 4.0, 3.0]),
        rgb=torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [2.0, 0.5, 0.0]]),
    )
    return View(small_camera(), samples, torch.ones(3))


def test_image_by_hand(view: View) -> None:
    image = view.image()
    assert image.shape == (2, 3, 3)
    assert image[0, 0].tolist() == [1.0, 1.0, 1.0]
    assert image[0, 1].tolist() == pytest.approx([0.5 + 0.25, 0.25 + 0.25, 0.25])
    assert image[1, 1].tolist() == pytest.approx([1.0, 0.4 + 0.2, 0.2])  # 1.8 is clamped


def test_depth_opacity_and_scalars_by_hand(view: View) -> None:
    assert view.opacity().flatten().tolist() == pytest.approx([0, 0.75, 0, 0, 0.8, 0])
    expected = [0, (0.5 * 2 + 0.25 * 4) / 0.75, 0, 0, 3, 0]
    assert view.depth().flatten().tolist() == pytest.approx(expected)
    summed = view.render_scalar(torch.tensor([1.0, -2.0, 10.0]))
    assert summed.flatten().tolist() == pytest.approx([0, 0, 0, 0, 8, 0])


def test_image_without_colors_is_refused(view: View) -> None:
    plain = Samples(
        view.samples.ray_index, view.samples.points, view.samples.weights, view.samples.depth, None
    )
    with pytest.raises(ValueError, match="without colour"):
        View(view.camera, plain, view.background).image()


def test_rays_go_through_pixel_centres() -> None:
    camera = Camera(4, 2, 2.0, 4.0, 2.0, 1.0, np.eye(4))
    rays = camera_rays(camera, device=CPU)
    local = rays.directions / -rays.directions[:, 2:]
    assert local[0].tolist() == pytest.approx([-1.5 / 2, 0.5 / 4, -1])
    assert local[7].tolist() == pytest.approx([1.5 / 2, -0.5 / 4, -1])
    part = pixel_rays(camera, 5, 100, device=CPU)
    torch.testing.assert_close(part.directions, rays.directions[5:])


class Haze:
    """A field with the same few samples on every ray; depth tells the direction."""

    family = "haze"
    scene = "bounded"
    notes = ()
    pixel_center = 0.5
    device = CPU

    def __init__(self, per_ray: int) -> None:
        self.background = torch.zeros(3)
        self.box = torch.tensor([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]])
        self.per_ray = per_ray
        self.largest = 0

    def march(self, rays: Rays, *, with_color: bool, faint: float = 0.0) -> Samples:
        self.largest = max(self.largest, len(rays))
        count = len(rays) * self.per_ray
        index = torch.arange(len(rays)).repeat_interleave(self.per_ray)
        depth = 1 + rays.directions[index, 0]
        rgb = torch.full((count, 3), 0.5) if with_color else None
        return Samples(index, torch.zeros(count, 3), torch.full((count,), 0.1), depth, rgb)

    def density(self, points: Tensor) -> Tensor:
        return points[:, 0]

    def color(self, points: Tensor, directions: Tensor) -> Tensor:
        return points

    def grid_from_field(self, points: Tensor) -> Tensor:
        return points

    def field_from_grid(self, points: Tensor) -> Tensor:
        return points

    def info(self) -> dict[str, Any]:
        return {}


def test_chunks_are_put_together_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "RAYS_PER_CHUNK", 7)
    camera = small_camera(10, 9)
    field: RadianceField = Haze(3)
    view = render_view(field, camera)
    expected = 1 + camera_rays(camera, device=CPU).directions[:, 0].view(9, 10)
    torch.testing.assert_close(view.depth(), expected)
    seen: list[float] = []
    run = Run(on_progress=lambda _stage, n, total, _text: seen.append(n / total))
    picture = render_picture(field, camera, run=run, stage="render")
    assert len(seen) == 13
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    torch.testing.assert_close(picture.image, view.image())
    torch.testing.assert_close(picture.depth, view.depth())
    torch.testing.assert_close(picture.opacity, view.opacity())
    samples = march_rays(field, camera_rays(camera, device=CPU), with_color=False)
    torch.testing.assert_close(samples.ray_index, view.samples.ray_index)


def test_cancelling_stops_at_the_next_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "RAYS_PER_CHUNK", 5)
    calls: list[int] = []

    def cancelled() -> bool:
        calls.append(1)
        return len(calls) > 3

    with pytest.raises(Cancelled):
        render_view(Haze(1), small_camera(100, 100), run=Run(is_cancelled=cancelled))
    assert len(calls) < 50


def test_large_picture_is_marched_in_bounded_pieces() -> None:
    field = Haze(1)
    picture = render_picture(field, small_camera(1200, 1000))
    assert picture.image.shape == (1000, 1200, 3)
    assert field.largest <= render.RAYS_PER_CHUNK


def test_a_small_picture_is_work_for_all_cores() -> None:
    field, before = Haze(1), torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        render_picture(field, small_camera(90, 60))
    finally:
        torch.set_num_threads(before)
    assert field.largest == 1800


def test_large_view_keeps_only_samples_of_weight() -> None:
    """2000 x 2000 rays times 495 steps would be two thousand million samples."""
    path = DATA / "tabletop" / "tabletop_cp_sh.th"
    field = load_field(path, FieldOptions(), device=CPU)
    matrix = np.eye(4)
    matrix[2, 3] = 60.0
    camera = Camera(2000, 2000, 8000.0, 8000.0, 1000.0, 1000.0, matrix)
    view = render_view(field, camera, with_color=False)
    assert view.opacity().shape == (2000, 2000)
    assert float(view.opacity().max()) > 0.9
    assert len(view.samples.weights) < 30 * int((view.opacity() > 0).sum())
    assert float(view.samples.weights.min()) > 1e-4


def test_parallel_work_keeps_order_and_torch_settings() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        found = list(in_parallel(lambda n: (n, torch.get_num_threads()), range(50), device=CPU))
        assert found == [(n, 1) for n in range(50)]
        assert torch.get_num_threads() == 3
        with one_core():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_parallel_work_passes_errors_on() -> None:
    def work(n: int) -> int:
        if n == 3:
            raise RuntimeError("three")
        return n

    with pytest.raises(RuntimeError, match="three"):
        list(in_parallel(work, range(10), device=CPU))


def test_view_of_a_real_field_is_the_same_on_one_core() -> None:
    path = DATA / "tabletop" / "tabletop.th"
    field = load_field(path, FieldOptions(), device=CPU)
    matrix = np.eye(4)
    matrix[2, 3] = 4.0
    camera = Camera(60, 60, 80.0, 80.0, 30.0, 30.0, matrix)
    many = render_view(field, camera)
    with one_core():
        one = render_view(field, camera)
    torch.testing.assert_close(many.image(), one.image())


def test_one_ahead_keeps_order_and_works_ahead() -> None:
    begun: list[int] = []

    def work(item: int) -> int:
        begun.append(item)
        return item * item

    results = one_ahead(work, range(4))
    assert next(results) == 0
    assert list(results) == [1, 4, 9]
    assert begun == [0, 1, 2, 3]
    assert list(one_ahead(work, [])) == []


def test_one_ahead_raises_what_the_work_raises() -> None:
    def work(item: int) -> int:
        if item == 2:
            raise Cancelled
        return item

    results = one_ahead(work, range(5))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(Cancelled):
        next(results)
