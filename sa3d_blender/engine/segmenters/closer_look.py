"""Looks at small objects again, from close by.

A small model sees the whole picture in few pixels. What is small in it is found, but not drawn
well; so it is encoded a second time, alone with its surroundings. That piece of the picture is
kept for further prompts about the same object. A mask that reaches to where the piece ends may go
on there, so a wider piece or the whole picture is asked instead: no mask shows where a piece ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
from jaxtyping import Bool, Float, UInt8

from ...core.prompts import OBJECT, Prompt
from ..rendering.relief import Relief
from .picture_pieces import Frame, corners_of, cut, frame_around, pasted
from .promptable import Asked, PromptableModel
from .protocol import ImageEmbedding, MaskPrediction

PIECES_KEPT = 8
"""Per picture: about as many small objects are worked on at once."""
SAME_SIZE = (0.85, 1.2)
"""A known piece does as well, if its side over the wanted one's is between these."""


@dataclass(frozen=True)
class Piece:
    """A part of a picture, and what the encoder says of it."""

    frame: Frame
    embedding: ImageEmbedding


@dataclass(frozen=True)
class PictureEmbedding(ImageEmbedding):
    """An embedding that keeps its picture, and the pieces looked at so far."""

    picture: UInt8[np.ndarray, "h w 3"] = field(kw_only=True)
    relief: Relief | None = field(kw_only=True)
    pieces: list[Piece] = field(default_factory=list, kw_only=True)
    """The newest last."""


def within(question: Prompt, frame: Frame, shape: tuple[int, int]) -> Prompt:
    """The same about a piece of a picture; clicks outside it are of no concern there.

    Args:
        shape: height and width of the picture.
    """
    shift = np.array([frame.left, frame.top], float)
    points, box, logits = question.point_array(), question.box, question.logits
    if box is not None:
        x0, y0, x1, y1 = np.clip(question.box_array() - np.tile(shift, 2), 0, frame.side)
        box = (float(x0), float(y0), float(x1), float(y1))
    if logits is not None:
        logits = cut(logits, frame, shape)
    near = zip(points - shift, question.labels, frame.contains(points), strict=True)
    seen = [(float(x), float(y), label) for (x, y), label, inside in near if inside]
    return replace(question, box=box, logits=logits).with_clicks(seen)


