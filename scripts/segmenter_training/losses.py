"""Segment Anything's losses: focal and dice of the best mask, and error of the predicted IoU."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

FOCAL_WEIGHT = 20.0


def overlap(
    masks: Float[Tensor, "n k h w"], target: Float[Tensor, "n h w"]
) -> Float[Tensor, "n k"]:
    """IoU of the masks (logits) with the targets (shares of pixels)."""
    cut, wanted = masks > 0, (target > 0.5)[:, None]
    union = (cut | wanted).flatten(2).sum(2).clamp(min=1)
    return (cut & wanted).flatten(2).sum(2) / union


def mask_losses(
    masks: Float[Tensor, "n k h w"], target: Float[Tensor, "n h w"]
) -> Float[Tensor, "n k"]:
    """Focal and dice loss of every mask."""
    wanted = target[:, None].expand_as(masks)
    entropy = binary_cross_entropy_with_logits(masks, wanted, reduction="none")
    chance = torch.sigmoid(masks)
    focal = (entropy * (chance - wanted) ** 2).flatten(2).mean(2)
    shared = (chance * wanted).flatten(2).sum(2)
    total = chance.flatten(2).sum(2) + wanted.flatten(2).sum(2)
    return FOCAL_WEIGHT * focal + 1 - (2 * shared + 1) / (total + 1)


def answer_loss(
    masks: Float[Tensor, "n 4 h w"],
    scores: Float[Tensor, "n 4"],
    target: Float[Tensor, "n h w"],
    *,
    single_weight: float,
) -> tuple[Float[Tensor, ""], Int[Tensor, " n"], Float[Tensor, "n 4"]]:
    """The loss of one round of prompts.

    Args:
        masks: the single answer first, then the three.
        single_weight: how much the single answer counts against the best of the three.

    Returns:
        The loss, which of the three was best, and the true IoU of all four.
    """
    each = mask_losses(masks, target)
    three = each[:, 1:].min(dim=1)
    truth = overlap(masks.detach(), target)
    loss = single_weight * each[:, 0].mean() + (1 - single_weight) * three.values.mean()
    return loss + mse_loss(scores, truth), three.indices, truth
