"""Any Segment Anything model as a `Segmenter`: pixels and numpy outside, torch inside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, pad

from ...core.prompts import Prompt
from ..rendering.relief import Relief
from .consensus import best_first, preference
from .mask_components import clicked_components, inside_box
from .protocol import ImageEmbedding, MaskPrediction

PIXEL_MEAN = (123.675, 116.28, 103.53)
PIXEL_STD = (58.395, 57.12, 57.375)
"""By which all Segment Anything models normalise their pictures, in bytes."""
LOGITS_STRIDE = 4
"""Pixels of the encoder's input per low-resolution logit, in all Segment Anything models."""
SIZE_WEIGHT = 0.05
"""How much official models prefer larger masks. One click of MobileSAM at 512 pixels: mIoU 0.66 by
0, 0.75 by 0.03, 0.84 by 0.05 and 0.88 by 0.08 on renders of real models; 0.57, 0.56, 0.56 and 0.53
on photographs. On the tabletop, 0.02 finds one side of the box and 0.05 the box; but from 0.03 on,
an apple that touches a banana is taken with it."""


@dataclass(frozen=True)
class Asked:
    """What the decoder says to one prompt."""

    low: Float[Tensor, "k lh lw"]
    """Low-resolution logits: Segment Anything's single mask, then the candidates if wanted."""
    scores: Float[Tensor, " k"]
    clicks: tuple[Tensor, Tensor] | None
    """The prompt's points and labels, in pixels of the encoder's input."""
    corners: Float[Tensor, "1 4"] | None
    """The prompt's box, in pixels of the encoder's input."""


@dataclass(frozen=True)
class Answer:
    """Candidates for one prompt in pixels of the encoder's input, best first."""

    drawn: Float[Tensor, "k s s"]
    """Logits, with outlines drawn by models that do."""
    scores: Float[Tensor, " k"]
    low: Float[Tensor, "k lh lw"]
    """Low-resolution logits to be fed back."""


