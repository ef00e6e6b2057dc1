"""The segmenter inside the zip: MobileSAM at half its resolution, taught what fields show besides.

Its parts are those of MobileSAM (`tiny_vit`, and segment_anything's prompt encoder and mask
decoder). To the image features are added those of a network of our own that sees the relief of
surfaces (`surface_encoder`), and `outline` draws the masks' outlines. All of it was trained further
by ``scripts/segmenter/train.py``.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from ...core.errors import UserError
from ...core.files import written_whole
from .closer_look import CloserLook
from .outline import Outline
from .promptable import PromptableModel
from .surface_encoder import SurfaceEncoder, SurfaceShape
from .tiny_vit import TinyViT, TinyViTShape
from .torchvision_stand_in import install_if_missing

install_if_missing()
from segment_anything.modeling import MaskDecoder, PromptEncoder, TwoWayTransformer  # noqa: E402

WEIGHTS = Path(__file__).parents[2] / "assets" / "segmenter.safetensors"
STRIDE = 16
SURFACE_SCALE = 2
"""Pixels of the input per pixel in which surfaces are seen and outlines are drawn."""

SIZE_WEIGHT = 0.015
"""Less than for official models: it was trained on what is meant."""


@dataclass(frozen=True)
class BundledShape:
    """Sizes of the whole model; stored in the weights' metadata."""

    input_side: int = 512
    """A multiple of 16."""
    image: TinyViTShape = field(default_factory=lambda: TinyViTShape(classes=0))
    surface: SurfaceShape = field(default_factory=SurfaceShape)
    heads: int = 8
    mlp_channels: int = 2048
    mask_channels: int = 16
    outline_channels: int = 48


class ImageEncoder(nn.Module):
    """MobileSAM's features of a picture, and what its surfaces add to them."""

    def __init__(self, image: TinyViTShape, surface: SurfaceShape) -> None:
        super().__init__()
        self.image = TinyViT(image).for_inference()
        self.surface = SurfaceEncoder(surface)
        self.join = nn.Conv2d(surface.channels[-1], image.out_channels, 1)
        for value in self.join.parameters():
            nn.init.zeros_(value)

    def forward(
        self, pictures: Float[Tensor, "b 3 s s"], relief: Float[Tensor, "b r s s"] | None = None
    ) -> tuple[Float[Tensor, "b c e e"], Float[Tensor, "b i q q"]]:
        """Features, e is s / 16, and shallow ones for the outline, q is s / 8."""
        form = None if relief is None else avg_pool2d(relief, SURFACE_SCALE)
        surfaces, shallow = self.surface(avg_pool2d(pictures, SURFACE_SCALE), form)
        return self.image(pictures) + self.join(surfaces), shallow


class BundledModel(nn.Module):
    """Encoder, prompt encoder, mask decoder and outline."""

    def __init__(self, shape: BundledShape) -> None:
        super().__init__()
        channels, side = shape.image.out_channels, shape.input_side
        self.shape = shape
        self.image_encoder = ImageEncoder(shape.image, shape.surface)
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
        self.outline = Outline(shape.surface.shallow_channels, shape.outline_channels)

    def encode(
        self, pictures: Float[Tensor, "b 3 s s"], relief: Float[Tensor, "b r s s"] | None = None
    ) -> tuple[Float[Tensor, "b c e e"], Float[Tensor, "b f q q"]]:
        """Image features for the mask decoder, and finer ones for the outline."""
        features, shallow = self.image_encoder(pictures, relief)
        return features, self.outline.embed(shallow)

    def draw(
        self, fine: Float[Tensor, "n f q q"], logits: Float[Tensor, "n k l l"]
    ) -> Float[Tensor, "n k s s"]:
        """Masks with their outlines, in pixels of the input.

        Args:
            fine: from `encode`.
            logits: of the mask decoder, l is s / 4.
        """
        drawn = self.outline(fine, logits)
        return interpolate(drawn, scale_factor=SURFACE_SCALE, mode="bilinear", align_corners=False)

    def as_segmenter(self, device: torch.device) -> PromptableModel:
        """The way the pipeline uses it."""
        return PromptableModel(
            name="bundled",
            encoder=self.encode,
            outline=self.draw,
            reads_relief=True,
            prompt_encoder=self.prompt_encoder,
            mask_decoder=self.mask_decoder,
            input_side=self.shape.input_side,
            device=device,
            size_weight=SIZE_WEIGHT,
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
        image = TinyViTShape(**_with_tuples(data.pop("image")))
        surface = SurfaceShape(**_with_tuples(data.pop("surface")))
        shape = BundledShape(**data, image=image, surface=surface)
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


def _with_tuples(sizes: dict[str, Any]) -> dict[str, Any]:
    """JSON has lists instead."""
    return {name: tuple(v) if isinstance(v, list) else v for name, v in sizes.items()}


def load(_name: str, weights: Path | None, device: torch.device) -> CloserLook:
    """The bundled segmenter, from the zip's own weights unless a file is given."""
    return CloserLook(load_weights(weights or WEIGHTS).to(device).as_segmenter(device))
