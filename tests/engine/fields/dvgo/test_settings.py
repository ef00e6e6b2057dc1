"""DirectVoxGO's distance of samples: from the file, the settings beside it, or the option."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from sa3d_blender.core.errors import UserError
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.protocol import RadianceField
from sa3d_blender.engine.fields.sampling import marching
from tests.support import plain_dvgo
from tests.support.inward_rays import composite, looking_inwards
from tests.support.made_up_dvgo import Tables, make_tables
from tests.support.plain_dvgo import PlainDvgo

Write = Callable[[Tables], Path]
BOUNDED = FieldOptions(scene="bounded")
SAID = """expname = 'dvgo_lego'
fine_train = dict(N_iters=20000)
coarse_model_and_render = dict(stepsize=3.0)
fine_model_and_render = dict(num_voxels=4096000, stepsize=1.25, world_bound_scale=1.05)
"""


def step_said(path: Path, options: FieldOptions = BOUNDED) -> tuple[RadianceField, str]:
    field = load_field(path, options, device=torch.device("cpu"))
    return field, next(note for note in field.notes if "voxels per step" in note)


def test_the_trainings_settings_beside_the_file(
    write_checkpoint: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marching, "MERGED_WEIGHT", 1e-9)
    monkeypatch.setattr(marching, "MERGED_SPAN", 0.0)
    monkeypatch.setattr(plain_dvgo, "STEP_SIZE", 1.25)
    tables = make_tables()
    path, rays = write_checkpoint(tables), looking_inwards(100)
    (path.parent / "config.py").write_text(SAID)
    field, note = step_said(path)
    assert note == "1.25 voxels per step, says config.py beside the file."
    expected, weights, _ = PlainDvgo(tables).bounded(rays.origins, rays.directions)
    image, opacity = composite(field, field.march(rays, with_color=True), len(rays))
    assert float((image - expected).abs().mean()) < 1e-3
    assert float((opacity - weights.sum(dim=1)).abs().mean()) < 1e-3


def test_what_prevails(write_checkpoint: Write) -> None:
    tables = make_tables()
    path = write_checkpoint(tables)
    assert step_said(path)[1].startswith("0.5 voxels per step assumed")
    (path.parent / "config.py").write_text(SAID)
    coarse = path.rename(path.parent / "coarse_last.tar")
    assert step_said(coarse)[1].startswith("3 voxels per step, says config.py")
    told = write_checkpoint(tables | {"render_kwargs": {"stepsize": 0.75}})
    assert step_said(told)[1] == "0.75 voxels per step, says the file."
    wanted = FieldOptions(scene="bounded", voxels_per_step=2.0)
    assert step_said(told, wanted)[1] == "2 voxels per step, as asked for."


@pytest.mark.parametrize("wanted", [0.0, -1.0, float("nan"), 1e9])
def test_a_step_that_is_not_possible(wanted: float, write_checkpoint: Write) -> None:
    with pytest.raises(UserError, match="voxels per step are not possible") as caught:
        step_said(write_checkpoint(make_tables()), FieldOptions(voxels_per_step=wanted))
    assert caught.value.code == "setting"


@pytest.mark.parametrize(
    "text",
    [
        "open('ran', 'w')\nfine_model_and_render = dict(stepsize=open('ran', 'w'))",
        "fine_model_and_render = dict(stepsize='wide')",
        "fine_model_and_render = dict(stepsize=1e99)",
        "fine_model_and_render = dict(stepsize=True)",
        "fine_model_and_render = 5",
        "fine_model_and_render = dict(",
        "(" * 5000,
        "\0",
    ],
)
def test_settings_that_make_no_sense_are_passed_over_and_not_run(
    text: str, write_checkpoint: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_checkpoint(make_tables())
    monkeypatch.chdir(path.parent)
    (path.parent / "config.py").write_text(text)
    assert step_said(path)[1].startswith("0.5 voxels per step assumed")
    assert not (path.parent / "ran").exists()


@pytest.mark.parametrize(("said", "gray"), [("True", 1.0), ("False", 0.0)])
def test_the_background_is_in_the_trainings_settings(
    write_checkpoint: Write, said: str, gray: float
) -> None:
    path = write_checkpoint(make_tables(kind="contracted"))
    cpu = torch.device("cpu")
    assert load_field(path, FieldOptions(), device=cpu).background.tolist() == [0.0] * 3
    (path.parent / "config.py").write_text(f"data = dict(ndc=False, white_bkgd={said})\n")
    field = load_field(path, FieldOptions(), device=cpu)
    assert field.background.tolist() == [gray] * 3
    assert any("says config.py" in note for note in field.notes)
    for asked, wanted in (("white", 1.0), ("black", 0.0)):
        field = load_field(path, FieldOptions(background=asked), device=cpu)
        assert field.background.tolist() == [wanted] * 3


def test_settings_that_say_nothing_of_the_background(write_checkpoint: Write) -> None:
    path = write_checkpoint(make_tables(kind="contracted"))
    for nonsense in ("data = dict(white_bkgd='yes')", "data = 3", "data = dict(white_bkgd=1)"):
        (path.parent / "config.py").write_text(nonsense)
        field = load_field(path, FieldOptions(), device=torch.device("cpu"))
        assert field.background.tolist() == [0.0] * 3
