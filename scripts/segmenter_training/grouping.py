"""A side task that teaches the encoder which cells of a picture belong together.

A few clicks per picture say little; here every cell of the feature map is one. The head is thrown
away after training.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

CHANNELS, ANCHORS = 32, 96


class Grouping(nn.Module):
    """Whether two cells show the same object, from the distance of their codes."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.code = nn.Conv2d(channels, CHANNELS, 1)
        self.radius = nn.Parameter(torch.tensor(3.0))

    def forward(
        self, features: Float[Tensor, "b c e e"], objects: UInt8[Tensor, "b s s"]
    ) -> Float[Tensor, ""]:
        """Balanced cross entropy over random anchor cells and all other cells."""
        side = features.shape[2]
        step = objects.shape[1] // side
        own = objects[:, step // 2 :: step, step // 2 :: step].flatten(1).long()
        codes = self.code(features.float()).flatten(2).transpose(1, 2)
        chance = torch.where(own >= 2, 3.0, 1.0)
        anchors = torch.multinomial(chance, ANCHORS)
        chosen = codes.gather(1, anchors[..., None].expand(-1, -1, CHANNELS))
        apart = (
            chosen.square().sum(2, keepdim=True)
            - 2 * chosen @ codes.transpose(1, 2)
            + codes.square().sum(2)[:, None]
        )
        same = own.gather(1, anchors)[..., None] == own[:, None]
        loss = binary_cross_entropy_with_logits(
            self.radius - apart, same.float(), reduction="none"
        )
        return (loss[same].mean() + loss[~same].mean()) / 2
