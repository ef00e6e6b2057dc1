"""Small objects are looked at twice, and the second answer lands where it belongs."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch.nn.functional import interpolate

from sa3d_blender.core.prompts import Prompt
from sa3d_blender.engine.rendering.relief import Relief
from sa3d_blender.engine.segmenters.closer_look import CloserLook
from sa3d_blender.engine.segmenters.picture_pieces import (
    NOT_SEEN,
    Frame,
    corners_of,
    cut,
    frame_around,
    pasted,
)
from sa3d_blender.engine.segmenters.promptable import Answer, Asked, PromptableModel
from sa3d_blender.engine.segmenters.protocol import ImageEmbedding, MaskPrediction

LOGITS = 40


class Stencil(PromptableModel):
    """Answers with what is white in the picture; remembers what it was shown and asked."""

    def __init__(self) -> None:  # a model without networks
        self.name = "stencil"
        self.shown: list[np.ndarray] = []
        self.asked: list[Prompt] = []
        self.told: list[np.ndarray | None] = []

    def embed(self, image: np.ndarray, relief: Relief | None = None) -> ImageEmbedding:
        """Keeps the number of the picture as its features."""
        self.shown.append(image)
        number = torch.full((1, 1, 1, 1), float(len(self.shown) - 1))
        return ImageEmbedding(number, image.shape[:2], image.shape[:2])

    def ask_all(self, embedding: ImageEmbedding, prompts: Sequence[Prompt]) -> list[Asked]:
        """What is white, what is white, everything, and nothing."""
        return [self._asked(embedding, prompt) for prompt in prompts]

    def _asked(self, embedding: ImageEmbedding, prompt: Prompt) -> Asked:
        self.asked.append(prompt)
        white = torch.from_numpy(self.shown[int(embedding.features)][..., 0] > 128)
        masks = torch.stack([white, white, torch.ones_like(white), torch.zeros_like(white)])
        count = 4 if prompt.multimask else 1
        scores = torch.tensor([0.9, 0.9, 0.5, 0.4])
        return Asked(torch.where(masks, 3.0, -3.0)[:count], scores[:count], None, None)

    def sketch(self, embedding: ImageEmbedding, asked: Asked) -> torch.Tensor:
        """What is white."""
        return asked.low[0]

    def answer(
        self, embedding: ImageEmbedding, asked: Asked, earlier: np.ndarray | None = None
    ) -> Answer:
        """Remembers what it was told."""
        self.told.append(earlier)
        first = min(1, len(asked.low) - 1)
        low = interpolate(asked.low[None, first:], (LOGITS, LOGITS), mode="nearest")[0]
        return Answer(asked.low[first:], asked.scores[first:], low)

    def candidates(self, embedding: ImageEmbedding, asked: Asked) -> Answer:
        """All of them."""
        low = interpolate(asked.low[None], (LOGITS, LOGITS), mode="nearest")[0]
        return Answer(asked.low, asked.scores, low)

    def at_full_size(self, embedding: ImageEmbedding, answer: Answer) -> MaskPrediction:
        """Its pixels are the picture's."""
        return MaskPrediction((answer.drawn > 0).numpy(), answer.scores.numpy(), answer.low.numpy())


def picture(side: int, square: slice) -> np.ndarray:
    image = np.zeros((side, side, 3), np.uint8)
    image[square, square] = 255
    return image


def click(x: float, y: float, *more: tuple[float, float, int]) -> Prompt:
    return Prompt().with_clicks([(x, y, 1), *more])


def test_small_object_is_encoded_alone_and_its_mask_put_back() -> None:
    model = Stencil()
    look = CloserLook(model)
    image = picture(200, slice(50, 70))
    (answer,) = look.predict(look.embed(image), [click(60, 60)])
    assert [p.shape[:2] for p in model.shown] == [(200, 200), (50, 50)]
    assert np.array_equal(answer.masks[0], image[..., 0] > 128)
    near = model.asked[1].points
    assert np.allclose(near, [[60 - 35, 60 - 35]])


def test_the_second_look_is_told_what_the_first_found() -> None:
    model = Stencil()
    look = CloserLook(model)
    look.predict(look.embed(picture(200, slice(50, 70))), [click(60, 60)])
    assert len(model.told) == 1
    assert np.isclose((np.asarray(model.told[0]) > 0).mean(), (20 / 50) ** 2, atol=0.02)


def test_large_object_and_empty_answer_are_looked_at_once() -> None:
    for image in (picture(200, slice(50, 130)), picture(200, slice(0, 0))):
        model = Stencil()
        look = CloserLook(model)
        (answer,) = look.predict(look.embed(image), [click(90, 90)])
        assert len(model.shown) == 1
        assert len(answer.masks) == 3


