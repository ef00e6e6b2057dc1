"""A field is known again by its facts, and another one is told from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sa3d_blender.core.errors import UserError
from sa3d_blender.engine.mask_grids.field_facts import FieldFacts, check_same_field, field_facts
from tests.support.made_up_fields import BallOnPlate, PaintedBall

FILE = Path("neu 新.th")


class Inexact(PaintedBall):
    """The ball as other arithmetic has it."""

    box = PaintedBall.box * 1.001

    def density(self, points: torch.Tensor) -> torch.Tensor:
        """A few percent off, this way and that."""
        return super().density(points) * (1 + 0.03 * torch.sin(100 * points[:, 0]))


class Wider(PaintedBall):
    """The same in another box."""

    box = PaintedBall.box * torch.tensor([1.0, 1.0, 1.2])


class Empty(PaintedBall):
    """Nothing anywhere."""

    def density(self, points: torch.Tensor) -> torch.Tensor:
        """None."""
        return torch.zeros(len(points))


@pytest.mark.parametrize("field", [PaintedBall(), Inexact()])
def test_the_same_field_is_known_again(field: PaintedBall, tmp_path: Path) -> None:
    known = field_facts(PaintedBall())
    check_same_field(known, field, FILE)
    np.savez(tmp_path / "facts.npz", **known.arrays())
    with np.load(tmp_path / "facts.npz", allow_pickle=False) as data:
        check_same_field(FieldFacts.read(known.names(), data), field, FILE)
    check_same_field(None, field, FILE)
    check_same_field(field_facts(Empty()), Empty(), FILE)


@pytest.mark.parametrize(
    ("field", "difference"),
    [(Wider(), "its box"), (BallOnPlate(), "its density"), (Empty(), "its density")],
)
def test_another_field_is_told(field: PaintedBall, difference: str) -> None:
    with pytest.raises(UserError, match=difference) as caught:
        check_same_field(field_facts(PaintedBall()), field, FILE)
    assert caught.value.code == "other_field"
    assert str(FILE) in str(caught.value)


@pytest.mark.parametrize("wrong", [{"field_box": np.zeros(6)}, {"field_density": np.zeros(3)}])
def test_facts_of_another_shape_are_no_facts(wrong: dict[str, np.ndarray]) -> None:
    known = field_facts(PaintedBall())
    with pytest.raises(ValueError, match="another shape"):
        FieldFacts.read(known.names(), known.arrays() | wrong)
