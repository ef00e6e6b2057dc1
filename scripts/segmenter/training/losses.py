"""Segment Anything's losses: focal and dice of the best mask, and error of the predicted IoU."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import (
    avg_pool2d,
    binary_cross_entropy_with_logits,
    interpolate,
    log_softmax,
    max_pool2d,
    mse_loss,
    softmax,
)

FOCAL_WEIGHT = 20.0
COARSE_WEIGHT = 0.5
"""Weight of the decoder's own masks, before their outlines are drawn."""
EDGE_WEIGHT = 0.5
SCORE_WEIGHT = 2.0
ORDER_WEIGHT = 0.02
ORDER_SHARPNESS = 20.0
"""Per unit of IoU: masks that differ by less than some 0.02 need no order."""


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


def edge_losses(
    masks: Float[Tensor, "n k h w"], target: Float[Tensor, "n h w"], coarse: Float[Tensor, "n l l"]
) -> Float[Tensor, "n k"]:
    """Mean cross entropy of every mask in a narrow band along the right outline.

    Args:
        coarse: the target in fewer pixels; the band reaches one of them to either side.
    """
    highest, lowest = max_pool2d(coarse, 3, 1, 1), -max_pool2d(-coarse, 3, 1, 1)
    near = (highest - lowest > 0.5).float()[:, None]
    band = interpolate(near, scale_factor=target.shape[-1] / coarse.shape[-1], mode="nearest")
    wanted = target[:, None].expand_as(masks)
    entropy = binary_cross_entropy_with_logits(masks, wanted, reduction="none")
    return (entropy * band).flatten(2).sum(2) / (band.flatten(2).sum(2) + 1)


def answer_loss(
    masks: Float[Tensor, "n 4 l l"],
    draw: Callable[[Tensor], Tensor],
    scores: Float[Tensor, "n 4"],
    target: Float[Tensor, "n h w"],
    *,
    single_weight: float,
) -> tuple[Float[Tensor, ""], Int[Tensor, " n"], Float[Tensor, "n 4"]]:
    """The loss of one round of prompts.

    Args:
        masks: the decoder's answers, the single one first, then the three.
        draw: from masks [n k l l] to the same with their outlines drawn [n k h w].
        single_weight: how much the single answer counts against the best of the three.

    Returns:
        The loss, which of the three was best, and about the true IoU of all four.
    """
    coarse = avg_pool2d(target, target.shape[-1] // masks.shape[-1])
    each = mask_losses(masks, coarse)
    best = 1 + each[:, 1:].argmin(dim=1)
    shown = torch.stack([torch.zeros_like(best), best], dim=1)
    drawn = draw(masks[torch.arange(len(masks))[:, None], shown])
    losses = mask_losses(drawn, target) + EDGE_WEIGHT * edge_losses(drawn, target, coarse)
    single, chosen = (losses + COARSE_WEIGHT * each.gather(1, shown)).mean(dim=0)
    truth = overlap(masks.detach(), coarse)
    gain = overlap(drawn.detach(), target) - truth.gather(1, shown)
    truth = (truth + gain.mean(dim=1, keepdim=True)).scatter_add(
        1, shown, gain - gain.mean(1)[:, None]
    )
    loss = single_weight * single + (1 - single_weight) * chosen
    return loss + score_loss(scores, truth), best - 1, truth


def score_loss(scores: Float[Tensor, "n 4"], truth: Float[Tensor, "n 4"]) -> Float[Tensor, ""]:
    """Error of the predicted IoU, and of the order in which it puts the three masks.

    The squared error alone is content with three equal predictions where any of the masks may be
    meant; what is shown first depends on their order, so it is asked for besides.
    """
    wanted = softmax(ORDER_SHARPNESS * truth[:, 1:], dim=1)
    order = -(wanted * log_softmax(ORDER_SHARPNESS * scores[:, 1:].float(), dim=1)).sum(1).mean()
    return SCORE_WEIGHT * mse_loss(scores, truth) + ORDER_WEIGHT * order
