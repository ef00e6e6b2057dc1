"""TinyViT as MobileSAM's image encoder: convolutions first, then attention within windows.

Written anew from the papers and the layout of the official checkpoint:

- Kan Wu et al., *TinyViT: Fast Pretraining Distillation for Small Vision Transformers*, ECCV 2022:
  the network. MobileSAM's is its 5M variant.
- Chaoning Zhang et al., *Faster Segment Anything: Towards Lightweight SAM for Mobile Applications*,
  2023: the last stage keeps its input's resolution, and Segment Anything's neck follows it.

The modules are named as in the checkpoint (``c`` and ``bn`` for a convolution and its batch norm,
and so on), so that it loads as it is. For inference only: nothing is dropped out.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import gelu, pad
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .torchvision_stand_in import install_if_missing

install_if_missing()
from segment_anything.modeling.common import LayerNorm2d  # noqa: E402

EXPANSION = 4
"""Channels within a block over those outside."""


@dataclass(frozen=True)
class TinyViTShape:
    """Sizes of the network; by default those of MobileSAM."""

    channels: tuple[int, int, int, int] = (64, 128, 160, 320)
    """Channels of the stages. The first has convolutions only."""
    depths: tuple[int, int, int, int] = (2, 2, 6, 2)
    """Blocks in each stage."""
    heads: tuple[int, int, int, int] = (2, 4, 5, 10)
    windows: tuple[int, int, int, int] = (7, 7, 14, 7)
    """Sides of the windows within which cells attend to each other."""
    out_channels: int = 256
    classes: int = 1000
    """Outputs of the classifier, which is in the official file and not used; 0: there is none."""


class ConvolutionNorm(nn.Module):
    """A convolution without bias, then batch norm."""

    def __init__(
        self, inputs: int, outputs: int, size: int = 1, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.c = nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False)
        self.bn: nn.Module = nn.BatchNorm2d(outputs)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        """Smaller by the stride."""
        normed: Tensor = self.bn(self.c(x))
        return normed

    def fuse(self) -> None:
        """Take the norm into the convolution."""
        if isinstance(self.bn, nn.BatchNorm2d):
            self.c = fuse_conv_bn_eval(self.c, self.bn)
            self.bn = nn.Identity()


class PatchEmbedding(nn.Module):
    """The picture at a quarter of its size, as features."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.seq = nn.Sequential(
            ConvolutionNorm(3, half, 3, stride=2), nn.GELU(), ConvolutionNorm(half, channels, 3, 2)
        )

    def forward(self, x: Float[Tensor, "b 3 s s"]) -> Float[Tensor, "b c q q"]:
        """A quarter of the side."""
        features: Tensor = self.seq(x)
        return features


class InvertedBottleneck(nn.Module):
    """Wider, a 3x3 convolution on each channel, narrower again; around a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide = EXPANSION * channels
        self.conv1 = ConvolutionNorm(channels, wide)
        self.conv2 = ConvolutionNorm(wide, wide, 3, groups=wide)
        self.conv3 = ConvolutionNorm(wide, channels)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Same shape."""
        wide = gelu(self.conv2(gelu(self.conv1(x))))
        return gelu(x + self.conv3(wide))


class Downsampling(nn.Module):
    """From one stage's channels to the next one's; ``stride`` 1 keeps the resolution."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = ConvolutionNorm(inputs, outputs)
        self.conv2 = ConvolutionNorm(outputs, outputs, 3, stride, groups=outputs)
        self.conv3 = ConvolutionNorm(outputs, outputs)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        """Smaller by the stride."""
        narrowed: Tensor = self.conv3(gelu(self.conv2(gelu(self.conv1(x)))))
        return narrowed


class WindowAttention(nn.Module):
    """Self-attention in one window, with a learnt bias for each distance between two cells."""

    def __init__(self, channels: int, heads: int, side: int) -> None:
        super().__init__()
        self.heads, self.side = heads, side
        self.norm = nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)
        self.attention_biases = nn.Parameter(torch.zeros(heads, side * side))

    def forward(self, x: Float[Tensor, "w n c"]) -> Float[Tensor, "w n c"]:
        """Same shape; ``n`` are the window's cells, row by row."""
        windows, cells, channels = x.shape
        # each head's query, key and value lie side by side
        each = self.qkv(self.norm(x)).view(windows, cells, self.heads, -1).transpose(1, 2)
        query, key, value = each.chunk(3, dim=-1)
        alike = query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5
        weights = (alike + self.attention_biases[:, self.distances()]).softmax(dim=-1)
        mixed = (weights @ value).transpose(1, 2).reshape(windows, cells, channels)
        attended: Tensor = self.proj(mixed)
        return attended

    def distances(self) -> Int[Tensor, "n n"]:
        """For each two cells the bias of their distance, which has rows and columns.

        Made anew each time, as it takes next to none: a buffer would be no part of the checkpoint.
        """
        cells = torch.arange(self.side * self.side, device=self.attention_biases.device)
        rows, columns = cells // self.side, cells % self.side
        apart = (rows[:, None] - rows).abs() * self.side + (columns[:, None] - columns).abs()
        return apart


