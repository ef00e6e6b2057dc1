"""Downloads over a good, a bad and an evil connection."""

from __future__ import annotations

import errno
import hashlib
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sa3d_blender.core.background import BackgroundTask, Watch
from sa3d_blender.core.errors import Cancelled, UserError
from sa3d_blender.core.installation import downloads
from sa3d_blender.core.installation.downloads import download, partial, partial_bytes
from sa3d_blender.core.remote_file import RemoteFile
from tests.support.file_server import FileServer, serving

DATA = random.Random(3).randbytes(3_000_000)
NAME = "weights%2Bb.pth"


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "PAUSE", 0.0)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as running:
        running.files[NAME] = DATA
        yield running


@pytest.fixture
def file(server: FileServer) -> RemoteFile:
    return RemoteFile(server.url(NAME), hashlib.sha256(DATA).hexdigest(), len(DATA))


@pytest.fixture
def target(tmp_path: Path, file: RemoteFile) -> Path:
    return tmp_path / "Käse 猫" / file.name


def refusal(file: RemoteFile, target: Path) -> UserError:
    with pytest.raises(UserError) as caught:
        download(file, target, Watch())
    return caught.value


def test_a_file_arrives_whole(file: RemoteFile, target: Path) -> None:
    seen: list[int] = []
    download(file, target, Watch(), report=seen.append)
    assert target.name == "weights+b.pth"
    assert target.read_bytes() == DATA
    assert seen == sorted(seen)
    assert seen[-1] == len(DATA)
    assert not partial(target).exists()


def test_a_file_that_is_there_is_not_fetched_again(
    file: RemoteFile, target: Path, server: FileServer
) -> None:
    download(file, target, Watch())
    download(file, target, Watch())
    assert server.starts == [0]


