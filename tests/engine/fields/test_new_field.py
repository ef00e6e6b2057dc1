"""A new kind of field is one entry and one folder: the rest finds it by itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from sa3d_blender.core.errors import UserError
from sa3d_blender.core.field_kinds import CHECKPOINT_EXTENSIONS, FIELD_KINDS, FieldKind
from sa3d_blender.core.setting import described
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine import fields
from sa3d_blender.engine.commands import cli
from sa3d_blender.engine.fields.family import Family
from sa3d_blender.engine.fields.files.checkpoint_file import Checkpoint
from sa3d_blender.engine.fields.files.chosen_file import ChosenFile
from sa3d_blender.engine.run import Run
from tests.support.made_up_fields import PaintedBall

MAGIC = b"TOY1"
CPU = torch.device("cpu")


class ToyField(PaintedBall):
    """A painted ball, as large as its file says."""

    family = "toy"

    def __init__(self, radius: float) -> None:
        self.radius = radius

    def info(self) -> dict[str, object]:
        """Its facts."""
        return {"family": self.family, "radius": self.radius}


def open_toy(chosen: ChosenFile) -> Checkpoint | None:
    """The ball's radius."""
    if not chosen.head.startswith(MAGIC):
        return None
    return Checkpoint(chosen.path, float(chosen.head[len(MAGIC) :]))


def load(
    checkpoint: Checkpoint, options: FieldOptions, *, device: torch.device, run: Run
) -> ToyField:
    """The ball."""
    return ToyField(checkpoint.data)


def note_beside(path: Path) -> tuple[Path, ...]:
    """A note about the ball."""
    return (path.with_suffix(".note"),)


@pytest.fixture
def ball(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of the new kind."""
    module = ModuleType(f"{fields.__name__}.toy.field")
    module.FAMILY = Family(open=open_toy, load=load, side_files=note_beside)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(FIELD_KINDS, "toy", FieldKind("toy", "Toys", (".toy",)))
    path = tmp_path / "ball"
    path.write_bytes(MAGIC + b"0.25")
    return path


def test_it_is_opened_by_its_content(ball: Path, capsys: pytest.CaptureFixture[str]) -> None:
    field = fields.load_field(ball, FieldOptions(), device=CPU)
    assert isinstance(field, ToyField)
    assert field.radius == 0.25
    assert cli.main(["info", str(ball)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["title"], facts["radius"]) == ("Toys", 0.25)


def test_what_it_does_not_offer_is_told_by_its_name(ball: Path) -> None:
    with pytest.raises(UserError, match="Toys never does") as refused:
        fields.training_cameras(ball)
    assert refused.value.code == "no_cameras"
    with pytest.raises(UserError) as refused:
        fields.read_mask_grids(ball)
    assert refused.value.code == "no_masks"


def test_a_change_beside_it_is_noticed(ball: Path) -> None:
    before = fields.file_stamps(ball)
    note_beside(ball)[0].write_text("round")
    assert fields.file_stamps(ball) != before


def test_sentences_name_it(ball: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pt"
    torch.save({"something": "else"}, other)
    with pytest.raises(UserError, match=r"Plenoxels, Toys\)"):
        fields.load_field(other, FieldOptions(), device=CPU)


def test_the_file_browser_shows_every_kind() -> None:
    for kind in FIELD_KINDS.values():
        assert set(kind.endings) <= set(CHECKPOINT_EXTENSIONS)
        assert (Path(fields.__file__).parent / kind.name / "field.py").is_file()


def test_the_panel_offers_options_that_there_are() -> None:
    named = {name for kind in FIELD_KINDS.values() for name in kind.own_options}
    assert "voxels_per_step" in named
    assert named <= set(described(FieldOptions))
