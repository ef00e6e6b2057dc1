"""What a picture and its relief show of surfaces: features of strides 4 and 8.

A small residual network of plain 3x3 convolutions, because they are what CPUs run best. The relief
(`rendering.relief`: surface normal and relative depth of every pixel) is known where a field is at
hand. The features of stride 8 are added to those of the image encoder, which was taught on
photographs alone; `outline.Outline` draws by the shallow ones of stride 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import pixel_unshuffle


@dataclass(frozen=True)
class SurfaceShape:
    """Sizes of the network; stored with its weights."""

    channels: tuple[int, int, int] = (32, 64, 96)
    """Channels at strides 2, 4 and 8."""
    blocks: tuple[int, int] = (1, 2)
    """Residual blocks at strides 4 and 8."""
    relief_channels: int = 5
    """Channels of the relief, `rendering.relief.CHANNELS`."""

    @property
    def shallow_channels(self) -> int:
        """Channels of the shallow features of stride 4."""
        return 3 * 16 + 2 * 4 * self.channels[0] + self.channels[1]


def convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """3x3 convolution and batch norm."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
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


class SurfaceEncoder(nn.Module):
    """Normalised square pictures and their relief to feature maps."""

    def __init__(self, shape: SurfaceShape) -> None:
        super().__init__()
        c, r = shape.channels, shape.relief_channels
        self.shape = shape
        self.stem = nn.Sequential(convolution(3, c[0], 2), nn.ReLU(), convolution(c[0], c[1], 2))
        first = nn.Sequential(convolution(r, c[0], 2), nn.ReLU())
        self.relief_stem = nn.Sequential(first, convolution(c[0], c[1], 2))
        down = [convolution(c[1], c[2], 2), nn.ReLU()]
        self.stages = nn.ModuleList(
            nn.Sequential(*before, *[ResidualBlock(channels) for _ in range(count)])
            for before, channels, count in zip(([], down), c[1:], shape.blocks, strict=True)
        )

    def forward(
        self, x: Float[Tensor, "b 3 s s"], relief: Float[Tensor, "b r s s"] | None = None
    ) -> tuple[Float[Tensor, "b c e e"], Float[Tensor, "b i q q"]]:
        """Features, e is s / 8, and shallow features, q is s / 4.

        Args:
            x: s is a multiple of 8.
            relief: zero, or None, where it is unknown.
        """
        if relief is None:
            relief = x.new_zeros(x.shape[0], self.shape.relief_channels, *x.shape[2:])
        first = torch.relu(self.stem[0](x))
        form = self.relief_stem[0](relief)
        joined = torch.relu(self.stem[2](first) + self.relief_stem[1](form))
        quarter = self.stages[0](joined)
        seen = [pixel_unshuffle(x, 4), pixel_unshuffle(first, 2), pixel_unshuffle(form, 2)]
        return self.stages[1](quarter), torch.cat([*seen, quarter], dim=1)
