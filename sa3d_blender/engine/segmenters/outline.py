"""Draws the outlines of masks along the edges of the picture.

The mask decoder sees coarse features: it knows which object was meant, but not to the pixel where
it ends. This small network looks again at the shallow features of `surface_encoder`, which are
computed once per picture, and corrects a mask's logits near its outline. The idea of giving the
decoder's answer high-resolution features is that of HQ-SAM (Ke et al., NeurIPS 2023).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate, pixel_shuffle, pixel_unshuffle

LARGEST_LOGIT = 8.0
"""Logits are cut there before the network reads them: surer than sure is not worth a difference."""


class Outline(nn.Module):
    """Coarse logits of stride 2 to logits of every pixel."""

    def __init__(self, inputs: int, channels: int) -> None:
        """Make the layers, which change nothing until they are trained.

        Args:
            inputs: channels of the shallow features.
            channels: of the layers between.
        """
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv2d(inputs, channels, 1), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1)
        )
        self.read = nn.Conv2d(4, channels, 3, padding=1)
        self.near = nn.Conv2d(channels, channels, 3, padding=1)
        self.far = nn.Conv2d(channels, channels, 3, padding=2, dilation=2)
        self.write = nn.Conv2d(channels, 16, 3, padding=1)
        for value in (self.write.weight, self.write.bias):
            nn.init.zeros_(value)  # type: ignore[arg-type]

    def embed(self, shallow: Float[Tensor, "b i q q"]) -> Float[Tensor, "b f q q"]:
        """What is kept of a picture for all its masks; q is a quarter of the input's side."""
        found: Tensor = self.look(shallow)
        return found

    def forward(
        self, fine: Float[Tensor, "n f q q"], logits: Float[Tensor, "n k l l"]
    ) -> Float[Tensor, "n k s s"]:
        """Logits of every pixel of the input; l is 2 q and s is 4 q.

        Args:
            fine: from `embed`, one row per prompt.
        """
        count, each = logits.shape[:2]
        known = logits.clamp(-LARGEST_LOGIT, LARGEST_LOGIT).to(fine.dtype) / LARGEST_LOGIT
        read = self.read(pixel_unshuffle(known.flatten(0, 1)[:, None], 2))
        x = torch.relu(read.unflatten(0, (count, each)) + fine[:, None]).flatten(0, 1)
        x = torch.relu(x + self.near(x))
        x = torch.relu(x + self.far(x))
        change = pixel_shuffle(self.write(x), 4).unflatten(0, (count, each))[:, :, 0]
        smooth = interpolate(logits, scale_factor=2.0, mode="bilinear", align_corners=False)
        return smooth + change.to(logits.dtype)
