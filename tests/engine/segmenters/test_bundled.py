"""The segmenter inside the zip, with its own weights."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from sa3d_blender.core.errors import UserError
from sa3d_blender.core.prompts import Prompt
from sa3d_blender.engine.segmenters import load_segmenter
from sa3d_blender.engine.segmenters.bundled import WEIGHTS, load_weights, save_weights
from sa3d_blender.engine.segmenters.protocol import Segmenter

CPU = torch.device("cpu")
DISC_CLICK = Prompt(points=((80.0, 110.0),), labels=(1,))
REACHED = 0.9
"""IoU that the weights keep on these pictures."""


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return load_segmenter("bundled", device=CPU)


def scene(height: int = 200, width: int = 240) -> tuple[np.ndarray, np.ndarray]:
    """A red disc and a blue square on a greenish, striped, noisy ground; the disc's mask."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[0:height, 0:width]
    image = np.empty((height, width, 3))
    image[:] = (110, 150, 90)
    image += (20 * ((columns // 12) % 2))[..., None] + rng.normal(0, 5, image.shape)
    disc = (rows - 110) ** 2 + (columns - 80) ** 2 < 45**2
    image[disc] = np.stack([190 - 0.4 * (rows - 110), 60 + 0 * rows, 50 + 0 * rows], -1)[disc]
    image[60:110, 160:215] = (60, 80, 190)
    return image.clip(0, 255).astype(np.uint8), disc


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_one_click_finds_a_disc(segmenter: Segmenter) -> None:
    image, disc = scene()
    (answer,) = segmenter.predict(segmenter.embed(image), [DISC_CLICK])
    assert answer.masks.shape == (3, 200, 240)
    assert (np.diff(answer.scores) <= 0).all()
    assert iou(answer.masks[0], disc) > REACHED


def test_a_box_finds_the_square(segmenter: Segmenter) -> None:
    image, _ = scene()
    square = np.zeros(image.shape[:2], bool)
    square[60:110, 160:215] = True
    box = Prompt(box=(160.0, 60.0, 215.0, 110.0), multimask=False)
    (answer,) = segmenter.predict(segmenter.embed(image), [box])
    assert answer.masks.shape == (1, 200, 240)
    assert iou(answer.masks[0], square) > REACHED


def test_earlier_logits_and_more_clicks_keep_the_answer(segmenter: Segmenter) -> None:
    image, disc = scene()
    embedding = segmenter.embed(image)
    (first,) = segmenter.predict(embedding, [DISC_CLICK])
    more = Prompt(
        points=((80.0, 110.0), (95.0, 120.0), (187.0, 85.0)),
        labels=(1, 1, 0),
        logits=first.logits[0],
        multimask=False,
    )
    (second,) = segmenter.predict(embedding, [more])
    assert iou(second.masks[0], disc) > REACHED
    assert not second.masks[0][80:95, 170:205].any()


def test_an_embedding_depends_on_the_picture_alone(segmenter: Segmenter) -> None:
    image, _ = scene()
    embedding = segmenter.embed(image)
    before = embedding.features.clone()
    (first,) = segmenter.predict(embedding, [DISC_CLICK])
    segmenter.predict(embedding, [Prompt(points=((180.0, 80.0),), labels=(1,))])
    (again,) = segmenter.predict(embedding, [DISC_CLICK])
    assert torch.equal(embedding.features, before)
    assert np.array_equal(first.logits, again.logits)
    assert torch.equal(segmenter.embed(image.copy()).features, before)
    assert embedding.image_size == (200, 240)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 300), (300, 7), (512, 512)])
def test_takes_pictures_of_any_shape(segmenter: Segmenter, height: int, width: int) -> None:
    image = np.full((height, width, 3), 128, np.uint8)
    corner = Prompt(points=((0.0, 0.0),), labels=(1,))
    (answer,) = segmenter.predict(segmenter.embed(image), [corner])
    assert answer.masks.shape == (3, height, width)
    assert np.isfinite(answer.logits).all()


def test_the_weights_fit_the_zip_and_tell_their_shape() -> None:
    assert WEIGHTS.stat().st_size <= 24e6
    with safe_open(WEIGHTS, framework="pt") as file:
        metadata = file.metadata()
        half = [name for name in file.keys() if "running_" not in name]
        kinds = {file.get_tensor(name).dtype for name in half}
    assert json.loads(metadata["shape"])["input_side"] > 0
    assert kinds <= {torch.float16, torch.int64}


def test_saved_weights_load_again(tmp_path: Path) -> None:
    model = load_weights(WEIGHTS)
    save_weights(model, tmp_path / "copy.safetensors", {"steps": "1"})
    assert (tmp_path / "copy.safetensors").read_bytes()[-4096:] == WEIGHTS.read_bytes()[-4096:]


@pytest.mark.parametrize("content", [b"", b"text", b"\x08\0\0\0\0\0\0\0{}      "])
def test_refuses_other_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "segmenter.safetensors"
    path.write_bytes(content)
    with pytest.raises(UserError, match="does not hold the bundled segmenter"):
        load_segmenter("bundled", weights=path, device=CPU)
    with pytest.raises(UserError, match="missing"):
        load_segmenter("bundled", weights=tmp_path / "none", device=CPU)
