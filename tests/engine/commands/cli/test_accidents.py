"""What happens to a command on the way: no place to write, Ctrl+C, no memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sa3d_blender.core.errors import UserError
from sa3d_blender.core.files import check_writable
from sa3d_blender.engine.commands import cli, loaded
from tests.support.cli_runs import APE, CAMERAS, SIZE, TINY, Refused, names, segment_command
from tests.support.scripted_segmenter import ScriptedSegmenter


@contextmanager
def full_disk(left: int) -> Iterator[None]:
    """Files cannot grow beyond some bytes."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (left, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_in_the_out_folders_place(
    folder: Path, segmented: Path, tmp_path: Path, refused: Refused
) -> None:
    taken = tmp_path / "besetzt ß"
    taken.write_text("mine")
    picture = tmp_path / "picture.png"
    Image.new("RGB", (200, 200)).save(picture)
    prompts = folder / "Klicks ü.json"
    render = ["render", folder / "模型 ä.th", "--cameras", CAMERAS, *SIZE]
    for out in (taken, taken / "below"):
        for command in (
            segment_command(folder, out),
            [*render, "--out", out],
            ["mask", picture, "--prompts", prompts, "--out", out],
            ["mesh", segmented / "result.npz", "--object", APE, "--out", out / "mesh.glb"],
        ):
            assert "cannot be written" in refused(*command)
    assert taken.read_text() == "mine"
    assert names(tmp_path) == {taken.name, picture.name}


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_full_disk(folder: Path, segmented: Path, tmp_path: Path, refused: Refused) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "result.npz").write_text("older")
    picture = tmp_path / "picture.png"
    Image.effect_noise((200, 200), 50).save(picture)
    prompts = folder / "Klicks ü.json"
    mesh = out / "mesh.ply"
    with full_disk(100):
        for command in (
            segment_command(folder, out),
            ["render", folder / "模型 ä.th", "--cameras", CAMERAS, *SIZE, "--out", out],
            ["mask", picture, "--prompts", prompts, "--out", out],
            ["mesh", segmented / "result.npz", "--object", APE, "--out", mesh, *TINY[-2:]],
        ):
            said = refused(*command)
            assert "cannot be written (File too large); choose another folder" in said
    assert names(out) == {"result.npz"}
    assert (out / "result.npz").read_text() == "older"


def test_a_full_disk_is_noticed_before_the_work(tmp_path: Path) -> None:
    with full_disk(0), pytest.raises(UserError, match="cannot be written"):
        check_writable(tmp_path)
    assert names(tmp_path) == set()


def test_interrupted(
    folder: Path, tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Impatient(ScriptedSegmenter):
        def embed(self, image: np.ndarray, relief: Any = None) -> Any:
            raise KeyboardInterrupt

    monkeypatch.setattr(loaded, "load_segmenter", lambda *_args, **_options: Impatient())
    said = refused(*segment_command(folder, tmp_path / "out"), code=cli.EXIT_CANCELLED)
    assert "Cancelled" in said
    assert names(tmp_path / "out") == set()


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 7 bytes")]
)
def test_not_enough_memory(
    folder: Path,
    tmp_path: Path,
    refused: Refused,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    def fail(*_args: Any, **_options: Any) -> Any:
        raise error

    monkeypatch.setattr(loaded, "load_segmenter", fail)
    said = refused(*segment_command(folder, tmp_path / "out"), code=cli.EXIT_FAILED)
    assert "not enough memory; choose a smaller size" in said
    assert names(tmp_path / "out") == set()
