"""The engine as a process: what libraries print, the end of stdin, and how it ends itself."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tests.support.engine_jobs import TESTS, job
from tests.support.pipe_client import PATIENCE, Client


def test_libraries_prints_and_the_end_of_stdin(tmp_path: Path) -> None:
    """A real process: prints stay off the wire; it ends with its stdin, in the middle of a job."""
    block = tmp_path / "block"
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(TESTS / "scripted_engine.py"), str(block)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    try:
        client = Client(process.stdout, process.stdin)
        assert client.result("predict", **job(tmp_path / "first"))["objects"]
        block.touch()
        client.ask("segment", **job(tmp_path / "second"))
        while client.next()["params"]["stage"] != "view":
            pass
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
    assert client.lines.empty()
    printed = (tmp_path / "log").read_text()
    assert "Loading weights" in printed
    assert "from C" in printed
    assert "from a child" in printed
    assert list((tmp_path / "second").iterdir()) == []


def test_how_the_process_ends(tmp_path: Path) -> None:
    """While its reader waits for the next line: when it was told to, and by Ctrl+C."""
    for code in (0, 130):
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "sa3d_blender.engine", "serve", "--device", "cpu"],
                cwd=TESTS.parent,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                # A shell's background jobs, such as these tests in one, are deaf to Ctrl+C.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        try:
            client = Client(process.stdout, process.stdin)
            assert client.result("hello")
            if code:
                process.send_signal(signal.SIGINT)
            else:
                assert client.result("shutdown") == {}
            assert process.wait(PATIENCE) == code, (tmp_path / "log").read_text()
        finally:
            process.kill()
            process.wait()
