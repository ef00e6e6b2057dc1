"""A side task that teaches encoder and up-scaling which pixels belong together.

A few clicks per picture through the whole mask decoder say little and cost much; here dozens of
clicks per picture are answered by a single linear step from the clicked pixel's features. The head
is thrown away after training.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from .answers import MaskDecoder, upscaled

ANCHORS = 24
ANCHOR_WEIGHTS = (0.2, 1.0, 3.0)
"""How often pixels of nothing known, of the support and of objects are clicked on."""


class Grouping(nn.Module):
    """Masks of the objects under random pixels, without any prompt encoder or transformer."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        fine = channels // 8
        self.code = nn.Sequential(
            nn.Linear(channels + fine, channels), nn.ReLU(), nn.Linear(channels, fine + 1)
        )

    def forward(
        self,
        decoder: MaskDecoder,
        features: Float[Tensor, "b c e e"],
        objects: UInt8[Tensor, "b s s"],
    ) -> Float[Tensor, ""]:
        """Balanced cross entropy and dice loss over all pixels of the answers' size."""
        coarse = features.flatten(2).transpose(1, 2)
        fine = upscaled(decoder, coarse).float()
        side = features.shape[2] * 4
        step = objects.shape[1] // side
        own = objects[:, step // 2 :: step, step // 2 :: step].flatten(1).long()
        chances = torch.tensor(ANCHOR_WEIGHTS, device=own.device)[own.clamp(max=2)]
        anchors = torch.multinomial(chances, ANCHORS)
        cells = (anchors // side // 4) * features.shape[2] + anchors % side // 4
        chosen = torch.cat([_rows(coarse.float(), cells), _rows(fine, anchors)], dim=2)
        codes = self.code(chosen)
        logits = codes[..., :-1] @ fine.transpose(1, 2) + codes[..., -1:]
        same = (own.gather(1, anchors)[..., None] == own[:, None]).float()
        entropy = binary_cross_entropy_with_logits(logits, same, reduction="none")
        inside, outside = same.sum(2), (1 - same).sum(2)
        entropy_inside = (entropy * same).sum(2)
        balanced = entropy_inside / (inside + 1) + (entropy.sum(2) - entropy_inside) / (outside + 1)
        chance = torch.sigmoid(logits)
        dice = 1 - (2 * (chance * same).sum(2) + 1) / (chance.sum(2) + inside + 1)
        return balanced.mean() / 2 + dice.mean()


def _rows(x: Float[Tensor, "b n c"], index: Tensor) -> Float[Tensor, "b k c"]:
    return x.gather(1, index[..., None].expand(-1, -1, x.shape[2]))
