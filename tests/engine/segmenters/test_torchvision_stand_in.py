"""segment_anything works without torchvision, and torchvision is left alone where it exists."""

import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

from sa3d_blender.engine.segmenters import torchvision_stand_in as stand_in


def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)


def test_resizes_like_pil() -> None:
    expected = Image.fromarray(picture()).resize((64, 48), Image.Resampling.BILINEAR)
    got = stand_in.resize(stand_in.to_pil_image(picture()), (48, 64))
    assert np.array_equal(np.asarray(got), np.asarray(expected))


def test_resizes_tensors_like_pictures() -> None:
    expected = np.asarray(stand_in.resize(Image.fromarray(picture()), (20, 30)), float)
    tensor = torch.from_numpy(picture()).permute(2, 0, 1).float()
    got = stand_in.resize(tensor, (20, 30)).permute(1, 2, 0).numpy()
    assert np.abs(got - expected).max() <= 1.0  # PIL rounds between its two passes


def test_segment_anything_resizes_through_it() -> None:
    stand_in.install_if_missing()
    from segment_anything.utils.transforms import ResizeLongestSide

    assert ResizeLongestSide(64).apply_image(picture()).shape == (45, 64, 3)


def test_leaves_a_working_torchvision_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    real = ModuleType("torchvision")
    monkeypatch.setitem(sys.modules, "torchvision", real)
    before = dict(sys.modules)
    stand_in.install_if_missing()
    assert sys.modules["torchvision"] is real
    assert {n for n in sys.modules if n not in before} == set()
