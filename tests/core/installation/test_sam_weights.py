"""The menu of official weights, and their download from a server on this machine."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sa3d_blender.core.background import Progress, Watch
from sa3d_blender.core.errors import Cancelled, UserError
from sa3d_blender.core.installation import sam_weights
from sa3d_blender.core.installation.downloads import RemoteFile, partial
from sa3d_blender.core.installation.sam_weights import (
    WEIGHTS,
    download_weights,
    has_weights,
    partial_weights,
    remove_weights,
    weights_path,
)
from sa3d_blender.core.settings import SEGMENTERS
from tests.support.file_server import FileServer, serving

DATA = bytes(range(256)) * 8000


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    with serving() as running:
        running.files["sam_vit_b_01ec64.pth"] = DATA
        file = RemoteFile(
            running.url("sam_vit_b_01ec64.pth"), hashlib.sha256(DATA).hexdigest(), len(DATA)
        )
        small = replace(WEIGHTS["vit_b"], file=file)
        monkeypatch.setitem(sam_weights.WEIGHTS, "vit_b", small)
        yield running


def test_every_official_segmenter_can_be_downloaded() -> None:
    assert set(WEIGHTS) == set(SEGMENTERS) - {"bundled"}


@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS)
def test_what_is_downloaded_is_pinned_and_stated(weights: sam_weights.SamWeights) -> None:
    assert weights.file.url.startswith("https://dl.fbaipublicfiles.com/segment_anything/sam_vit_")
    assert re.fullmatch("[0-9a-f]{64}", weights.file.sha256)
    assert re.fullmatch(r"[\d.]+ [MG]B to download, [\d.]+ [MG]B memory", weights.summary)


def test_weights_arrive_and_go(server: FileServer, tmp_path: Path) -> None:
    folder = tmp_path / "Gewichte 猫"
    assert not has_weights(folder, "vit_b")
    seen: list[Progress] = []
    path = download_weights(folder, "vit_b", Watch(seen.append))
    assert path == weights_path(folder, "vit_b")
    assert path.read_bytes() == DATA
    assert has_weights(folder, "vit_b")
    assert seen[-1].factor == 1.0
    assert remove_weights(folder, "vit_b") == len(DATA)
    assert not has_weights(folder, "vit_b")
    assert remove_weights(folder, "vit_b") == 0


def test_a_stopped_download_shows_what_is_there(server: FileServer, tmp_path: Path) -> None:
    watch = Watch(lambda progress: watch.cancel() if progress.done else None)
    with pytest.raises(Cancelled):
        download_weights(tmp_path, "vit_b", watch)
    assert not has_weights(tmp_path, "vit_b")
    there = partial_weights(tmp_path, "vit_b")
    assert 0 < there < len(DATA)
    download_weights(tmp_path, "vit_b", Watch())
    assert server.starts == [0, there]
    assert partial_weights(tmp_path, "vit_b") == 0


def test_other_weights_on_the_server_are_never_used(server: FileServer, tmp_path: Path) -> None:
    server.files["sam_vit_b_01ec64.pth"] = DATA[::-1]
    with pytest.raises(UserError, match="damaged"):
        download_weights(tmp_path, "vit_b", Watch())
    assert list(tmp_path.iterdir()) == []


def test_removing_takes_the_unfinished_download_too(tmp_path: Path) -> None:
    partial(weights_path(tmp_path, "vit_h")).write_bytes(b"half")
    assert remove_weights(tmp_path, "vit_h") == 4


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="vit_b, vit_l, vit_h"):
        download_weights(tmp_path, "../evil", Watch())
