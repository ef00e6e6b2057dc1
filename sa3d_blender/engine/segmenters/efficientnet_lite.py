"""EfficientNet-Lite0 (Tan and Le, *EfficientNet*, ICML 2019; the Lite variant, 2020): what ImageNet
taught a network about the world, for the bundled segmenter's encoder.

The Lite variant has no squeeze-and-excite and ReLU6 instead of swish, so it is quick on a CPU.
Batch norms are folded into the convolutions before them: nothing here depends on the batch.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import pad, relu6

BLOCKS = (
    # repeats, kernel, stride, expansion, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
"""Groups of inverted-residual blocks."""
STEM_CHANNELS = 32
TAPS = (2, 4, 10, 15)
"""Blocks whose outputs are given out: the last ones of strides 4, 8, 16 and 32."""
TAP_CHANNELS = (24, 40, 112, 320)
BATCH_NORM_EPSILON = 1e-3
BYTE_CENTER, BYTE_SCALE = 127.0, 128.0
"""A byte b of the picture goes in as (b - 127) / 128."""


class SameConvolution(nn.Conv2d):
    """A convolution padded as TensorFlow's "same": with stride 2, more on the right and below."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        middle = kernel // 2 if stride == 1 else 0
        super().__init__(inputs, outputs, kernel, stride, middle, groups=groups)
        self._margins = (0, 0, 0, 0)
        if stride == 2:
            before, after = (kernel - 2) // 2, (kernel - 1) // 2
            self._margins = (before, after, before, after)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o H W"]:
        """H is h / stride; h and w are even where the stride is 2."""
        result: Tensor = super().forward(pad(x, self._margins) if any(self._margins) else x)
        return result


class InvertedResidual(nn.Module):
    """Many channels of 1x1, one filter for each of them, few channels again."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expand = SameConvolution(inputs, wide, 1) if expansion > 1 else None
        self.depthwise = SameConvolution(wide, wide, kernel, stride, groups=wide)
        self.project = SameConvolution(wide, outputs, 1)
        self._shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o H W"]:
        """H is h / stride."""
        y = x if self.expand is None else relu6(self.expand(x))
        y = self.project(relu6(self.depthwise(y)))
        return x + y if self._shortcut else y


class EfficientNetLite(nn.Module):
    """Pictures to features of strides 4, 8, 16 and 32."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConvolution(3, STEM_CHANNELS, 3, 2)
        blocks, inputs = [], STEM_CHANNELS
        for repeats, kernel, stride, expansion, outputs in BLOCKS:
            for number in range(repeats):
                step = stride if number == 0 else 1
                blocks.append(InvertedResidual(inputs, outputs, kernel, step, expansion))
                inputs = outputs
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Float[Tensor, "b 3 s s"]) -> list[Float[Tensor, "b _ _ _"]]:
        """Features of `TAP_CHANNELS` channels.

        Args:
            x: (byte - 127) / 128; s is a multiple of 32.
        """
        found = []
        y = relu6(self.stem(x))
        for number, block in enumerate(self.blocks):
            y = block(y)
            if number in TAPS:
                found.append(y)
        return found


def folded(
    weights: list[Tensor],
) -> list[tuple[Float[Tensor, "o i k k"], Float[Tensor, " o"]]]:
    """Convolutions with the batch norms that follow them folded in.

    Args:
        weights: for each convolution in turn its weight [o i k k] and the batch norm's weight,
            bias, running mean and running variance, all [o].

    Returns:
        Weight and bias of each convolution. One of weight 3 behind which a norm of weight 2,
        bias 1, mean 0 and variance 1 stands has weight 6 (nearly: the norm's epsilon is 1e-3) and
        bias 1.
    """
    result = []
    for i in range(0, len(weights), 5):
        kernel, scale, shift, mean, variance = weights[i : i + 5]
        gain = scale / torch.sqrt(variance + BATCH_NORM_EPSILON)
        result.append((kernel * gain.view(-1, 1, 1, 1), shift - mean * gain))
    return result
