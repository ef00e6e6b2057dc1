"""One training dialogue: a first prompt for every mask, then corrections of the largest error."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import avg_pool2d

from sa3d_blender.engine.segmenters.bundled import BundledModel

from .answers import decode, embed_prompts
from .clicks import correcting_click, first_click, jittered_box, several_clicks
from .losses import answer_loss

NOTHING = (0.0, 0.0, -1)
SCALE = 2
"""Pixels of the drawn outlines per pixel of the answers, and of the input per one of those."""


@dataclass
class Prompts:
    """What has been said about each of n masks so far; all lists are equally long."""

    clicks: list[list[tuple[float, float, int]]]
    """Points in pixels of the answers: x, y, label."""
    corners: list[list[tuple[float, float, int]]] | None
    """Boxes as points labelled 2 and 3."""

    def tensors(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Points [n p 2] in pixels of the encoder's input, and labels [n p]."""
        tail = self.corners or [[NOTHING]] * len(self.clicks)
        data = torch.tensor(
            [[*c, *t] for c, t in zip(self.clicks, tail, strict=True)], dtype=torch.float32
        ).to(device)
        return data[..., :2] * SCALE * SCALE, data[..., 2].long()


def first_prompts(
    rng: np.random.Generator, masks: Bool[np.ndarray, "n h w"]
) -> tuple[Prompts, bool]:
    """One kind of prompt for all masks, and whether it is a single, ambiguous click."""
    kind = rng.choice(["click", "box", "several"], p=[0.45, 0.35, 0.2])
    if kind == "click":
        return Prompts([[(*first_click(rng, mask), 1)] for mask in masks], None), True
    if kind == "box":
        boxes = [jittered_box(rng, mask) for mask in masks]
        return Prompts([[] for _ in masks], [[(*b[:2], 2), (*b[2:], 3)] for b in boxes]), False
    positive, negative = int(rng.integers(2, 6)), int(rng.choice([0, 0, 0, 1, 2]))
    return Prompts([several_clicks(rng, mask, positive, negative) for mask in masks], None), False


def dialogue_loss(
    model: BundledModel,
    features: Float[Tensor, "b c e e"],
    fine: Float[Tensor, "b f q q"],
    masks: Bool[np.ndarray, "b k s s"],
    rng: np.random.Generator,
    rounds: int,
) -> tuple[Tensor, float]:
    """The loss over all rounds, and the mean IoU of the best-scored answer to the first prompt."""
    device, each = features.device, masks.shape[1]
    target = avg_pool2d(torch.from_numpy(masks).to(device).float().flatten(0, 1), SCALE)
    wanted = (avg_pool2d(target, SCALE) > 0.5).cpu().numpy()
    wanted[~wanted.any((1, 2)), 0, 0] = True
    prompts, ambiguous = first_prompts(rng, wanted)
    repeated, fine = (x.repeat_interleave(each, 0) for x in (features, fine))
    position = model.prompt_encoder.get_dense_pe().to(features.dtype)
    loss, first_iou, logits, given = torch.zeros((), device=device), 0.0, None, None
    for turn in range(rounds):
        points, labels = prompts.tensors(device)
        sparse, dense = embed_prompts(model.prompt_encoder, points, labels, logits, given)
        answers, scores = decode(
            model.mask_decoder, repeated, position, sparse.to(features.dtype),
            dense.to(features.dtype),
        )  # fmt: skip
        weight = 0.2 if ambiguous and turn == 0 else 0.6
        draw = partial(model.outline, fine)
        part, best, truth = answer_loss(answers, draw, scores, target, single_weight=weight)
        loss = loss + part
        top = scores.detach()[:, 1:].argmax(1)
        every = torch.arange(len(top), device=device)
        if turn == 0:
            first_iou = float(truth[every, top + 1].mean())
        if turn + 1 < rounds:
            picked = answers.detach()[every, 1 + (best if rng.random() < 0.6 else top)]
            with torch.no_grad():
                chosen = avg_pool2d(draw(picked[:, None])[:, 0], SCALE)
            for i, got in enumerate((chosen > 0).cpu().numpy()):
                prompts.clicks[i].append(correcting_click(rng, wanted[i], got))
            logits = chosen[:, None]
            given = torch.from_numpy(rng.random(len(top)) < 0.8).to(device)
    return loss / rounds, first_iou
