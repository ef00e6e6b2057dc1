"""gsplat gets what its documentation asks for, and is used only where it shows what we do.

No GPU was at hand: a stand-in that reads the arguments as documented draws by the plain renderer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from sa3d_blender.core.cameras import Camera
from sa3d_blender.engine.fields.gaussian_splats import gsplat_pictures
from sa3d_blender.engine.fields.gaussian_splats.field import SplatField
from sa3d_blender.engine.fields.gaussian_splats.gaussians import Gaussians
from sa3d_blender.engine.rendering.render import render_picture
from tests.support.made_up_splats import field_of, looking_at_origin, random_gaussians
from tests.support.plain_splats import plain_picture, plain_splats

CAMERA = looking_at_origin((2.4, 1.0, 1.2), (40, 30), 45.0)


class StandIn:
    """Reads what it is given as documented.

    One world-to-camera matrix and one 3x3 of intrinsics per camera, whose axes are x right, y down,
    z ahead; quaternions w, x, y, z; deviations and opacities as they are.
    """

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.shift = 0.0

    def rasterization(
        self,
        means: torch.Tensor,
        quats: torch.Tensor,
        scales: torch.Tensor,
        opacities: torch.Tensor,
        colors: torch.Tensor,
        viewmats: torch.Tensor,
        Ks: torch.Tensor,  # noqa: N803 - its documented name
        width: int,
        height: int,
        **more: Any,
    ) -> tuple[torch.Tensor, torch.Tensor, dict[str, Any]]:
        self.told.append(more | {"size": (width, height)})
        assert (viewmats.shape, Ks.shape) == ((1, 4, 4), (1, 3, 3))
        assert (more["sh_degree"] + 1) ** 2 == colors.shape[1]
        matrix = np.linalg.inv(viewmats[0].double().numpy()) @ np.diag([1.0, -1.0, -1.0, 1.0])
        lens = Ks[0].double().numpy()
        assert (lens[2] == [0, 0, 1]).all()
        camera = Camera(width, height, lens[0, 0], lens[1, 1], lens[0, 2], lens[1, 2], matrix)
        numbers = (means, scales.log(), quats, opacities.logit(), colors)
        splats = plain_splats(*(values.double().numpy() for values in numbers))
        # with a black background: sums of weight times colour
        image, weights = plain_picture(splats, camera)
        alpha = weights.sum(axis=-1, keepdims=True)
        ahead = means.double().numpy() @ viewmats[0, 2, :3].double().numpy() + float(
            viewmats[0, 2, 3]
        )
        depth = (weights @ ahead)[..., None] / np.maximum(alpha, 1e-10)
        drawn = torch.from_numpy(np.concatenate([image + self.shift, depth], axis=-1)).float()
        return drawn[None], torch.from_numpy(alpha).float()[None], {}


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    made = StandIn()
    monkeypatch.setattr(gsplat_pictures, "kernels", lambda _device: made)
    return made


def own_picture(gaussians: Gaussians, monkeypatch: pytest.MonkeyPatch) -> Any:
    with monkeypatch.context() as change:
        change.setattr(gsplat_pictures, "kernels", lambda _device: None)
        return render_picture(field_of(gaussians), CAMERA)


@pytest.mark.parametrize("degree", [0, 3])
def test_its_picture_is_ours(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, degree: int
) -> None:
    gaussians = random_gaussians(60, degree, seed=degree)
    ours = own_picture(gaussians, monkeypatch)
    assert stand_in.told == []
    found = render_picture(field_of(gaussians), CAMERA)
    assert [told["size"] for told in stand_in.told] == [(64, 48), (40, 30)], "first it is compared"
    for told in stand_in.told:
        assert told["eps2d"] == 0.3
        assert told["render_mode"] == "RGB+ED"
        assert told["rasterize_mode"] == "classic"
        assert 0 < told["near_plane"] <= 0.2
    assert torch.allclose(found.image, ours.image, atol=2e-3)
    assert torch.allclose(found.opacity, ours.opacity, atol=2e-3)
    opaque = ours.opacity > 0.5
    assert (found.depth - ours.depth)[opaque].abs().median() < 0.1, "of centres, not of responses"
    before = len(stand_in.told)
    field = field_of(gaussians)
    for _ in range(2):
        render_picture(field, CAMERA)
    assert len(stand_in.told) == before + 3, "it is compared once"


def test_the_low_pass_filter_dims_where_it_did_in_training(stand_in: StandIn) -> None:
    gaussians = random_gaussians(5, 0, seed=1)
    dimmed = Gaussians(**{**vars(gaussians), "antialiased": True})
    render_picture(field_of(dimmed), CAMERA)
    assert stand_in.told[0]["rasterize_mode"] == "antialiased"


def test_where_it_shows_something_else_or_fails_ours_is_made(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gaussians = random_gaussians(40, 1, seed=2)
    ours = own_picture(gaussians, monkeypatch)
    stand_in.shift = 0.1
    field = field_of(gaussians)
    for _ in range(2):
        assert torch.equal(render_picture(field, CAMERA).image, ours.image)
    assert len(stand_in.told) == 1, "it is not asked again"
    assert "gsplat is not used: its picture is 0.1" in caplog.text

    def no_compiler(*_: Any, **__: Any) -> None:
        raise RuntimeError("nvcc was not found")

    stand_in.rasterization = no_compiler  # type: ignore[method-assign,assignment]
    assert torch.equal(render_picture(field_of(gaussians), CAMERA).image, ours.image)
    assert "nvcc was not found" in caplog.text


def test_without_a_gpu_it_is_not_looked_for() -> None:
    assert gsplat_pictures.kernels(torch.device("cpu")) is None


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU for CUDA")
def test_on_a_gpu_it_agrees_with_our_own_rasteriser(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gsplat")
    gaussians = random_gaussians(500, 3, seed=7)
    ours = own_picture(gaussians, monkeypatch)
    on_gpu = field_of(gaussians.to(torch.device("cuda")))
    assert isinstance(on_gpu, SplatField)
    found = on_gpu.whole_picture(CAMERA)
    assert found is not None, "it was not used"
    image, depth, opacity = (values.cpu() for values in found)
    assert -10 * torch.log10((image - ours.image).square().mean()) > 40
    assert (opacity - ours.opacity).abs().mean() < 0.01
    opaque = ours.opacity > 0.5
    assert (depth - ours.depth)[opaque].abs().median() < 0.1
