"""The bundled segmenter's training runs, resumes and moves the weights the right way."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

SCRIPTS = Path(__file__).parents[3] / "scripts"


@pytest.fixture(autouse=True)
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two pictures of a red and a blue block on a table, one of them held out."""
    rng = np.random.default_rng(0)
    for name in ("s0_0000_0", "s0_0001_0"):
        image = rng.integers(80, 120, (96, 96, 3), dtype=np.uint8)
        geometry = np.zeros((96, 96, 3), np.uint8)
        geometry[:] = (1 * 16, 40, 7)
        image[20:60, 10:40], geometry[20:60, 10:40] = (200, 40, 40), (2 * 16, 50, 0)
        image[30:80, 50:90], geometry[30:80, 50:90] = (40, 40, 200), (3 * 16 + 1, 60, 0)
        Image.fromarray(image).save(tmp_path / f"{name}.png")
        Image.fromarray(geometry).save(tmp_path / f"{name}_geometry.png")
        (tmp_path / f"{name}.json").write_text('{"focal": 1.5}')
    return tmp_path


def test_trains_exports_and_resumes(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from segmenter import train

    from sa3d_blender.engine.segmenters.bundled import load_weights

    monkeypatch.setattr(train, "PICTURES", 2)
    out = data / "run"
    out.mkdir()
    options = ["--data", str(data), "--out", str(out), "--device", "cpu", "--steps", "1"]
    first = train.Training(train.options_of(options))
    before = [w.detach().clone() for w in first.masters.weights]
    first.work()
    moved: dict[bool, list[bool]] = {True: [], False: []}
    names = [name for name, _ in first.model.named_parameters()]
    for name, old, new in zip(names, before, first.masters.weights, strict=True):
        moved[name.startswith(train.FROZEN)].append(not torch.equal(old, new))
    assert np.mean(moved[False]) > 0.7, "all but what does not reach the answer at first"
    assert not any(moved[True])
    exported = load_weights(out / "segmenter.safetensors").shape
    assert exported == train.SHAPE
    again = train.Training(train.options_of(options))
    assert again.step == 1
    assert all(map(torch.equal, again.masters.weights, first.masters.weights))
    assert (out / "log.csv").read_text().count("\n") == 2


def test_layers_follow_crops_mirrors_and_turns(data: Path) -> None:
    """A tilted plane keeps its normal, up to the mirroring or turn."""
    from segmenter.data.layers import Layers, cropped, mirrored, quarter_turned, read_layers

    read = read_layers(data / "s0_0000_0.png")
    assert read is not None
    assert read.ids[40, 60].tolist() == [3, 1]
    assert read.nearness is not None
    assert read.nearness[0, 0] == 40 * 256 + 7
    assert read.focal == 1.5 * 96
    rows, columns = np.mgrid[0:96, 0:96] + 0.5
    nearness = 1 + 0.004 * (columns - 48) - 0.002 * (rows - 48)
    layers = Layers(read.image, read.ids, nearness.astype(np.float32), 144.0, (48.0, 48.0))

    def normal(changed: Layers) -> np.ndarray:
        relief = changed.relief()
        assert relief is not None
        middle = changed.side // 2
        return relief.channels()[:3, middle, middle]

    x, y, z = normal(layers)
    assert np.allclose(normal(cropped(layers, 10, 30, 60)), (x, y, z), atol=1e-3)
    assert np.allclose(normal(mirrored(layers)), (-x, y, z), atol=1e-3)
    assert np.allclose(normal(quarter_turned(layers)), (y, -x, z), atol=1e-3)


def test_examples_are_complete(data: Path) -> None:
    from segmenter.data.pictures import SIDE, Pictures

    pictures = Pictures(data, validation=False)
    assert pictures.names == ["s0_0001_0"]
    rng = np.random.default_rng(0)
    for _ in range(30):
        example = pictures.example(rng, 2)
        assert example.image.shape == (SIDE, SIDE, 3)
        assert example.masks.shape == (2, SIDE, SIDE)
        assert example.masks.any((1, 2)).all()
        assert example.relief.shape == (5, SIDE, SIDE)
        assert np.isfinite(example.relief).all()


def test_masters_step_against_their_own_gradients() -> None:
    """Fused AdamW takes weights and gradients as they lie in memory."""
    from segmenter.training.precision import MasterWeights

    torch.manual_seed(0)
    model = nn.Conv2d(3, 4, 3)
    masters = MasterWeights.of(model, 0.9)
    optimizer = torch.optim.AdamW(masters.weights, lr=1.0, weight_decay=0.0, fused=True)
    before = masters.weights[0].detach().clone()
    picture = torch.randn(1, 3, 8, 8).bfloat16().contiguous(memory_format=torch.channels_last)
    model(picture).square().sum().backward()
    gradient = model.weight.grad.float().contiguous()
    masters.take_gradients(1e9)
    optimizer.step()
    assert torch.equal((masters.weights[0] - before).sign(), -gradient.sign())


def test_fast_decoder_equals_segment_anythings() -> None:
    from segmenter.train import SHAPE
    from segmenter.training.answers import decode, embed_prompts

    from sa3d_blender.engine.segmenters.bundled import BundledModel

    torch.manual_seed(0)
    model = BundledModel(SHAPE).eval()
    side = SHAPE.input_side
    features = torch.randn(1, 256, side // 16, side // 16)
    points, labels = torch.rand(3, 2, 2) * side, torch.tensor([[1, 0]] * 3)
    with torch.no_grad():
        sparse, dense = model.prompt_encoder((points, labels), None, None)
        position = model.prompt_encoder.get_dense_pe()
        masks, scores = model.mask_decoder.predict_masks(features, position, sparse, dense)
        padded = (
            torch.cat([points, torch.zeros(3, 1, 2)], 1),
            torch.cat([labels, -torch.ones(3, 1, dtype=torch.long)], 1),
        )
        sparse, dense = embed_prompts(model.prompt_encoder, *padded, None, None)
        fast, fast_scores = decode(
            model.mask_decoder, features.expand(3, -1, -1, -1), position, sparse, dense
        )
    assert torch.allclose(fast, masks, atol=1e-5)
    assert torch.allclose(fast_scores, scores, atol=1e-5)