def test_further_prompts_about_the_object_use_the_same_piece() -> None:
    model = Stencil()
    look = CloserLook(model)
    embedding = look.embed(picture(200, slice(50, 70)))
    (first,) = look.predict(embedding, [click(60, 60)])
    more = click(60, 60, (65, 65, 1), (150, 20, 0))
    look.predict(embedding, [replace(more, logits=first.logits[0], multimask=False)])
    assert len(model.shown) == 2
    assert len(model.asked) == 3, "a correction needs no look from afar"
    assert len(model.asked[-1].points) == 2, "the click outside the piece is left out"
    assert model.asked[-1].logits.shape == (LOGITS, LOGITS)
    look.predict(embedding, [Prompt(box=(50.0, 50.0, 70.0, 70.0), multimask=False)])
    assert len(model.shown) == 2
    assert np.allclose(model.asked[-1].box, [15, 15, 35, 35])
    look.predict(embedding, [click(60, 60, (160, 160, 1))])
    assert len(model.shown) == 2, "clicks far apart mean a large object"


def test_frame_stays_in_the_picture() -> None:
    assert frame_around(np.array([[0.0, 90.0], [14.0, 100.0]]), (100, 300)) == Frame(0, 65, 35)
    assert frame_around(np.array([[0.0, 0.0], [40.0, 10.0]]), (100, 300)) is None
    assert corners_of(np.zeros((3, 3), bool)) is None
    mask = np.zeros((5, 6), bool)
    mask[1:3, 2] = True
    assert np.array_equal(corners_of(mask), [2, 1, 3, 3])


def test_logits_of_a_piece_of_a_wide_picture() -> None:
    frame = Frame(left=100, top=50, side=50)
    shape = (100, 200)
    whole = pasted(np.full((LOGITS, LOGITS), 2.0, np.float32), frame, shape)
    expected = np.full((LOGITS, LOGITS), NOT_SEEN, np.float32)
    expected[10:20, 20:30] = 2.0
    assert np.array_equal(whole, expected)
    assert np.allclose(cut(whole, frame, shape), 2.0)


def test_piece_of_a_relief_has_the_same_normals() -> None:
    rows, columns = np.mgrid[0:60, 0:80] + 0.5
    relief = Relief(0.3 + 0.002 * (columns - 40) + 0.001 * (rows - 30), (50.0, 60.0), (40.0, 30.0))
    part = (slice(10, 40), slice(30, 60))
    whole, piece = relief.channels()[:, *part], relief.cropped(*part).channels()
    inner = (slice(0, 3), slice(5, -5), slice(5, -5))
    assert np.allclose(whole[inner], piece[inner], atol=1e-5)


class Farsighted(Stencil):
    """From afar sees only what is very bright, from close by what is grey, too."""

    def _asked(self, embedding: ImageEmbedding, question: Prompt) -> Asked:
        asked = super()._asked(embedding, question)
        picture = self.shown[int(embedding.features)][..., 0]
        seen = torch.from_numpy(picture > (250 if len(picture) == 400 else 100))
        asked.low[:2] = torch.where(seen, 3.0, -3.0)[None]
        return asked


def barred(left: int, right: int) -> np.ndarray:
    """A grey bar with a bright spot in a picture of 400 pixels."""
    image = np.zeros((400, 400, 3), np.uint8)
    image[190:210, left:right] = 150
    image[190:210, 190:210] = 255
    return image


def test_a_piece_that_cuts_the_object_off_is_widened() -> None:
    """The bright spot's piece is 50 pixels wide; the bar is 60 long, and is found whole."""
    model = Farsighted()
    look = CloserLook(model)
    image = barred(170, 230)
    (answer,) = look.predict(look.embed(image), [click(200, 200)])
    assert [p.shape[:2] for p in model.shown] == [(400, 400), (50, 50), (125, 125)]
    assert np.array_equal(answer.masks[0], image[..., 0] > 100)


def test_where_no_piece_is_wide_enough_the_picture_answers() -> None:
    model = Farsighted()
    look = CloserLook(model)
    embedding = look.embed(barred(20, 380))
    (answer,) = look.predict(embedding, [click(200, 200)])
    assert [len(p) for p in model.shown] == [400, 50, 125]
    assert np.array_equal(answer.masks[0], model.shown[0][..., 0] > 250)
    assert not any(piece.frame.cuts(answer.masks[0]) for piece in embedding.pieces)


def test_a_correction_that_grows_out_of_its_piece_is_asked_from_afar() -> None:
    model = Farsighted()
    look = CloserLook(model)
    embedding = look.embed(barred(170, 230))
    look.predict(embedding, [click(200, 200)])
    spot = np.full((LOGITS, LOGITS), -3.0, np.float32)
    spot[19:21, 19:21] = 3.0
    more = replace(click(200, 200, (204, 200, 1)), logits=spot, multimask=False)
    (grown,) = look.predict(embedding, [more])
    assert np.array_equal(grown.masks[0], barred(170, 230)[..., 0] > 100)


def test_other_candidates_are_not_cut_off_either() -> None:
    """The one that is everything fills the piece; it comes from the whole picture instead."""
    model = Stencil()
    look = CloserLook(model)
    (answer,) = look.predict(look.embed(picture(200, slice(50, 70))), [click(60, 60)])
    assert len(model.shown) == 2
    assert answer.masks[1].all()


def test_a_piece_at_the_edge_of_the_picture_ends_where_the_picture_does() -> None:
    image = picture(200, slice(0, 20))
    model = Stencil()
    look = CloserLook(model)
    (answer,) = look.predict(look.embed(image), [click(10, 10)])
    assert len(model.shown) == 2
    assert np.array_equal(answer.masks[0], image[..., 0] > 128)
