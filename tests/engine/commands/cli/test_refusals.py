"""One sentence for every option and every prompt that cannot be used."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sa3d_blender.engine.commands import cli, loaded
from tests.support.cli_runs import (
    APE,
    BOX,
    CAMERAS,
    SIZE,
    SKY,
    Refused,
    names,
    segment_command,
    write_prompts,
)
from tests.support.scripted_segmenter import ScriptedSegmenter


@pytest.mark.parametrize(
    ("point", "sentence"),
    [
        ([200.5, 50], "outside the 200x200 picture"),
        ([-1, 50], "outside the 200x200 picture"),
        ([float("nan"), 50], "outside the 200x200 picture"),
        (SKY, "empty background"),
    ],
)
def test_bad_prompts(
    folder: Path, tmp_path: Path, refused: Refused, point: list[float], sentence: str
) -> None:
    prompts = write_prompts(tmp_path / "p.json", **{APE: point})
    said = refused(*segment_command(folder, tmp_path / "out", prompts=prompts))
    assert sentence in said
    assert APE in said
    assert names(tmp_path / "out") == set()


class Forgetful(ScriptedSegmenter):
    """Finds nothing any more once it was asked about a view so many times."""

    def __init__(self, finds: int) -> None:
        super().__init__()
        self.finds = finds
        self.asked: Counter[int] = Counter()

    def answer(self, embedding: Any, prompt: Any) -> Any:
        answer = super().answer(embedding, prompt)
        view = int(embedding.features)
        self.asked[view] += prompt.logits is None  # more clicks come with the answer so far
        if view > 0 or self.asked[view] > self.finds:
            answer.masks[:] = False
        return answer


@pytest.mark.parametrize("finds", [1, 0])
def test_a_run_ends_with_its_best_estimate(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finds: int
) -> None:
    """Even where no view agrees, and where the segmenter finds nothing at all."""
    forgetful = Forgetful(finds)
    monkeypatch.setattr(loaded, "load_segmenter", lambda *_args, **_options: forgetful)
    prompts = write_prompts(tmp_path / "p.json", crate=BOX)
    command = segment_command(folder, tmp_path / "out", prompts=prompts)
    assert cli.main([str(word) for word in command]) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    (crate,) = report["objects"]
    assert crate["faces"] > 0
    assert crate["confidence"] == 0
    assert "'crate' is" in crate["note"]


@pytest.mark.parametrize("size", ["0x0", "0x100", "-5x5", "20000x20000"])
@pytest.mark.parametrize("command", ["render", "segment"])
def test_impossible_sizes(
    folder: Path, tmp_path: Path, refused: Refused, command: str, size: str
) -> None:
    out = tmp_path / "out"
    if command == "render":
        arguments = ["render", folder / "模型 ä.th", "--cameras", CAMERAS, "--out", out]
    else:
        arguments = segment_command(folder, out)
    said = refused(*arguments, f"--size={size}")
    assert f"{size} pixels cannot be rendered; choose a size" in said
    assert not out.exists()


def test_cameras_that_cannot_be_used(folder: Path, tmp_path: Path, refused: Refused) -> None:
    render = ["render", folder / "模型 ä.th", "--out", tmp_path / "out"]
    assert "no camera file" in refused(*render, "--cameras", tmp_path / "nö.json", *SIZE)
    assert "give the size" in refused(*render, "--cameras", CAMERAS)
    said = refused(*render, "--cameras", CAMERAS, *SIZE, "--frames", "2,8")
    assert "no frame 8; it has frames 0 to 7" in said
    command = segment_command(folder, tmp_path / "out")
    assert "no frame 12" in refused(*command, "--frame", "12")
    assert names(tmp_path) == set()


def test_prompts_that_cannot_be_used(folder: Path, tmp_path: Path, refused: Refused) -> None:
    path, out = tmp_path / "p.json", tmp_path / "out"
    command = segment_command(folder, out, prompts=path)
    assert "There is no prompt file" in refused(*command)
    path.write_text("{")
    assert "is not JSON" in refused(*command)
    write_prompts(path, **{"../mug": BOX})
    assert "cannot be an object's name" in refused(*command)
    assert not out.exists()


@pytest.mark.parametrize(
    "option",
    ["--views=0", "--views=-3", "--view-size=0", "--resolution=0", "--max-faces=0"],
)
def test_impossible_settings_are_refused_before_the_work(
    folder: Path, tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.setattr(loaded, "load_field", None)
    assert "choose a whole number from" in refused(
        *segment_command(folder, tmp_path / "out"), option
    )
    assert names(tmp_path) == set()


@pytest.mark.parametrize("option", ["--size=wide", "--size=10", "--frames=a,b"])
def test_options_that_are_no_numbers(
    folder: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["render", "x.th", "--cameras", "c.json", "--out", "o", option])
    assert ended.value.code == 2
    assert " like " in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["fly"],
        ["info"],
        ["info", "a.th", "--device", "abacus"],
        ["segment", "a.th", "--cameras", "c.json", "--prompts", "p.json"],
        ["segment", "a.th", "--views", "many"],
        ["mesh", "r.npz", "--out", "m.glb", "--colour"],
    ],
)
def test_commands_that_cannot_be_read(
    capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(command)
    said = capsys.readouterr()
    assert (ended.value.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert said.err.startswith("sa3d: ")
    assert said.err.endswith(" --help.\n")


def test_prompt_outside_the_picture(folder: Path, tmp_path: Path, refused: Refused) -> None:
    picture = tmp_path / "small.png"
    Image.new("RGB", (64, 64)).save(picture)
    command = ["mask", picture, "--prompts", folder / "Klicks ü.json", "--out", tmp_path / "out"]
    assert "outside the 64x64 picture" in refused(*command)
    assert not (tmp_path / "out").exists()
