"""The engine behind its pipes: a cancel is obeyed at once, whatever runs or waits."""

from __future__ import annotations

import time
from pathlib import Path

from sa3d_blender.core.connection.messages import CANCELLED
from tests.support.engine_jobs import camera, field, job
from tests.support.pipe_client import Client


def test_cancel_stops_a_render_within_the_view(client: Client, tmp_path: Path) -> None:
    number = client.ask("render", **field(), camera=camera(6000).to_json(), out=str(tmp_path))
    time.sleep(0.3)
    begin = time.perf_counter()
    client.cancel(number)
    answer = client.answer()
    assert answer["id"] == number
    assert answer["error"]["code"] == CANCELLED
    assert time.perf_counter() - begin < 10  # the whole picture takes minutes
    assert list(tmp_path.iterdir()) == []


def test_cancel_stops_a_job_within_one_view(client: Client, tmp_path: Path) -> None:
    out = tmp_path / "out"
    number = client.ask("segment", **job(out, settings={"views": 12, "view_size": 48}))
    while (message := client.next()).get("params", {}).get("n") != 2:
        assert message.get("method") == "progress", message
    client.cancel(number)
    assert client.answer()["error"]["code"] == CANCELLED
    begun = [entry["n"] for entry in client.progress if entry["id"] == number]
    assert max(begun, default=2) < 10, "views that began while the cancel was on its way"
    assert list(out.iterdir()) == []
    assert client.result("segment", **job(out))["objects"]


def test_cancel_of_a_waiting_request(client: Client, tmp_path: Path) -> None:
    first = client.ask("render", **field(), camera=camera(6000).to_json(), out=str(tmp_path))
    second = client.ask("segment", **job(tmp_path / "out"))
    client.cancel(second)
    client.cancel(first)
    answers = [client.answer() for _ in range(2)]
    assert [answer["id"] for answer in answers] == [first, second]
    assert {answer["error"]["code"] for answer in answers} == {CANCELLED}
