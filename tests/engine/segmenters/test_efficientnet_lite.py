"""ImageNet's trunk: its arithmetic by hand, and that adding it changes nothing at first."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from sa3d_blender.engine.segmenters.bundled import BundledModel, BundledShape, save_weights
from sa3d_blender.engine.segmenters.efficientnet_lite import (
    BATCH_NORM_EPSILON,
    TAP_CHANNELS,
    EfficientNetLite,
    InvertedResidual,
    SameConvolution,
    folded,
)
from sa3d_blender.engine.segmenters.small_encoder import (
    PIXEL_MEAN,
    PIXEL_STD,
    EncoderShape,
    WorldFeatures,
)

SMALL = BundledShape(
    input_side=64,
    encoder=EncoderShape((8, 8, 16, 16, 16), (1, 1, 1, 1), 1, out_channels=32, relief_channels=5),
    mlp_channels=32,
    outline_channels=8,
)


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        # pixels 1 to 6 in a row; windows start at 0 (kernel 3) and at -1 (kernel 5)
        (3, [1 + 2 + 3, 3 + 4 + 5, 5 + 6]),
        (5, [1 + 2 + 3 + 4, 2 + 3 + 4 + 5 + 6, 4 + 5 + 6]),
    ],
)
def test_stride_two_is_padded_as_in_tensorflow(kernel: int, expected: list[int]) -> None:
    layer = SameConvolution(1, 1, kernel, stride=2)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    with torch.no_grad():
        layer.weight[:, :, (kernel - 2) // 2] = 1.0  # the row of the window's own pixel
    picture = torch.arange(1.0, 7.0).expand(1, 1, 6, 6)
    assert layer(picture)[0, 0, 0].tolist() == expected


def test_folded_norms_answer_like_norms() -> None:
    torch.manual_seed(0)
    convolution, norm = nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4, eps=BATCH_NORM_EPSILON)
    for value in (norm.weight, norm.bias, norm.running_mean):
        nn.init.normal_(value)
    nn.init.uniform_(norm.running_var, 0.1, 2.0)
    own = [convolution.weight, norm.weight, norm.bias, norm.running_mean, norm.running_var]
    ((kernel, bias),) = folded(own)
    picture = torch.randn(2, 3, 8, 8)
    expected = norm.eval()(convolution(picture))
    got = nn.functional.conv2d(picture, kernel, bias)
    assert torch.allclose(got, expected, atol=1e-5)


def test_shortcut_only_where_nothing_changes_its_shape() -> None:
    x = torch.randn(1, 8, 8, 8)
    for block, kept in (
        (InvertedResidual(8, 8, 3, 1, 6), True),
        (InvertedResidual(8, 8, 3, 2, 6), False),
        (InvertedResidual(8, 9, 3, 1, 6), False),
    ):
        for value in (block.project.weight, block.project.bias):
            nn.init.zeros_(value)
        assert torch.equal(block(x), x) == kept if kept else not block(x).any()


def test_features_of_four_strides() -> None:
    trunk = EfficientNetLite()
    found = trunk(torch.zeros(2, 3, 64, 64))
    assert [tuple(f.shape) for f in found] == [
        (2, channels, 64 // stride, 64 // stride)
        for channels, stride in zip(TAP_CHANNELS, (4, 8, 16, 32), strict=True)
    ]
    assert sum(p.numel() for p in trunk.parameters()) == 2_939_120, "Lite0 without its head"


def test_trunk_sees_bytes_as_imagenet_was_shown_them() -> None:
    world = WorldFeatures((8, 8, 16, 16))
    shown: list[torch.Tensor] = []
    world.trunk.stem.register_forward_pre_hook(lambda _, inputs: shown.append(inputs[0]))
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (PIXEL_MEAN, PIXEL_STD))
    grey = torch.tensor([0.0, 127.0, 255.0]).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    world((grey - mean) / std)
    assert torch.allclose(shown[0][0, :, 0, 0], torch.tensor([-127 / 128, 0.0, 1.0]), atol=1e-6)


def test_a_model_that_gains_the_trunk_answers_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "scripts"))
    from segmenter_training import start

    torch.manual_seed(0)
    old = BundledModel(SMALL).eval()
    save_weights(old, tmp_path / "old.safetensors", {})
    shape = replace(SMALL, encoder=replace(SMALL.encoder, knows_world=True))
    monkeypatch.setattr(start, "imagenet_trunk", lambda: EfficientNetLite().state_dict())
    new = BundledModel(shape).eval()
    new.load_state_dict(start.started_from(tmp_path / "old.safetensors", shape))
    half = {k: v.half().float() if v.is_floating_point() and "running_" not in k else v
            for k, v in old.state_dict().items()}  # fmt: skip
    old.load_state_dict(half)
    pictures, relief = torch.randn(2, 3, 64, 64), torch.randn(2, 5, 64, 64)
    with torch.no_grad():
        for before, after in zip(
            old.encode(pictures, relief), new.encode(pictures, relief), strict=True
        ):
            assert torch.allclose(before, after, atol=1e-5)