class Perceptron(nn.Module):
    """Layer norm and two linear layers."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.fc1 = nn.Linear(channels, EXPANSION * channels)
        self.fc2 = nn.Linear(EXPANSION * channels, channels)

    def forward(self, x: Float[Tensor, "b n c"]) -> Float[Tensor, "b n c"]:
        """Same shape."""
        mixed: Tensor = self.fc2(gelu(self.fc1(self.norm(x))))
        return mixed


class AttentionBlock(nn.Module):
    """Attention in windows, a 3x3 convolution on each channel, a perceptron."""

    def __init__(self, channels: int, heads: int, side: int) -> None:
        super().__init__()
        self.side = side
        self.attn = WindowAttention(channels, heads, side)
        self.local_conv = ConvolutionNorm(channels, channels, 3, groups=channels)
        self.mlp = Perceptron(channels)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Same shape."""
        x = self.local_conv(x + self._attended(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))
        cells = x.flatten(2).transpose(1, 2)
        return (cells + self.mlp(cells)).transpose(1, 2).reshape(x.shape)

    def _attended(self, x: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w c"]:
        """Attention in each window. What fills windows up is zero, and is attended to as well."""
        batch, height, width, channels = x.shape
        side = self.side
        x = pad(x, (0, 0, 0, -width % side, 0, -height % side))
        down, across = x.shape[1] // side, x.shape[2] // side
        windows = x.view(batch, down, side, across, side, channels).transpose(2, 3)
        windows = self.attn(windows.reshape(-1, side * side, channels))
        windows = windows.view(batch, down, across, side, side, channels).transpose(2, 3)
        return windows.reshape(x.shape)[:, :height, :width]


class Stage(nn.Module):
    """Blocks of one resolution, and the way to the next stage if there is one."""

    def __init__(self, blocks: list[nn.Module], downsample: Downsampling | None) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.downsample = downsample

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        """The next stage's input."""
        for block in self.blocks:
            x = block(x)
        return x if self.downsample is None else self.downsample(x)


class TinyViT(nn.Module):
    """Normalised square pictures to the features that Segment Anything's mask decoder reads."""

    def __init__(self, shape: TinyViTShape | None = None) -> None:
        super().__init__()
        shape = shape or TinyViTShape()
        last, out = shape.channels[-1], shape.out_channels
        self.patch_embed = PatchEmbedding(shape.channels[0])
        self.layers = nn.ModuleList(_stage(shape, number) for number in range(4))
        if shape.classes:
            self.norm_head = nn.LayerNorm(last)
            self.head = nn.Linear(last, shape.classes)
        self.neck = nn.Sequential(
            nn.Conv2d(last, out, 1, bias=False),
            LayerNorm2d(out),
            nn.Conv2d(out, out, 3, padding=1, bias=False),
            LayerNorm2d(out),
        )

    def forward(self, x: Float[Tensor, "b 3 s s"]) -> Float[Tensor, "b c e e"]:
        """Features of stride 16."""
        x = self.patch_embed(x)
        for layer in self.layers:
            x = layer(x)
        features: Tensor = self.neck(x)
        return features

    def for_inference(self) -> TinyViT:
        """Itself, a quarter faster: norms within their convolutions, channels side by side.

        Its weights have other names then, so they are loaded before.
        """
        self.eval()
        for module in list(self.modules()):
            if isinstance(module, ConvolutionNorm):
                module.fuse()
        return self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _stage(shape: TinyViTShape, number: int) -> Stage:
    channels, heads, side = shape.channels[number], shape.heads[number], shape.windows[number]
    blocks: list[nn.Module] = [
        InvertedBottleneck(channels) if number == 0 else AttentionBlock(channels, heads, side)
        for _ in range(shape.depths[number])
    ]
    if number == 3:
        return Stage(blocks, None)
    stride = 1 if number == 2 else 2  # the last stage stays at a sixteenth of the picture
    return Stage(blocks, Downsampling(channels, shape.channels[number + 1], stride))
