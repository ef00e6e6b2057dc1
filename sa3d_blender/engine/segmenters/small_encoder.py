"""The bundled segmenter's image encoder: a small residual network with a little attention.

Plain 3x3 convolutions, because they are what CPUs run best. Features of strides 8, 16 and 32 are
joined into one map of stride 8, so that the mask decoder gets both outlines and context. The
shallow features of stride 4 are given out too: `outline.Outline` draws by them.

At every stride the features of `efficientnet_lite` are added, which know the things of the world
from ImageNet; this network was trained on rendered scenes and knows surfaces and their relief.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import pixel_unshuffle

from .efficientnet_lite import BYTE_CENTER, BYTE_SCALE, TAP_CHANNELS, EfficientNetLite

PIXEL_MEAN = (123.675, 116.28, 103.53)
PIXEL_STD = (58.395, 57.12, 57.375)
"""Of the normalised pictures that all Segment Anything models take, in bytes."""


@dataclass(frozen=True)
class EncoderShape:
    """Sizes of the network; stored with its weights."""

    channels: tuple[int, int, int, int, int] = (32, 64, 96, 176, 224)
    """Channels at strides 2, 4, 8, 16 and 32."""
    blocks: tuple[int, int, int, int] = (1, 2, 3, 2)
    """Residual blocks at strides 4, 8, 16 and 32."""
    attention_layers: int = 2
    out_channels: int = 192
    relief_channels: int = 0
    """Channels of the surface's shape beside the picture's three; 0: pictures only."""
    knows_world: bool = False
    """Whether ImageNet features are added."""

    @property
    def shallow_channels(self) -> int:
        """Channels of the shallow features of stride 4."""
        stems = 1 if self.relief_channels == 0 else 2
        world = TAP_CHANNELS[0] if self.knows_world else 0
        return 3 * 16 + stems * 4 * self.channels[0] + self.channels[1] + world


def convolution(inputs: int, outputs: int, stride: int = 1, size: int = 3) -> nn.Sequential:
    """Convolution and batch norm."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs)
    )


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = convolution(channels, channels)
        self.second = convolution(channels, channels)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Same shape."""
        return torch.relu(x + self.second(torch.relu(self.first(x))))


class ContextLayer(nn.Module):
    """Self-attention over all cells of a small feature map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(channels)
        self.attention = nn.MultiheadAttention(channels, 8, batch_first=True)
        self.norm_mlp = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(
            nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels)
        )

    def forward(self, x: Float[Tensor, "b n c"]) -> Float[Tensor, "b n c"]:
        """Same shape."""
        y = self.norm_attention(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        mixed: Tensor = x + self.mlp(self.norm_mlp(x))
        return mixed


class WorldFeatures(nn.Module):
    """ImageNet features, projected to what is added at each stride; at first to nothing."""

    def __init__(self, channels: Sequence[int]) -> None:
        """Args:
        channels: of the encoder at strides 4, 8, 16 and 32.
        """
        super().__init__()
        self.trunk = EfficientNetLite()
        self.project = nn.ModuleList(
            nn.Conv2d(taken, given, 1) for taken, given in zip(TAP_CHANNELS, channels, strict=True)
        )
        for value in self.project.parameters():
            nn.init.zeros_(value)

    def forward(self, x: Float[Tensor, "b 3 s s"]) -> tuple[Tensor, list[Tensor]]:
        """The trunk's own features of stride 4, and what to add at strides 4, 8, 16 and 32."""
        mean, std = (x.new_tensor(v).view(3, 1, 1) for v in (PIXEL_MEAN, PIXEL_STD))
        found = self.trunk(x * (std / BYTE_SCALE) + (mean - BYTE_CENTER) / BYTE_SCALE)
        return found[0], [layer(f) for layer, f in zip(self.project, found, strict=True)]


class SmallEncoder(nn.Module):
    """Normalised square pictures to feature maps of stride 8."""

    def __init__(self, shape: EncoderShape) -> None:
        super().__init__()
        c = shape.channels
        self.shape = shape
        self.stem = nn.Sequential(convolution(3, c[0], 2), nn.ReLU(), convolution(c[0], c[1], 2))
        self.relief_stem: nn.Sequential | None = None
        if shape.relief_channels:
            first = nn.Sequential(convolution(shape.relief_channels, c[0], 2), nn.ReLU())
            self.relief_stem = nn.Sequential(first, convolution(c[0], c[1], 2))
        self.stages = nn.ModuleList()
        for i, count in enumerate(shape.blocks):
            down = [] if i == 0 else [convolution(c[i], c[i + 1], 2), nn.ReLU()]
            self.stages.append(
                nn.Sequential(*down, *[ResidualBlock(c[i + 1]) for _ in range(count)])
            )
        self.world: WorldFeatures | None = None
        if shape.knows_world:
            self.world = WorldFeatures(c[1:])
        self.context = nn.ModuleList(ContextLayer(c[4]) for _ in range(shape.attention_layers))
        self.place = nn.Conv2d(2, c[4], 1)
        self.sides = nn.ModuleList(nn.Conv2d(c[i], shape.out_channels, 1) for i in (2, 3, 4))
        self.merge = nn.ModuleList(
            nn.Sequential(convolution(shape.out_channels, shape.out_channels), nn.ReLU())
            for _ in range(2)
        )
        self.out = nn.Conv2d(shape.out_channels, shape.out_channels, 1)

    def forward(
        self, x: Float[Tensor, "b 3 s s"], relief: Float[Tensor, "b r s s"] | None = None
    ) -> tuple[Float[Tensor, "b c e e"], Float[Tensor, "b i q q"]]:
        """Features, e is s / 8, and shallow features, q is s / 4.

        Args:
            x: s is a multiple of 32.
            relief: zero, or None, where it is unknown.
        """
        first = torch.relu(self.stem[0](x))
        seen = [pixel_unshuffle(x, 4), pixel_unshuffle(first, 2)]
        joined = self.stem[2](first)
        if self.relief_stem is not None:
            if relief is None:
                relief = x.new_zeros(x.shape[0], self.shape.relief_channels, *x.shape[2:])
            shape = self.relief_stem[0](relief)
            seen.append(pixel_unshuffle(shape, 2))
            joined = joined + self.relief_stem[1](shape)
        shown, world = x.new_zeros(x.shape[0], 0, x.shape[2] // 4, x.shape[3] // 4), [0.0] * 4
        if self.world is not None:
            shown, world = self.world(x)
        quarter = self.stages[0](torch.relu(joined)) + world[0]
        fine = self.stages[1](quarter) + world[1]
        middle = self.stages[2](fine) + world[2]
        coarse = self._with_context(self.stages[3](middle) + world[3])
        top = self._upsampled(self.sides[2](coarse)) + self.sides[1](middle)
        top = self._upsampled(self.merge[0](top)) + self.sides[0](fine)
        return self.out(self.merge[1](top)), torch.cat([*seen, quarter, shown], dim=1)

    def _with_context(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        b, c, h, w = x.shape
        rows = torch.linspace(-1, 1, h, device=x.device, dtype=x.dtype)
        columns = torch.linspace(-1, 1, w, device=x.device, dtype=x.dtype)
        place = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))[None]
        tokens = (x + self.place(place)).flatten(2).transpose(1, 2)
        for layer in self.context:
            tokens = layer(tokens)
        mixed: Tensor = tokens.transpose(1, 2).reshape(b, c, h, w)
        return mixed

    @staticmethod
    def _upsampled(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c H W"]:
        return nn.functional.interpolate(x, scale_factor=2.0, mode="bilinear")
