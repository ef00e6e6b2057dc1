"""Pictures of splats agree with the original rasteriser's arithmetic, written down plainly."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sa3d_blender.core.cameras import Camera
from sa3d_blender.engine.fields.gaussian_splats import rasterizer
from sa3d_blender.engine.fields.gaussian_splats.gaussians import Gaussians
from sa3d_blender.engine.fields.rays import camera_rays
from sa3d_blender.engine.rendering.render import View, render_picture, render_view
from tests.support.made_up_splats import (
    field_of,
    looking_at_origin,
    one_gaussian,
    plain,
    random_gaussians,
)
from tests.support.plain_splats import plain_picture

EYES = ((3.0, 1.0, 1.0), (0.5, -2.0, 1.0), (-1.0, 0.2, 0.3), (2.0, 2.0, 2.0))


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    """In decibels."""
    return float(-10 * np.log10(np.mean((one - other) ** 2) + 1e-20))


@pytest.mark.parametrize(("degree", "eye"), list(enumerate(EYES)))
def test_pictures_agree_with_the_plain_renderer(
    degree: int, eye: tuple[float, float, float]
) -> None:
    gaussians = random_gaussians(120, degree, seed=degree)
    camera = looking_at_origin(eye, (44, 36), 50.0)
    view = render_view(field_of(gaussians), camera)
    wanted, weights = plain_picture(plain(gaussians), camera)
    assert psnr(view.image().numpy(), wanted.clip(0, 1)) > 80
    assert np.abs(view.opacity().numpy() - weights.sum(axis=-1)).max() < 2e-3
    found = np.zeros((44 * 36, len(gaussians)))
    assert view.samples.primitive is not None
    pairs = view.samples.ray_index.numpy(), view.samples.primitive.numpy()
    found[pairs] = view.samples.weights.numpy()
    assert np.abs(found - weights.reshape(found.shape)).max() < 1e-4
    picture = render_picture(field_of(gaussians), camera)
    assert torch.allclose(picture.image, view.image(), atol=1e-5)


def test_small_portions_make_the_same_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    field, camera = (
        field_of(random_gaussians(300, 0, seed=5)),
        looking_at_origin(EYES[0], (40, 30), 40.0),
    )
    whole = render_view(field, camera).image()
    monkeypatch.setattr(rasterizer, "FEWEST_PAIRS", 500)
    monkeypatch.setattr(rasterizer, "PAIRS_PER_PIXEL", 0)
    assert torch.allclose(render_view(field, camera).image(), whole, atol=1e-5)


def test_one_gaussian_in_the_middle() -> None:
    gaussians = one_gaussian(scale=0.1, opacity=0.8, color=(1.0, 0.5, 0.2), place=(0.0, 0.0, 0.0))
    camera = looking_at_origin((2.0, 0.0, 0.0), (21, 21), 20.0)
    view = render_view(field_of(gaussians), camera)
    # a standard deviation of 0.1 at distance 2 is one pixel of focal length 20; 0.3 are added
    variance = (20 * 0.1 / 2) ** 2 + 0.3
    offset = np.arange(21) - 10
    wanted = 0.8 * np.exp(-0.5 * (offset[:, None] ** 2 + offset**2) / variance)
    wanted[wanted < 1 / 255] = 0
    assert np.allclose(view.opacity().numpy(), wanted, atol=1e-5)
    assert np.allclose(view.image()[10, 10].numpy(), 0.8 * np.array([1.0, 0.5, 0.2]), atol=1e-5)
    assert float(view.depth()[10, 10]) == pytest.approx(2.0, abs=1e-4)


def test_a_full_gaussian_hides_at_most_99_parts_of_100() -> None:
    front = one_gaussian(scale=0.3, opacity=0.9999, color=(1.0, 0.0, 0.0), place=(0.0, 0.0, 0.0))
    back = one_gaussian(scale=0.3, opacity=0.9999, color=(0.0, 1.0, 0.0), place=(-1.0, 0.0, 0.0))
    pair = Gaussians(
        *(
            torch.cat([getattr(part, name) for part in (back, front)])
            for name in ("means", "log_scales", "rotations", "opacity_logits", "harmonics")
        )
    )
    view = render_view(field_of(pair), looking_at_origin((2.0, 0.0, 0.0), (11, 11), 20.0))
    # the second would leave 0.0001 of the light, in single precision a little less or more
    red, green, _ = view.image()[5, 5].tolist()
    assert red == pytest.approx(0.99, abs=1e-5)
    assert green in (pytest.approx(0.0, abs=1e-5), pytest.approx(0.0099, abs=1e-5))


def test_samples_lie_on_a_slanted_sheet() -> None:
    # a thin sheet through the origin, turned by 45 degrees about the vertical
    sheet = one_gaussian(scale=0.5, opacity=0.9, color=(1.0, 1.0, 1.0), place=(0.0, 0.0, 0.0))
    sheet.log_scales[0, 0] = np.log(1e-3)
    half = np.pi / 8
    sheet.rotations[0] = torch.tensor([np.cos(half), 0.0, 0.0, np.sin(half)])
    field, camera = field_of(sheet), looking_at_origin((4.0, 0.0, 0.0), (41, 41), 400.0)
    samples = render_view(field, camera).samples
    points = field.field_from_grid(samples.points)
    normal = torch.tensor([np.sqrt(0.5), np.sqrt(0.5), 0.0]).float()
    assert len(points) > 1000
    assert float((points @ normal).abs().max()) < 0.02  # the sheet itself reaches 0.2 to each side


def test_a_cropped_camera_shows_its_part(monkeypatch: pytest.MonkeyPatch) -> None:
    field, camera = (
        field_of(random_gaussians(80, 1, seed=2)),
        looking_at_origin(EYES[3], (40, 40), 60.0),
    )
    part = camera.cropped(10, 4, 30, 20, 20, 16)
    whole = render_view(field, camera).image()[4:20, 10:30]
    assert psnr(render_view(field, part).image().numpy(), whole.numpy()) > 45


def test_rays_of_no_picture_show_about_the_same() -> None:
    field = field_of(random_gaussians(200, 2, seed=4))
    camera = looking_at_origin((3.0, 1.0, 1.0), (48, 48), 300.0)
    view = render_view(field, camera)
    loose = View(
        camera,
        field.march(camera_rays(camera, device=field.device), with_color=True),
        field.background,
    )
    assert float((view.opacity() - loose.opacity()).abs().mean()) < 2e-3
    assert float((view.depth() - loose.depth()).abs().mean()) < 0.03
    assert psnr(view.image().numpy(), loose.image().numpy()) > 28


def test_the_density_is_the_sum_of_opacities() -> None:
    gaussians = random_gaussians(1500, 0, seed=6, size=0.05)
    field, splats = field_of(gaussians), plain(gaussians)
    points = torch.rand(64, 3, generator=torch.Generator().manual_seed(1)) * 1.6 - 0.8
    away = field.field_from_grid(points).double().numpy()[:, None] - splats.means
    squares = np.einsum("pni,nij,pnj->pn", away, np.linalg.inv(splats.covariances), away)
    opacities = splats.opacities * np.exp(-0.5 * squares)
    wanted = np.where(opacities >= 1 / 255, opacities, 0).sum(axis=1)
    most = opacities.sum(axis=1)
    found = field.density(points).numpy()
    assert (found >= wanted - 1e-3).all()
    assert (found <= most + 1e-3).all()


def test_an_empty_view_is_empty() -> None:
    field = field_of(random_gaussians(20, 0, seed=1))
    away = looking_at_origin((30.0, 0.0, 0.0), (16, 16), 20.0)
    turned = np.diag([-1.0, 1.0, -1.0, 1.0])
    behind = Camera(16, 16, 20.0, 20.0, 8.0, 8.0, away.field_from_camera @ turned)
    view = render_view(field, behind)
    assert len(view.samples.depth) == 0
    assert not view.image().any()
