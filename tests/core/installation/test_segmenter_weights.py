"""Weights of segmenters: downloaded from a server on this machine, or out of an engine pack."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sa3d_blender.core import segmenters
from sa3d_blender.core.background import BackgroundTask, Progress, Watch
from sa3d_blender.core.errors import Cancelled, UserError
from sa3d_blender.core.installation import downloads
from sa3d_blender.core.installation.downloads import partial
from sa3d_blender.core.installation.segmenter_weights import (
    download_weights,
    downloaded_weights,
    get_beside_engine,
    has_weights,
    partial_weights,
    remove_weights,
    weights_path,
)
from sa3d_blender.core.remote_file import RemoteFile
from sa3d_blender.core.segmenters import SEGMENTERS, downloadable
from tests.support.file_server import FileServer, serving

DATA = bytes(range(256)) * 8000


OFFICIAL = (
    "https://dl.fbaipublicfiles.com/segment_anything/sam_vit_",
    "https://raw.githubusercontent.com/ChaoningZhang/MobileSAM/f706ad9c4eb7f219c00d9050e46328518",
)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setattr(downloads, "PAUSE", 0.0)
    with serving() as running:
        for name, file in (("vit_b", "sam_vit_b_01ec64.pth"), ("mobile_sam", "mobile_sam.pt")):
            running.files[file] = DATA
            weights = RemoteFile(running.url(file), hashlib.sha256(DATA).hexdigest(), len(DATA))
            monkeypatch.setitem(SEGMENTERS, name, replace(SEGMENTERS[name], weights=weights))
        yield running


@pytest.mark.parametrize("spec", downloadable(), ids=lambda spec: spec.name)
def test_what_is_downloaded_is_pinned_and_stated(spec: segmenters.SegmenterSpec) -> None:
    assert spec.weights is not None
    assert spec.weights.url.startswith(OFFICIAL)
    assert re.fullmatch("[0-9a-f]{64}", spec.weights.sha256)
    assert re.fullmatch(r"[\d.]+ [MG]B to download, [\d.]+ [MG]B memory", spec.costs)


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


def test_names_without_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="mobile_sam, vit_b, vit_l, vit_h"):
        download_weights(tmp_path, "../evil", Watch())
    with pytest.raises(UserError, match="come with the add-on"):
        download_weights(tmp_path, "bundled", Watch())


def test_only_whole_files_count_as_downloaded(server: FileServer, tmp_path: Path) -> None:
    assert downloaded_weights(tmp_path / "none") == {}
    path = download_weights(tmp_path, "mobile_sam", Watch())
    weights_path(tmp_path, "vit_b").write_bytes(DATA[:-1])
    assert downloaded_weights(tmp_path) == {"mobile_sam": str(path)}


def test_they_come_with_the_engine(server: FileServer, tmp_path: Path) -> None:
    watch = Watch()
    get_beside_engine(tmp_path, "mobile_sam", None, watch)
    assert has_weights(tmp_path, "mobile_sam")
    get_beside_engine(tmp_path, "mobile_sam", None, watch)
    assert server.starts == [0]
    assert watch.note == ""


def test_the_engine_is_set_up_without_them_when_they_cannot_be_had(
    server: FileServer, tmp_path: Path
) -> None:
    del server.files["mobile_sam.pt"]

    def work(watch: Watch) -> str:
        get_beside_engine(tmp_path, "mobile_sam", None, watch)
        return "engine"

    task = BackgroundTask("Setting the engine up", work)
    assert task.wait() == "engine"
    assert "MobileSAM is not here: 127.0.0.1 does not give out mobile_sam.pt" in task.note
    assert "the bundled segmenter works" in task.note
    server.files["mobile_sam.pt"] = DATA[::-1]
    watch = Watch()
    get_beside_engine(tmp_path, "mobile_sam", None, watch)
    assert "arrived damaged" in watch.note
    assert list(tmp_path.iterdir()) == []


def test_a_stop_stops_them_too_and_the_next_time_goes_on(
    server: FileServer, tmp_path: Path
) -> None:
    watch = Watch(lambda progress: watch.cancel() if progress.done else None)
    with pytest.raises(Cancelled):
        get_beside_engine(tmp_path, "mobile_sam", None, watch)
    there = partial_weights(tmp_path, "mobile_sam")
    assert 0 < there < len(DATA)
    get_beside_engine(tmp_path, "mobile_sam", None, Watch())
    assert server.starts == [0, there]


def test_an_engine_pack_may_have_them(server: FileServer, tmp_path: Path) -> None:
    pack, folder = tmp_path / "pack", tmp_path / "weights"
    pack.mkdir()
    watch = Watch()
    get_beside_engine(folder, "mobile_sam", pack, watch)
    assert "mobile_sam.pt is not in the engine pack" in watch.note
    (pack / "mobile_sam.pt").write_bytes(DATA[:-1] + b"x")
    get_beside_engine(folder, "mobile_sam", pack, watch)
    assert "mobile_sam.pt is damaged" in watch.note
    assert not has_weights(folder, "mobile_sam")
    (pack / "mobile_sam.pt").write_bytes(DATA)
    get_beside_engine(folder, "mobile_sam", pack, Watch())
    assert weights_path(folder, "mobile_sam").read_bytes() == DATA
    assert server.starts == []
