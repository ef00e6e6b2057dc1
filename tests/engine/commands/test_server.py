"""The engine behind its pipes: every method."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sa3d_blender.core.cameras import Camera
from sa3d_blender.core.connection.messages import PROTOCOL
from sa3d_blender.core.mesh import MeshData
from sa3d_blender.core.point_cloud import PointCloud
from sa3d_blender.engine.commands import session
from sa3d_blender.engine.view_path.prepared_views import PreparedView, prepare_view
from tests.support.engine_jobs import BOX, CHECKPOINT, SCENE, camera, field, job
from tests.support.pipe_client import Client


def test_hello(client: Client) -> None:
    hello = client.result("hello")
    assert hello["protocol"] == PROTOCOL
    assert hello["device"] == "cpu"
    assert "bundled" in hello["segmenters"]
    assert {"version", "python", "torch"} <= set(hello)
    assert hello["memory"].get("process", 1) > 0


def test_it_works_on_after_everything_was_unloaded(client: Client) -> None:
    assert client.result("unload") == {}
    assert client.result("info", checkpoint=str(CHECKPOINT))["family"]
    assert client.result("unload") == {}


def test_info(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "Käse 模型.th"
    path.write_bytes(CHECKPOINT.read_bytes())
    info = client.result("info", **field(path))
    assert info["name"] == "Käse 模型"
    assert info["scene"] == "bounded"
    assert np.array(info["box"]).shape == (2, 3)


def test_render(client: Client, tmp_path: Path) -> None:
    out = tmp_path / "neu 新"
    client.progress.clear()
    result = client.result("render", **field(), camera=camera(40).to_json(), out=str(out))
    last = client.progress[-1]
    assert (last["stage"], last["n"], last["total"]) == ("render", 100, 100)
    image = np.load(result["image"], allow_pickle=False)
    assert (image.shape, image.dtype) == ((40, 40, 3), np.float32)
    assert Path(result["image"]).parent == out
    assert image.std() > 0.05


def test_points(client: Client, tmp_path: Path) -> None:
    """With the training cameras when their file is named, and without where it is gone."""
    out = tmp_path / "Punkte 点"
    for cameras in ("transforms_train.json", "gone.json"):
        asked = {"count": 500, "seconds": 60.0, "training_cameras": str(SCENE / cameras)}
        result = client.result("points", **field(), **asked, out=str(out))
        cloud = PointCloud.load(Path(result["points"]))
        assert 300 < len(cloud.points) == result["count"] <= 500
        assert np.abs(cloud.points).max() < 1.5


def test_predict(client: Client, tmp_path: Path) -> None:
    objects = [{"name": "box", "points": [BOX]}, {"name": "region", "box": [10, 20, 60, 80]}]
    params = {**field(), "camera": camera().to_json(), "objects": objects, "out": str(tmp_path)}
    result = client.result("predict", **params, segmenter="bundled", weights=None)
    assert [entry["name"] for entry in result["objects"]] == ["box", "region"]
    for entry in result["objects"]:
        masks = np.load(entry["masks"], allow_pickle=False)
        assert (masks.shape, masks.dtype) == ((3, 200, 200), bool)
        assert entry["scores"] == sorted(entry["scores"], reverse=True)
    assert np.load(result["objects"][0]["masks"])[0, 111, 67]


def test_a_further_click_does_not_render_again(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Camera] = []

    def prepare(*args: Any) -> PreparedView:
        made.append(args[2])
        return prepare_view(*args)

    monkeypatch.setattr(session, "prepare_view", prepare)
    params = {**field(), "camera": camera(400).to_json(), "out": str(tmp_path), "view_size": 100}
    assert client.result("predict", **params, objects=[])["objects"] == []
    click = {"name": "a", "points": [[2 * BOX[0], 2 * BOX[1]]]}
    for _ in range(2):
        (answer,) = client.result("predict", **params, objects=[click])["objects"]
    masks = np.load(answer["masks"], allow_pickle=False)
    assert masks.shape == (3, 150, 150), "the size at which a run cuts the artist's picture"
    assert len(made) == 1
    client.result("predict", **{**params, "view_size": 80}, objects=[click])
    client.result("predict", **{**params, "camera": camera(401).to_json()}, objects=[])
    assert len(made) == 3


def test_a_run_begins_with_the_picture_that_was_clicked_in(client: Client, tmp_path: Path) -> None:
    client.result("unload")
    request = job(tmp_path)
    size = {"view_size": request["settings"]["view_size"], "segmenter": "bundled"}
    names = ("checkpoint", "options", "camera", "objects", "out")
    client.result("predict", **{name: request[name] for name in names}, **size)
    report = Path(client.result("segment", **request)["report"])
    assert json.loads(report.read_text(encoding="utf-8"))["reused_views"] == 1


def test_a_watched_run_shows_its_views(client: Client, tmp_path: Path) -> None:
    client.progress.clear()
    previews = {"folder": str(tmp_path / "seen 看"), "colors": {"Kiste 箱": [1.0, 0.0, 0.0]}}
    client.result("segment", **job(tmp_path), previews=previews)
    shown = [entry for entry in client.progress if "picture" in entry]
    assert [entry["n"] for entry in shown if entry["stage"] == "view"] == [1, 2]
    image = np.asarray(Image.open(shown[-1]["picture"]).convert("RGB")).astype(int)
    assert max(image.shape) <= 192
    red = (image[..., 0] > image[..., 1] + 60) & (image[..., 0] > image[..., 2] + 60)
    assert 0.005 < red.mean() < 0.9
    points = [entry["points"] for entry in client.progress if "points" in entry]
    assert len(points) == 3, "after views 1 and 2, and the second of the second pass"
    assert all(list(files) == ["Kiste 箱"] for files in points)
    assert len(PointCloud.load(Path(points[-1]["Kiste 箱"])).points) > 20


def test_meshes_of_a_checkpoint_that_was_moved(client: Client, tmp_path: Path) -> None:
    request = job(tmp_path)
    before, moved = tmp_path / "before.th", tmp_path / "nach 后.th"
    shutil.copy(request["checkpoint"], before)
    request["checkpoint"] = str(before)
    result = client.result("segment", **request)["result"]
    before.rename(moved)
    again = {"result": result, "mesh": {"resolution": 16}, "out": str(tmp_path)}
    assert client.result("mesh", **again, checkpoint=str(moved))["objects"][0]["faces"] > 50
    assert client.result("rest", **again, checkpoint=str(moved))["objects"][0]["faces"] > 50


def test_segment_then_mesh(client: Client, tmp_path: Path) -> None:
    client.progress.clear()
    begin = time.perf_counter()
    result = client.result("segment", **job(tmp_path))
    passed = time.perf_counter() - begin
    (made,) = result["objects"]
    mesh = MeshData.load(Path(made["mesh"]))
    assert len(mesh.faces) == made["faces"]
    assert Path(made["glb"]).is_file()
    report = json.loads(Path(result["report"]).read_text(encoding="utf-8"))
    assert report["seconds"]["total"] <= passed, "counts the job, not the engine's life"
    assert report["settings"]["segmenter"] == "bundled"  # what *Automatic* is without downloads
    assert result["segmenter"] == report["segmenter"]
    stages = [entry["stage"] for entry in client.progress]
    assert list(dict.fromkeys(stages)) == ["load", "view", "refine", "surface"]
    assert {entry["id"] for entry in client.progress} == {client.number}
    assert [e["n"] for e in client.progress if e["stage"] == "view"] == [0, 1, 2]
    finer = client.result(
        "mesh", result=result["result"], mesh={"resolution": 32}, out=str(tmp_path / "finer")
    )
    assert finer["objects"][0]["name"] == "Kiste 箱"
    assert finer["objects"][0]["faces"] > made["faces"]
    wanted = {"resolution": 32, "max_faces": 5000, "texture": 64}
    rest = client.result("rest", result=result["result"], mesh=wanted, out=str(tmp_path))
    (made,) = rest["objects"]
    assert made["name"] == "Rest of the Scene"
    assert 100 < made["faces"] <= 5000
    assert MeshData.load(Path(made["mesh"])).texture is not None
