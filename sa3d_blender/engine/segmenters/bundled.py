"""The segmenter inside the zip: segment_anything's prompt encoder and mask decoder behind a small
image encoder of our own, trained by ``scripts/train_segmenter.py``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ...core.errors import UserError
from ...core.files import written_whole
from .closer_look import CloserLook
from .outline import Outline
from .promptable import PromptableModel
from .small_encoder import EncoderShape, SmallEncoder
from .torchvision_stand_in import install_if_missing

install_if_missing()
from segment_anything.modeling import MaskDecoder, PromptEncoder, TwoWayTransformer  # noqa: E402

WEIGHTS = Path(__file__).parents[2] / "assets" / "segmenter.safetensors"
STRIDE = 8


@dataclass(frozen=True)
class BundledShape:
    """Sizes of the whole model; stored in the weights' metadata."""

    input_side: int = 256
    encoder: EncoderShape = field(default_factory=EncoderShape)
    heads: int = 8
    mlp_channels: int = 768
    mask_channels: int = 16
    outline_channels: int = 0
    """Of the network that draws outlines; 0: there is none."""


class BundledModel(nn.Module):
    """Encoder, prompt encoder, mask decoder and outline."""

    def __init__(self, shape: BundledShape) -> None:
        super().__init__()
        channels, side = shape.encoder.out_channels, shape.input_side
        self.shape = shape
        self.image_encoder = SmallEncoder(shape.encoder)
        self.prompt_encoder = PromptEncoder(
            embed_dim=channels,
            image_embedding_size=(side // STRIDE, side // STRIDE),
            input_image_size=(side, side),
            mask_in_chans=shape.mask_channels,
        )
        self.mask_decoder = MaskDecoder(
            transformer_dim=channels,
            transformer=TwoWayTransformer(
                depth=2,
                embedding_dim=channels,
                num_heads=shape.heads,
                mlp_dim=shape.mlp_channels,
            ),
        )
        self.outline: Outline | None = None
        if shape.outline_channels:
            self.outline = Outline(shape.encoder.shallow_channels, shape.outline_channels)

    def encode(
        self, pictures: Float[Tensor, "b 3 s s"], relief: Float[Tensor, "b r s s"] | None = None
    ) -> tuple[Float[Tensor, "b c e e"], Float[Tensor, "b f q q"] | None]:
        """Image features for the mask decoder, and finer ones for the outline if it is drawn."""
        features, shallow = self.image_encoder(pictures, relief)
        return features, None if self.outline is None else self.outline.embed(shallow)

    def as_segmenter(self, device: torch.device) -> PromptableModel:
        """The way the pipeline uses it."""
        return PromptableModel(
            name="bundled",
            encoder=self.encode,
            outline=self.outline,
            reads_relief=self.shape.encoder.relief_channels > 0,
            prompt_encoder=self.prompt_encoder,
            mask_decoder=self.mask_decoder,
            input_side=self.shape.input_side,
            device=device,
        )


def save_weights(model: BundledModel, path: Path, notes: dict[str, str]) -> None:
    """Write float16 weights with the model's shape and notes as metadata.

    Batch norms' statistics stay float32: a variance may well be larger than float16 can hold.
    """
    tensors = {
        name: value.half().contiguous()
        if value.is_floating_point() and "running_" not in name
        else value.contiguous()
        for name, value in model.state_dict().items()
    }
    metadata = {"shape": json.dumps(asdict(model.shape)), **notes}
    with written_whole(path) as temporary:
        save_file(tensors, temporary, metadata)


def load_weights(path: Path) -> BundledModel:
    """The model in a weights file, float32.

    Raises:
        UserError: the file is missing or no weights of this kind.
    """
    try:
        with safe_open(path, framework="pt") as file:
            data = json.loads(file.metadata()["shape"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        encoder = EncoderShape(
            tuple(data["encoder"]["channels"]),
            tuple(data["encoder"]["blocks"]),
            data["encoder"]["attention_layers"],
            data["encoder"]["out_channels"],
            data["encoder"].get("relief_channels", 0),
            data["encoder"].get("knows_world", False),
        )
        shape = BundledShape(**{**data, "encoder": encoder})
        model = BundledModel(shape)
        model.load_state_dict(
            {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}
        )
    except FileNotFoundError as error:
        raise UserError(
            f"The bundled segmenter's weights are missing at {path}; install the add-on again.",
            code="missing_file",
        ) from error
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UserError(
            f"{path} does not hold the bundled segmenter's weights; install the add-on again.",
            code="bad_weights",
        ) from error
    return model.eval()


def load(_name: str, weights: Path | None, device: torch.device) -> CloserLook:
    """The bundled segmenter, from the zip's own weights unless a file is given."""
    return CloserLook(load_weights(weights or WEIGHTS).to(device).as_segmenter(device))
