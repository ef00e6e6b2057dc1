"""Official checkpoints: what fits is used, what does not is refused in one sentence."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from sa3d_blender.core.errors import UserError
from sa3d_blender.core.prompts import Prompt
from sa3d_blender.engine.segmenters import load_segmenter, sam

CPU = torch.device("cpu")


def tiny_sam(checkpoint: None = None) -> torch.nn.Module:
    """A SAM of the real shape but one thin layer."""
    from segment_anything.modeling import (
        ImageEncoderViT,
        MaskDecoder,
        PromptEncoder,
        Sam,
        TwoWayTransformer,
    )

    norm = partial(torch.nn.LayerNorm, eps=1e-6)
    return Sam(
        ImageEncoderViT(depth=1, embed_dim=16, num_heads=2, out_chans=32, norm_layer=norm,
                        use_rel_pos=True, window_size=14),
        PromptEncoder(32, (64, 64), (1024, 1024), 16),
        MaskDecoder(transformer_dim=32,
                    transformer=TwoWayTransformer(1, 32, num_heads=2, mlp_dim=16)),
    )  # fmt: skip


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(sam.sam_model_registry, "vit_b", tiny_sam)
    path = tmp_path / "sam_vit_b.pth"
    torch.manual_seed(0)
    torch.save(tiny_sam().state_dict(), path)
    return path


def test_answers_like_segment_anything(checkpoint: Path) -> None:
    from segment_anything import SamPredictor

    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    point = np.array([[12.0, 20.0]])
    segmenter = load_segmenter("vit_b", weights=checkpoint, device=CPU)
    prompt = Prompt(points=((12.0, 20.0),), labels=(1,))
    (answer,) = segmenter.predict(segmenter.embed(image), [prompt])
    model = tiny_sam()
    model.load_state_dict(torch.load(checkpoint, weights_only=True))
    predictor = SamPredictor(model.eval())
    predictor.set_image(image)
    masks, scores, _ = predictor.predict(point, np.array([1]))
    order = np.argsort(-scores)
    assert np.allclose(answer.scores, scores[order], atol=1e-4)
    assert (answer.masks == masks[order]).mean() > 0.999
    assert segmenter.name == "vit_b"


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"\x80\x04."])
def test_refuses_other_files(checkpoint: Path, content: bytes) -> None:
    checkpoint.write_bytes(content)
    with pytest.raises(UserError, match="does not hold the weights of vit_b"):
        load_segmenter("vit_b", weights=checkpoint, device=CPU)


@pytest.mark.parametrize("state", [{"a": torch.zeros(2)}, [1, 2], {"image_encoder.pos_embed": 3}])
def test_refuses_other_weights(checkpoint: Path, state: object) -> None:
    torch.save(state, checkpoint)
    with pytest.raises(UserError, match="does not hold the weights of vit_b"):
        load_segmenter("vit_b", weights=checkpoint, device=CPU)


def test_refuses_pickled_code(checkpoint: Path) -> None:
    torch.save({"a": Path("x")}, checkpoint)
    with pytest.raises(UserError, match="does not hold"):
        load_segmenter("vit_b", weights=checkpoint, device=CPU)


def test_refuses_damaged_weights(checkpoint: Path) -> None:
    content = bytearray(checkpoint.read_bytes())
    content[len(content) // 2] ^= 0xFF
    checkpoint.write_bytes(content)
    with pytest.raises(UserError, match="is damaged; download or copy the weights of vit_b again"):
        load_segmenter("vit_b", weights=checkpoint, device=CPU)


def test_asks_for_missing_weights(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="needs its weights"):
        load_segmenter("vit_h", device=CPU)
    with pytest.raises(UserError, match="no weights at"):
        load_segmenter("vit_h", weights=tmp_path / "none.pth", device=CPU)
    with pytest.raises(UserError, match="no segmenter 'clip'"):
        load_segmenter("clip", device=CPU)
