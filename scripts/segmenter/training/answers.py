"""The mask decoder on many prompts of many pictures at once, as fast as a CPU allows.

Same weights and results as ``segment_anything``'s ``MaskDecoder``; only the order of the work
differs: the up-scaling convolutions of stride 2 are matrix products on tokens, the pixels are put
in their places at the very end, when only four numbers per pixel are left.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from sa3d_blender.engine.segmenters.torchvision_stand_in import install_if_missing

install_if_missing()
from segment_anything.modeling import MaskDecoder, PromptEncoder
from segment_anything.modeling.transformer import Attention


def embed_prompts(
    encoder: PromptEncoder,
    points: Float[Tensor, "n p 2"],
    labels: Int[Tensor, "n p"],
    logits: Float[Tensor, "n 1 l l"] | None,
    has_logits: Tensor | None,
) -> tuple[Float[Tensor, "n p c"], Float[Tensor, "n c e e"]]:
    """Sparse and dense prompt embeddings.

    Args:
        points: pixels of the encoder's input.
        labels: 1 and 0: clicks; 2 and 3: corners of a box; -1: nothing.
        logits: an earlier answer.
        has_logits: bool [n], which prompts come with an earlier answer.
    """
    positions = encoder.pe_layer.forward_with_coords(points + 0.5, encoder.input_image_size)
    kinds = torch.stack([encoder.not_a_point_embed.weight[0]] + [e.weight[0] for e in
                        encoder.point_embeddings])  # fmt: skip
    real = (labels >= 0)[..., None].to(positions.dtype)
    sparse = positions * real + kinds[labels + 1].to(positions.dtype)
    nothing = encoder.no_mask_embed.weight.view(1, -1, 1, 1)
    if logits is None:
        return sparse, nothing.expand(len(points), -1, *encoder.image_embedding_size)
    dense = encoder.mask_downscaling(logits.to(nothing.dtype))
    if has_logits is not None:
        dense = torch.where(has_logits.view(-1, 1, 1, 1), dense, nothing)
    return sparse, dense


def decode(
    decoder: MaskDecoder,
    features: Float[Tensor, "n c e e"],
    position: Float[Tensor, "1 c e e"],
    sparse: Float[Tensor, "n p c"],
    dense: Float[Tensor, "n c e e"],
) -> tuple[Float[Tensor, "n 4 l l"], Float[Tensor, "n 4"]]:
    """Mask logits (the single answer first, then the three) and predicted IoU, per prompt."""
    count, _, side, _ = features.shape
    own = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])
    tokens = torch.cat([own.expand(count, -1, -1), sparse.to(own.dtype)], dim=1)
    source = features + dense
    found, pixels = decoder.transformer(source, position.expand_as(source), tokens)
    up = _up(decoder, pixels).reshape(count, side * side * 16, -1)
    heads = [mlp(found[:, 1 + i]) for i, mlp in enumerate(decoder.output_hypernetworks_mlps)]
    masks = torch.stack(heads, 1) @ up.transpose(1, 2)
    masks = masks.view(count, -1, side, side, 2, 2, 2, 2).permute(0, 1, 2, 4, 6, 3, 5, 7)
    scores = decoder.iou_prediction_head(found[:, 0])
    return masks.reshape(count, -1, side * 4, side * 4).float(), scores.float()


def upscaled(decoder: MaskDecoder, pixels: Float[Tensor, "n t c"]) -> Float[Tensor, "n p d"]:
    """The decoder's up-scaling of square maps given as rows of pixels, in that order again."""
    count, side = len(pixels), round(pixels.shape[1] ** 0.5)
    fine = _up(decoder, pixels).view(count, side, side, 2, 2, 2, 2, -1)
    return fine.permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(count, side * side * 16, -1)


def _up(decoder: MaskDecoder, pixels: Float[Tensor, "n t c"]) -> Float[Tensor, "n t 4 4 d"]:
    first, norm, act, second, last_act = decoder.output_upscaling
    shape = (norm.weight.shape[0],)
    twice = layer_norm(_doubled(pixels, first), shape, norm.weight, norm.bias, norm.eps)
    return last_act(_doubled(act(twice), second))  # type: ignore[no-any-return]


def _doubled(x: Float[Tensor, "... c"], layer: nn.ConvTranspose2d) -> Float[Tensor, "... 4 d"]:
    """A transposed convolution of kernel and stride 2, its four outputs side by side."""
    inputs, outputs = layer.weight.shape[:2]
    weight = layer.weight.permute(0, 2, 3, 1).reshape(inputs, 4 * outputs)
    bias = layer.bias.repeat(4)
    return (x @ weight + bias).unflatten(-1, (4, outputs))


def attend(
    layer: Attention,
    q: Float[Tensor, "b n c"],
    k: Float[Tensor, "b m c"],
    v: Float[Tensor, "b m c"],
) -> Float[Tensor, "b n c"]:
    """``Attention.forward``, with the softmax along the layout's outer axis if keys are few."""
    queries, keys, values = (
        project(x).unflatten(2, (layer.num_heads, -1)).transpose(1, 2)
        for project, x in ((layer.q_proj, q), (layer.k_proj, k), (layer.v_proj, v))
    )
    queries = queries * queries.shape[-1] ** -0.5
    if keys.shape[2] < queries.shape[2]:
        shares = (keys @ queries.transpose(2, 3)).softmax(dim=2).transpose(2, 3)
    else:
        shares = (queries @ keys.transpose(2, 3)).softmax(dim=3)
    found = shares @ values
    return layer.out_proj(found.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


def use_fast_attention() -> None:
    """Let the decoder's attention layers use `attend` from now on, in this process."""
    Attention.forward = attend