class CloserLook:
    """A `Segmenter` that answers as its model does, and looks twice where an object is small."""

    def __init__(self, model: PromptableModel) -> None:
        self.name = model.name
        self.model = model

    def embed(
        self, image: UInt8[np.ndarray, "h w 3"], relief: Relief | None = None
    ) -> PictureEmbedding:
        """See `Segmenter.embed`."""
        whole = self.model.embed(image, relief)
        known = {f.name: getattr(whole, f.name) for f in fields(ImageEmbedding)}
        return PictureEmbedding(**(known | {"turns": {}}), picture=image, relief=relief)

    def predict(self, embedding: ImageEmbedding, prompts: Sequence[Prompt]) -> list[MaskPrediction]:
        """Cut out what each prompt means; see `Segmenter.predict`.

        The looks from close by are each about another picture. The logits of a small object are
        those of its piece, reduced.
        """
        answers: dict[int, MaskPrediction] = {}
        from_afar = []
        for number, question in enumerate(prompts):
            known = self._piece_of(embedding, question)
            near = None if known is None else self._from_near(embedding, question, known)
            if known is None or near is None or known.frame.cuts(near.masks[0]):
                from_afar.append(number)
            else:
                answers[number] = near
        asked = self.model.ask_all(embedding, [prompts[number] for number in from_afar])
        for number, one in zip(from_afar, asked, strict=True):
            answers[number] = self._looked_twice(embedding, prompts[number], one)
        return [answers[number] for number in range(len(prompts))]

    def _looked_twice(
        self, embedding: ImageEmbedding, question: Prompt, asked: Asked
    ) -> MaskPrediction:
        """The answer from afar, or from close by where that shows more."""
        if isinstance(embedding, PictureEmbedding):
            found = self.model.sketch(embedding, asked).cpu().numpy()
            piece = self._piece(embedding, question, found)
            while piece is not None:
                near = self._from_near(embedding, question, piece, found)
                if not piece.frame.cuts(near.masks[0]):
                    return self._uncut(embedding, asked, near, piece.frame)
                piece = self._wider(embedding, question, piece.frame, near.masks[0])
        return self.model.at_full_size(embedding, self.model.answer(embedding, asked))

    def _uncut(
        self, embedding: ImageEmbedding, asked: Asked, near: MaskPrediction, frame: Frame
    ) -> MaskPrediction:
        """An answer from close by without candidates that the piece cuts off.

        The whole picture's that are most like them take their places.
        """
        cut_off = [n for n, mask in enumerate(near.masks) if frame.cuts(mask)]
        if not cut_off:
            return near
        afar = self.model.at_full_size(embedding, self.model.candidates(embedding, asked))
        masks, logits = near.masks.copy(), near.logits.copy()
        for number in cut_off:
            alike = [_overlap(near.masks[number], mask, frame) for mask in afar.masks]
            masks[number] = afar.masks[int(np.argmax(alike))]
            logits[number] = afar.logits[int(np.argmax(alike))]
        return MaskPrediction(masks, near.scores, logits)

    def _from_near(
        self,
        embedding: ImageEmbedding,
        question: Prompt,
        piece: Piece,
        from_afar: Float[np.ndarray, "s s"] | None = None,
    ) -> MaskPrediction:
        frame, shape = piece.frame, embedding.image_size
        earlier = None if from_afar is None else cut(from_afar, frame, shape)
        (asked,) = self.model.ask_all(piece.embedding, [within(question, frame, shape)])
        near = self.model.answer(piece.embedding, asked, earlier)
        answer = self.model.at_full_size(piece.embedding, near)
        masks = np.zeros((len(answer.masks), *shape), bool)
        masks[(slice(None), *frame.window)] = answer.masks
        logits = np.stack([pasted(one, frame, shape) for one in answer.logits])
        return MaskPrediction(masks, answer.scores, logits)

    def _piece_of(self, embedding: ImageEmbedding, question: Prompt) -> Piece | None:
        """The piece for a correction of what was found in it; the look from afar is spared."""
        if not isinstance(embedding, PictureEmbedding) or question.multimask:
            return None
        if question.logits is None or question.box is not None:
            return None
        corners = corners_of(question.logits > 0)
        if corners is None:
            return None
        corners *= max(embedding.image_size) / len(question.logits)
        ends = np.concatenate([corners.reshape(2, 2), question.point_array(OBJECT)])
        wanted = frame_around(ends, embedding.image_size)
        fitting = (p for p in embedding.pieces if wanted and serves(p.frame, wanted, ends))
        return next(fitting, None)

    def _piece(
        self, embedding: PictureEmbedding, question: Prompt, found: Float[np.ndarray, "s s"]
    ) -> Piece | None:
        """Where to look closer, unless the object is large or nowhere."""
        corners: Float[np.ndarray, " 4"] | None
        if question.box is not None:
            corners = question.box_array()
        else:
            corners = corners_of(found > 0)
            if corners is None:
                return None
            corners *= max(embedding.image_size) / max(embedding.input_size)
        ends = np.concatenate([corners.reshape(2, 2), question.point_array(OBJECT)])
        return self._piece_around(embedding, question, ends)

    def _wider(
        self,
        embedding: PictureEmbedding,
        question: Prompt,
        frame: Frame,
        mask: Bool[np.ndarray, "h w"],
    ) -> Piece | None:
        """Where to look again when a piece cut off what was found in it; None for the picture."""
        corners = corners_of(mask)
        if corners is None:
            return None
        ends = np.concatenate([corners.reshape(2, 2), question.point_array(OBJECT)])
        piece = self._piece_around(embedding, replace(question, box=None), ends)
        return piece if piece is not None and piece.frame.side > frame.side else None

    def _piece_around(
        self, embedding: PictureEmbedding, question: Prompt, ends: Float[np.ndarray, "n 2"]
    ) -> Piece | None:
        """A known or a new piece around what an object reaches to; None where it is large."""
        frame = frame_around(ends, embedding.image_size)
        if frame is None:
            return None
        for known in embedding.pieces:
            if serves(known.frame, frame, ends, exactly=question.box is not None):
                return known
        rows, columns = frame.window
        relief = None if embedding.relief is None else embedding.relief.cropped(rows, columns)
        picture = np.ascontiguousarray(embedding.picture[rows, columns])
        piece = Piece(frame, self.model.embed(picture, relief))
        embedding.pieces[:] = [*embedding.pieces[1 - PIECES_KEPT :], piece]
        return piece


def _overlap(one: Bool[np.ndarray, "h w"], other: Bool[np.ndarray, "h w"], frame: Frame) -> float:
    """Intersection over union of two masks within a piece."""
    a, b = one[frame.window], other[frame.window]
    return np.count_nonzero(a & b) / max(1, np.count_nonzero(a | b))


def serves(
    known: Frame, wanted: Frame, ends: Float[np.ndarray, "n 2"], *, exactly: bool = False
) -> bool:
    """Whether a piece does in place of the wanted one.

    Args:
        ends: what it has to contain.
        exactly: the object's place is given, not guessed; then another piece answers worse.
    """
    low, high = SAME_SIZE
    if exactly:
        return known == wanted
    return bool(known.contains(ends).all()) and low < known.side / wanted.side < high