def test_a_damaged_file_that_is_there_is_replaced(file: RemoteFile, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(DATA[:-1] + b"?")
    download(file, target, Watch())
    assert target.read_bytes() == DATA


@pytest.mark.parametrize("tells_length", [True, False])
def test_it_goes_on_where_the_connection_was_cut(
    file: RemoteFile, target: Path, server: FileServer, tells_length: bool
) -> None:
    server.tells_length = tells_length
    server.cut_after = [1_000_000, 500_000]
    download(file, target, Watch())
    assert server.starts == [0, 1_000_000, 1_500_000]
    assert target.read_bytes() == DATA


def test_it_goes_on_after_a_restart_of_the_program(
    file: RemoteFile, target: Path, server: FileServer
) -> None:
    target.parent.mkdir()
    partial(target).write_bytes(DATA[:2_000_000])
    download(file, target, Watch())
    assert server.starts == [2_000_000]


def test_a_server_without_ranges_starts_over(
    file: RemoteFile, target: Path, server: FileServer
) -> None:
    server.knows_ranges = False
    server.cut_after = [1_000_000]
    download(file, target, Watch())
    assert server.starts == [0, 0]
    assert target.read_bytes() == DATA


def test_an_unknown_size_is_taken_from_the_server(
    file: RemoteFile, target: Path, server: FileServer
) -> None:
    server.cut_after = [1_000_000]
    download(RemoteFile(file.url, file.sha256), target, Watch())
    assert target.read_bytes() == DATA


def test_a_whole_partial_of_unknown_size_needs_no_more_bytes(
    file: RemoteFile, target: Path
) -> None:
    target.parent.mkdir()
    partial(target).write_bytes(DATA)
    download(RemoteFile(file.url, file.sha256), target, Watch())
    assert target.read_bytes() == DATA


def test_a_wrong_hash_is_never_used(file: RemoteFile, target: Path) -> None:
    error = refusal(RemoteFile(file.url, "0" * 64, file.size), target)
    assert error.code == "wrong_hash"
    assert not target.exists()
    assert partial_bytes(target) == 0


def test_a_damaged_beginning_is_fetched_again(
    file: RemoteFile, target: Path, server: FileServer
) -> None:
    target.parent.mkdir()
    partial(target).write_bytes(b"?" * 1_000_000)
    download(file, target, Watch())
    assert server.starts == [1_000_000, 0]
    assert target.read_bytes() == DATA


def test_another_file_on_the_server_is_refused_before_it_is_fetched(
    file: RemoteFile, target: Path
) -> None:
    error = refusal(RemoteFile(file.url, file.sha256, 5_000_000), target)
    assert error.code == "not_on_server"
    assert partial_bytes(target) == 0


def test_a_missing_file_is_not_asked_for_again(
    file: RemoteFile, target: Path, server: FileServer
) -> None:
    server.files.clear()
    assert refusal(file, target).code == "not_on_server"


def test_a_busy_server_is_asked_again(file: RemoteFile, target: Path, server: FileServer) -> None:
    server.status = [503, 429]
    download(file, target, Watch())
    assert target.read_bytes() == DATA


def test_what_arrived_is_kept_when_the_connection_is_gone(
    file: RemoteFile, target: Path, server: FileServer
) -> None:
    server.cut_after = [1_000_000] + [0] * downloads.TRIES
    error = refusal(file, target)
    assert error.code == "no_connection"
    assert "127.0.0.1" in str(error)
    assert partial_bytes(target) == 1_000_000


def test_nobody_listens(target: Path) -> None:
    with serving() as gone:
        url = gone.url(NAME)
    assert refusal(RemoteFile(url, "0" * 64), target).code == "no_connection"


def test_a_cancel_stops_it_and_keeps_what_arrived(
    file: RemoteFile, target: Path, server: FileServer
) -> None:
    watch = Watch()

    def stop(there: int) -> None:
        if there:
            watch.cancel()

    with pytest.raises(Cancelled):
        download(file, target, watch, report=stop)
    assert not target.exists()
    assert 0 < partial_bytes(target) < len(DATA)
    download(file, target, Watch())
    assert server.starts[1] > 0


def test_a_silent_connection_counts_as_lost(
    file: RemoteFile, target: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "TIMEOUT", 0.2)
    server.slow = True

    def recover(there: int) -> None:
        if there == 1000:
            server.slow = False

    download(file, target, Watch(), report=recover)
    assert server.starts[:2] == [0, 1000]


def test_too_little_space_is_said_before_anything_is_fetched(
    file: RemoteFile, target: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage(1_000_000))
    error = refusal(file, target)
    assert error.code == "disk_full"
    assert "2 MB" in str(error)
    assert server.starts == []


def test_a_disk_that_fills_up_keeps_what_arrived(
    file: RemoteFile, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.open

    def small_disk(path: Path, *arguments: Any, **options: Any) -> Any:
        stream = real(path, *arguments, **options)
        if path.suffix == ".part" and arguments[0] in ("ab", "wb"):
            return FullDisk(stream)
        return stream

    monkeypatch.setattr(Path, "open", small_disk)
    assert refusal(file, target).code == "disk_full"
    assert partial_bytes(target) > 0
    monkeypatch.undo()
    download(file, target, Watch())


class FullDisk:
    """A file on a disk with room for half the data."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._free = len(DATA) // 2

    def write(self, block: bytes) -> None:
        self._stream.write(block[: self._free])
        self._free -= len(block)
        if self._free < 0:
            raise OSError(errno.ENOSPC, "No space left on device")

    def __enter__(self) -> FullDisk:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()


def test_a_task_reports_from_its_thread_and_hands_over_the_result(
    file: RemoteFile, target: Path
) -> None:
    task = BackgroundTask("Downloading", lambda watch: download(file, target, watch))
    task.wait()
    assert task.state == "done"
    assert target.read_bytes() == DATA


def test_a_task_that_breaks_says_so_in_a_sentence() -> None:
    def work(_watch: Watch) -> None:
        raise RuntimeError("boom")

    task = BackgroundTask("Downloading", work)
    with pytest.raises(UserError, match=r"Downloading failed \(boom\)"):
        task.wait()
    assert task.state == "failed"


def test_a_cancelled_task_ends_as_cancelled() -> None:
    task = BackgroundTask("Waiting", lambda watch: watch.sleep(60))
    task.cancel()
    with pytest.raises(Cancelled):
        task.wait()
    assert task.state == "cancelled"
