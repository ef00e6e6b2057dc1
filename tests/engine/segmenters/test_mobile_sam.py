"""MobileSAM is the authors' own model: names, features, masks and scores, with random weights.

Theirs is the PyPI package ``mobilesam-mirror``, a dependency of the tests only. What it imports of
timm and torchvision is stood in for: neither is needed to compute.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sa3d_blender.core.errors import UserError
from sa3d_blender.core.prompts import Prompt
from sa3d_blender.engine.segmenters import load_segmenter, mobile_sam
from sa3d_blender.engine.segmenters.mobile_sam import MobileSam
from sa3d_blender.engine.segmenters.tiny_vit import AttentionBlock, TinyViT

CPU = torch.device("cpu")


class DropPath(nn.Module):
    """timm's, which passes everything on outside of training."""

    def __init__(self, drop_prob: float | None = None) -> None:
        super().__init__()


def stand_in(name: str, **members: object) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(members)
    return module


@pytest.fixture(scope="module")
def original() -> Iterator[Any]:
    """The authors' model."""
    layers = {
        "DropPath": DropPath,
        "to_2tuple": lambda value: (value, value),
        "trunc_normal_": nn.init.trunc_normal_,
    }
    with pytest.MonkeyPatch.context() as patch:
        for module in (
            stand_in("timm"),
            stand_in("timm.models"),
            stand_in("timm.models.layers", **layers),
            stand_in("timm.models.registry", register_model=lambda made: made),
        ):
            patch.setitem(sys.modules, module.__name__, module)
        import mobile_sam as theirs

        model = theirs.sam_model_registry["vit_t"]()
        model.load_state_dict(random_weights(model.state_dict()))
        yield model.eval()
        for name in [name for name in sys.modules if name.split(".")[0] == "mobile_sam"]:
            patch.delitem(sys.modules, name)


def random_weights(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """As they were made, but nothing is zero, one or without effect as in a new model."""
    random = torch.Generator().manual_seed(0)
    for name, value in state.items():
        if name.endswith("attention_biases"):
            value.normal_(0.0, 0.5, generator=random)
        elif name.endswith("running_var") or (name.endswith("weight") and value.ndim == 1):
            value.uniform_(0.5, 1.5, generator=random)
        elif value.is_floating_point() and value.ndim == 1:
            value.normal_(0.0, 0.1, generator=random)
        elif value.is_floating_point():
            spread = 1 / np.sqrt(value[0].numel()) if value.ndim > 1 else 1.0
            value.normal_(0.0, float(spread), generator=random)
    return state


@pytest.fixture(scope="module")
def checkpoint(original: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "mobile_sam.pt"
    torch.save(original.state_dict(), path)
    return path


def test_names_and_shapes_are_those_of_the_official_checkpoint(original: Any) -> None:
    ours = {name: value.shape for name, value in MobileSam().state_dict().items()}
    assert ours == {name: value.shape for name, value in original.state_dict().items()}
    assert sum(shape.numel() for shape in ours.values()) * 4 == pytest.approx(40_728_226, rel=0.01)


def test_the_encoder_gives_the_same_features(original: Any) -> None:
    encoder = TinyViT().eval()
    encoder.load_state_dict(original.image_encoder.state_dict())
    pictures = torch.randn(1, 3, 1024, 1024, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        wanted = original.image_encoder(pictures)
        assert wanted.std() > 0.1
        assert torch.allclose(encoder(pictures), wanted, atol=1e-4)
        assert torch.allclose(encoder.for_inference()(pictures), wanted, atol=1e-4)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in encoder.modules())


def test_windows_that_do_not_fit_are_filled_up_as_in_the_original(original: Any) -> None:
    from mobile_sam.modeling.tiny_vit_sam import TinyViTBlock

    theirs = TinyViTBlock(dim=32, input_resolution=(10, 10), num_heads=4, window_size=7)
    theirs.load_state_dict(random_weights(theirs.state_dict()))
    theirs.eval()  # it looks its biases up now, once
    ours = AttentionBlock(32, 4, 7).eval()
    ours.load_state_dict(theirs.state_dict())
    cells = torch.randn(2, 100, 32, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        found = ours(cells.transpose(1, 2).reshape(2, 32, 10, 10)).flatten(2).transpose(1, 2)
        assert torch.allclose(found, theirs(cells), atol=1e-5)


def test_masks_and_scores_are_the_same(original: Any, checkpoint: Path) -> None:
    from mobile_sam import SamPredictor

    image = np.random.default_rng(0).integers(0, 256, (90, 130, 3), dtype=np.uint8)
    predictor = SamPredictor(original)
    predictor.set_image(image)
    segmenter = load_segmenter("mobile_sam", weights=checkpoint, device=CPU)
    assert segmenter.name == "mobile_sam"
    embedding = segmenter.embed(image)
    assert torch.allclose(embedding.features, predictor.features, atol=1e-4)
    clicks = Prompt(points=((40.0, 30.0), (100.0, 70.0)), labels=(1, 0))
    box = Prompt(box=(20.0, 10.0, 90.0, 80.0))
    for prompt in (clicks, box):
        if prompt.box is None:
            wanted = (prompt.point_array(), np.array(prompt.labels), None)
        else:
            wanted = (None, None, prompt.box_array())
        masks, scores, low = predictor.predict(*wanted)
        (answer,) = segmenter.predict(embedding, [prompt])
        order = np.argsort(-scores)
        assert np.allclose(answer.scores, scores[order], atol=1e-4)
        assert np.allclose(answer.logits, low[order], atol=1e-4)
        assert 0.01 < masks.mean() < 0.99
        assert (answer.masks == masks[order]).mean() > 0.9999


def test_what_is_not_its_weights_is_refused_in_one_sentence(
    checkpoint: Path, tmp_path: Path
) -> None:
    state = torch.load(checkpoint, weights_only=True)
    other = tmp_path / "other.pt"
    for wrong in (
        {name: value for name, value in state.items() if "neck" not in name},
        {name.removeprefix("image_encoder."): value for name, value in state.items()},
        {"model": state},
    ):
        torch.save(wrong, other)
        with pytest.raises(UserError, match="does not hold the weights of mobile_sam; choose"):
            load_segmenter("mobile_sam", weights=other, device=CPU)
    damaged = bytearray(checkpoint.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    other.write_bytes(damaged)
    with pytest.raises(UserError, match="is damaged; download or copy the weights of mobile_sam"):
        load_segmenter("mobile_sam", weights=other, device=CPU)
    with pytest.raises(UserError, match="needs its weights"):
        load_segmenter("mobile_sam", device=CPU)
    with pytest.raises(UserError, match="no weights at"):
        load_segmenter("mobile_sam", weights=tmp_path / "none.pt", device=CPU)


def test_weights_of_another_model_are_refused(checkpoint: Path) -> None:
    with pytest.raises(UserError, match="does not hold the weights of vit_b"):
        load_segmenter("vit_b", weights=checkpoint, device=CPU)


def test_nothing_random_is_made_while_it_is_loaded(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices: list[torch.device] = []

    class Watched(MobileSam):
        def __init__(self) -> None:
            super().__init__()
            devices.append(next(self.parameters()).device)

    monkeypatch.setattr(mobile_sam, "MobileSam", Watched)
    load_segmenter("mobile_sam", weights=checkpoint, device=CPU)
    assert devices == [torch.device("meta")]