class PromptableModel:
    """An image encoder, prompt encoder and mask decoder that answer prompts in pixels.

    Pictures are resized so that their longer side fills the encoder's square input, and padded on
    the right and below, as in segment_anything.
    """

    def __init__(
        self,
        *,
        name: str,
        encoder: Callable[..., tuple[Tensor, Tensor | None]],
        prompt_encoder: nn.Module,
        mask_decoder: nn.Module,
        input_side: int,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        reads_relief: bool = False,
        outline: Callable[[Tensor, Tensor], Tensor] | None = None,
        size_weight: float = SIZE_WEIGHT,
    ) -> None:
        """Put a model together.

        Args:
            name: as `core.segmenters` has it.
            encoder: from normalised pictures [b 3 s s], and the channels of their relief if
                ``reads_relief``, to features, and finer ones if there is an ``outline``.
            outline: from the finer features and low-resolution logits [1 k l l] to logits
                [1 k s s]; connected components that are no part of the object go then, too.
            size_weight: how much larger masks are preferred, as in `consensus.preference`.
        """
        self.name = name
        self.reads_relief = reads_relief
        self.input_side = input_side
        self._encoder = encoder
        self._outline = outline
        self._size_weight = size_weight
        self._prompt_encoder = prompt_encoder
        self._mask_decoder = mask_decoder
        self._device = device
        self._dtype = dtype

    @torch.inference_mode()
    def embed(
        self, image: UInt8[np.ndarray, "h w 3"], relief: Relief | None = None
    ) -> ImageEmbedding:
        """Encode a picture (sRGB bytes); see `Segmenter.embed`."""
        height, width = image.shape[:2]
        resized = self._resized_shape(height, width)
        pixels = np.asarray(Image.fromarray(image).resize(resized[::-1], Image.Resampling.BILINEAR))
        square = self.normalised(torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None])
        inputs = [square.to(self._device, self._dtype)]
        if self.reads_relief and relief is not None:
            channels = torch.from_numpy(relief.resized(*resized).channels())[None]
            inputs.append(self._padded(channels).to(self._device, self._dtype))
        features, fine = self._encoder(*inputs)
        return ImageEmbedding(features.float(), (height, width), resized, fine)

    def normalised(self, pixels: UInt8[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 s s"]:
        """Zero mean, unit variance, padded to the encoder's square."""
        mean = torch.tensor(PIXEL_MEAN).view(3, 1, 1)
        std = torch.tensor(PIXEL_STD).view(3, 1, 1)
        return self._padded((pixels.float() - mean) / std)

    def _padded(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c s s"]:
        height, width = x.shape[2:]
        return pad(x, (0, self.input_side - width, 0, self.input_side - height))

    def predict(self, embedding: ImageEmbedding, prompts: Sequence[Prompt]) -> list[MaskPrediction]:
        """Cut out what each prompt means; see `Segmenter.predict`."""
        return [
            self.at_full_size(embedding, self.answer(embedding, asked))
            for asked in self.ask_all(embedding, prompts)
        ]

    @torch.inference_mode()
    def ask_all(self, embedding: ImageEmbedding, prompts: Sequence[Prompt]) -> list[Asked]:
        """What the decoder says to each prompt; nothing is drawn yet.

        Prompts with as many points, and a box and logits or not, are decoded together: padded to
        the same number of points they would get other answers.

        A model that draws outlines is asked twice about a new box: its second answer, given the
        first, fits better (mIoU 0.82 and 0.86 on NeRF renders).
        """
        groups: dict[tuple[int, bool, bool], list[int]] = {}
        for number, prompt in enumerate(prompts):
            kind = (len(prompt.points), prompt.box is not None, prompt.logits is not None)
            groups.setdefault(kind, []).append(number)
        found: dict[int, Asked] = {}
        for numbers in groups.values():
            alike = [prompts[number] for number in numbers]
            found |= zip(numbers, self._ask_alike(embedding, alike), strict=True)
        return [found[number] for number in range(len(prompts))]

    def _ask_alike(self, embedding: ImageEmbedding, prompts: Sequence[Prompt]) -> list[Asked]:
        scale = self._scale(embedding)
        clicks = [self._points(prompt, scale) for prompt in prompts]
        corners = [self._corners(prompt, scale) for prompt in prompts]
        given = [None if p.logits is None else self._tensor(p.logits)[None] for p in prompts]
        if prompts[0].box is not None and given[0] is None and self._outline is not None:
            first, _ = self._decoded(embedding, clicks, corners, given)
            given = [
                avg_pool2d(self._drawn(low[:1], embedding, places, box), LOGITS_STRIDE)
                for low, places, box in zip(first, clicks, corners, strict=True)
            ]
        decoded = self._decoded(embedding, clicks, corners, given)
        counts = [len(decoded[0][0]) if prompt.multimask else 1 for prompt in prompts]
        return [
            Asked(low[:count], scores[:count], places, box)
            for low, scores, count, places, box in zip(
                *decoded, counts, clicks, corners, strict=True
            )
        ]

    @torch.inference_mode()
    def sketch(self, embedding: ImageEmbedding, asked: Asked) -> Float[Tensor, "s s"]:
        """Logits of the best-scored candidate alone, in pixels of the encoder's input."""
        best = 0
        if len(asked.low) > 1:
            trust = preference(asked.low[1:], asked.scores[1:], self._size_weight)
            best = 1 + int(trust.argmax())
        return self._drawn(asked.low[[best]], embedding, asked.clicks, asked.corners)[0]

    @torch.inference_mode()
    def candidates(self, embedding: ImageEmbedding, asked: Asked) -> Answer:
        """All masks as the decoder gave them, neither ordered nor merged."""
        drawn = self._drawn(asked.low, embedding, asked.clicks, asked.corners)
        low = asked.low if self._outline is None else avg_pool2d(drawn, LOGITS_STRIDE)
        return Answer(drawn, asked.scores, low)

    @torch.inference_mode()
    def answer(
        self,
        embedding: ImageEmbedding,
        asked: Asked,
        earlier: Float[np.ndarray, "eh ew"] | None = None,
    ) -> Answer:
        """What `predict` says, still in pixels of the encoder's input.

        The candidates of a model that draws outlines are put in order and merged by `best_first`.

        Args:
            earlier: logits of what another look found, for that order.
        """
        low, scores = asked.low, asked.scores
        if self._outline is None or embedding.fine is None:
            if len(low) > 1:
                trust = preference(low[1:], scores[1:], self._size_weight)
                order = 1 + trust.argsort(descending=True)
                low, scores = low[order], scores[order].cummin(dim=0).values
            return Answer(self._drawn(low, embedding, None, None), scores, low)
        drawn = self._drawn(low, embedding, asked.clicks, asked.corners)
        if len(low) > 1:
            drawn, scores = best_first(drawn, scores, self._size_weight, self._square(earlier))
        return Answer(drawn, scores, avg_pool2d(drawn, LOGITS_STRIDE))

    @torch.inference_mode()
    def at_full_size(self, embedding: ImageEmbedding, answer: Answer) -> MaskPrediction:
        """An answer in pixels of the picture."""
        height, width = embedding.input_size
        picture = answer.drawn[None, :, :height, :width]
        full = interpolate(picture, embedding.image_size, mode="bilinear", align_corners=False)
        return MaskPrediction(
            (full[0] > 0).cpu().numpy(),
            answer.scores.float().cpu().numpy(),
            answer.low.float().cpu().numpy(),
        )

    def _decoded(
        self,
        embedding: ImageEmbedding,
        clicks: Sequence[tuple[Tensor, Tensor] | None],
        corners: Sequence[Float[Tensor, "1 4"] | None],
        logits: Sequence[Float[Tensor, "1 lh lw"] | None],
    ) -> tuple[Float[Tensor, "b k lh lw"], Float[Tensor, "b k"]]:
        """The decoder's masks and scores by prompt: the single one, then the candidates."""
        placed = [pair for pair in clicks if pair is not None]
        boxes = [box for box in corners if box is not None]
        earlier = [one for one in logits if one is not None]
        sparse, dense = self._prompt_encoder(
            points=tuple(map(torch.cat, zip(*placed, strict=True))) if placed else None,
            boxes=torch.cat(boxes) if boxes else None,
            masks=torch.stack(earlier) if earlier else None,
        )
        masks, scores = self._mask_decoder.predict_masks(  # type: ignore[operator]
            image_embeddings=embedding.features,
            image_pe=self._prompt_encoder.get_dense_pe(),  # type: ignore[operator]
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
        )
        return masks.float(), scores

    def _drawn(
        self,
        low: Float[Tensor, "k lh lw"],
        embedding: ImageEmbedding,
        clicks: tuple[Tensor, Tensor] | None,
        corners: Float[Tensor, "1 4"] | None,
    ) -> Float[Tensor, "k s s"]:
        """Logits of the encoder's pixels, drawn and without stray components if it draws."""
        if self._outline is None or embedding.fine is None:
            side = (self.input_side, self.input_side)
            return interpolate(low[None], side, mode="bilinear", align_corners=False)[0]
        drawn = self._outline(embedding.fine, low[None])[0]
        positive = np.zeros((0, 2))
        if clicks is not None:
            positive = clicks[0][clicks[1] == 1].cpu().numpy()
        if corners is not None:
            drawn = inside_box(drawn, corners)
        return clicked_components(drawn, positive)

    def _square(self, logits: Float[np.ndarray, "eh ew"] | None) -> Float[Tensor, "s s"] | None:
        """Logits of any size in pixels of the encoder's input."""
        if logits is None:
            return None
        side = (self.input_side, self.input_side)
        low = self._tensor(logits)[None, None]
        return interpolate(low, side, mode="bilinear", align_corners=False)[0, 0]

    def _points(self, prompt: Prompt, scale: np.ndarray) -> tuple[Tensor, Tensor] | None:
        if not prompt.points:
            return None
        points = self._tensor(prompt.point_array() * scale)
        return points[None], self._tensor(prompt.labels)[None]

    def _corners(self, prompt: Prompt, scale: np.ndarray) -> Float[Tensor, "1 4"] | None:
        if prompt.box is None:
            return None
        return self._tensor(prompt.box_array() * np.tile(scale, 2))[None]

    def _tensor(self, values: np.ndarray | tuple[int, ...]) -> Tensor:
        return torch.as_tensor(np.asarray(values, dtype=np.float32), device=self._device)

    def _resized_shape(self, height: int, width: int) -> tuple[int, int]:
        scale = self.input_side / max(height, width)
        return max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5))

    @staticmethod
    def _scale(embedding: ImageEmbedding) -> np.ndarray:
        (height, width), (to_height, to_width) = embedding.image_size, embedding.input_size
        return np.array([to_width / width, to_height / height])
