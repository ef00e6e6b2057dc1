"""What each command writes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image

from sa3d_blender.core.cameras import Camera
from sa3d_blender.core.prompts import Prompt
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.commands import cli, server
from sa3d_blender.engine.commands.picture_jobs import cut_picture
from sa3d_blender.engine.fields.spaces.ndc import with_training_camera
from sa3d_blender.engine.rendering.picture_files import read_picture
from tests.support.cli_runs import (
    APE,
    BOX,
    CAMERAS,
    CRATE,
    HEAD,
    Refused,
    names,
    segment_command,
    write_prompts,
)
from tests.support.scripted_segmenter import ScriptedSegmenter


def test_info_is_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", str(folder / "模型 ä.th")]) == 0
    info = json.loads(capsys.readouterr().out)
    assert info["name"] == "模型 ä"
    assert (info["family"], info["title"], info["scene"]) == ("tensorf", "TensoRF", "bounded")
    assert {"box", "notes", "background", "grid_size"} <= set(info)
    assert np.array(info["box"]).shape == (2, 3)


def test_render_writes_one_picture_per_frame(folder: Path, tmp_path: Path) -> None:
    command = ["render", folder / "模型 ä.th", "--cameras", CAMERAS, "--out", tmp_path]
    assert cli.main([*map(str, command), "--size", "12x8"]) == 0
    assert names(tmp_path) == {f"{frame}.png" for frame in range(8)}
    with Image.open(tmp_path / "3.png") as image:
        assert (image.size, image.mode) == ((12, 8), "RGB")


def test_render_writes_floats_depths_and_masks(
    folder: Path, segmented: Path, tmp_path: Path
) -> None:
    out = tmp_path / "neu" / "Bilder 图"
    command = ["render", folder / "模型 ä.th", "--cameras", CAMERAS, "--out", out, "--depth"]
    command += ["--npy", "--mask", segmented / "result.npz", "--frames", "0,3", "--size", "50x50"]
    assert cli.main([str(part) for part in command]) == 0
    expected = set()
    for frame in (0, 3):
        expected |= {f"{frame}.png", f"{frame}.npy", f"{frame}_depth.npy"}
        expected |= {f"{frame}_mask_{name}.png" for name in (CRATE, APE)}
    assert names(out) == expected
    image = np.load(out / "0.npy", allow_pickle=False)
    assert (image.shape, image.dtype) == ((50, 50, 3), np.float32)
    assert image.min() >= 0
    assert image.max() <= 1
    with Image.open(out / "0.png") as picture:
        assert np.abs(np.asarray(picture) / 255 - image).max() <= 0.5 / 255 + 1e-6
    depth = np.load(out / "0_depth.npy", allow_pickle=False)
    assert (depth.shape, depth.dtype) == ((50, 50), np.float32)
    assert 2 < depth[28, 17] < 5  # the box, from a camera 4 units from the middle
    for name, (x, y) in ((CRATE, BOX), (APE, HEAD)):
        with Image.open(out / f"0_mask_{name}.png") as picture:
            mask = np.asarray(picture)
        assert mask.shape == (50, 50)
        assert set(np.unique(mask)) == {0, 255}
        assert mask[int(y / 4), int(x / 4)] == 255
        assert mask[1, 1] == 0


def test_segment_writes_result_meshes_and_report(segmented: Path) -> None:
    meshes = {f"{name}{ending}" for name in (CRATE, APE) for ending in (".glb", "_mesh.npz")}
    assert names(segmented) - {"views"} == {"result.npz", "report.json"} | meshes
    with np.load(segmented / "result.npz", allow_pickle=False) as result:
        assert {"meta", "values_0", "values_1"} <= set(result.files)
    report = json.loads((segmented / "report.json").read_text(encoding="utf-8"))
    assert {"load", "render", "encode", "prompt", "vote", "surface", "total"} <= set(
        report["seconds"]
    )
    assert report["segmenter"] == "perfect"
    assert report["device"]
    assert report["settings"]["views"] == 8
    assert report["mesh_settings"]["resolution"] == 24
    assert {"sa3d_blender", "python", "torch", "segment-anything"} <= set(report["versions"])
    assert [view["view"] for view in report["views"]] == list(range(1, 9))
    for view in report["views"]:
        for cut in view["objects"].values():
            known = {"points", "labels", "iou", "accepted", "reason", "seen", "artist"}
            assert set(cut) == known
            assert cut["accepted"] == (not cut["reason"])
    glb = trimesh.load(segmented / f"{CRATE}.glb", force="mesh")
    assert len(glb.faces) == report["objects"][0]["faces"] > 100
    assert len(np.unique(glb.visual.vertex_colors, axis=0)) > 1


def test_the_papers_settings_run(folder: Path, tmp_path: Path) -> None:
    prompts = write_prompts(tmp_path / "prompts.json", crate=BOX)
    command = segment_command(folder, tmp_path / "out", prompts=prompts)
    assert cli.main([*command, "--reference"]) == 0
    assert json.loads((tmp_path / "out" / "report.json").read_text())["settings"]["reference"]


@pytest.mark.parametrize("ending", ["glb", "ply", "obj"])
def test_mesh_writes_every_format(segmented: Path, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"Netz 网.{ending}"
    command = ["mesh", str(segmented / "result.npz"), "--out", str(file), "--object", APE]
    assert cli.main([*command, "--resolution", "20"]) == 0
    assert names(tmp_path) == {file.name}
    mesh = trimesh.load(file, force="mesh")
    up = 1 if ending == "glb" else 2  # glTF is Y up
    low, high = mesh.bounds
    assert mesh.visual.kind == "vertex"
    assert low[up] == pytest.approx(0, abs=0.15)  # the ape sits on the table
    assert high[up] - low[up] == pytest.approx(0.57, abs=0.15)
    assert mesh.is_watertight


def test_mask_writes_candidates_and_scores(tmp_path: Path) -> None:
    picture = tmp_path / "Bild 图 1.png"
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[10:20, 5:25] = (200, 30, 30)
    Image.fromarray(pixels).save(picture)
    objects = [{"name": "roter Käse", "points": [[7, 12]]}, {"name": "猫", "box": [30, 5, 50, 25]}]
    prompts = tmp_path / "p.json"
    prompts.write_text(json.dumps({"objects": objects}), encoding="utf-8")
    out = tmp_path / "out"
    assert cli.main(["mask", str(picture), "--prompts", str(prompts), "--out", str(out)]) == 0
    expected = {f"{entry['name']}_{i}.png" for entry in objects for i in range(3)}
    assert names(out) == expected | {"scores.json"}
    with Image.open(out / "roter Käse_0.png") as image:
        mask = np.asarray(image)
    assert (mask == 255 * (pixels[..., 0] > 0)).all()
    scores = json.loads((out / "scores.json").read_text(encoding="utf-8"))
    assert scores["猫"] == pytest.approx([0.9, 0.8, 0.7])
    assert list(scores) == ["roter Käse", "猫"]


def test_an_object_has_mesh_settings_of_its_own(
    folder: Path, tmp_path: Path, refused: Refused
) -> None:
    own = tmp_path / "Netze 网.json"
    own.write_text(json.dumps({APE: {"max_faces": 300}}), encoding="utf-8-sig")
    command = segment_command(folder, tmp_path / "out")
    assert cli.main([*command, "--own-meshes", str(own), "--density", "0.9"]) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    usual = report["mesh_settings"]
    assert (usual["resolution"], usual["density"]) == (24, 0.9)
    assert report["own_meshes"] == {APE: usual | {"max_faces": 300}}
    faces = {made["name"]: made["faces"] for made in report["objects"]}
    assert faces[APE] <= 300 < faces[CRATE]
    for content, sentence in (
        ('{"Hut": {}}', "'Hut'"),
        (f'{{"{CRATE}": {{"faces": 5}}}}', "'faces'"),
        (f'{{"{CRATE}": {{"max_faces": 5}}}}', "number of faces of 5"),
        ("[3]", "by the object's name"),
        ("{", "is not JSON"),
    ):
        own.write_text(content, encoding="utf-8")
        command = segment_command(folder, tmp_path / "never")
        assert sentence in refused(*command, "--own-meshes", own)
    assert "no file of mesh settings" in refused(*command, "--own-meshes", tmp_path / "none.json")
    assert not (tmp_path / "never").exists()


def test_names_that_differ_in_case_have_files_of_their_own(folder: Path, tmp_path: Path) -> None:
    prompts = write_prompts(tmp_path / "p.json", Kiste=BOX, kiste=HEAD)
    out = tmp_path / "out"
    assert cli.main(segment_command(folder, out, prompts=prompts)) == 0
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    files = {made["name"]: Path(made["glb"]).name for made in report["objects"]}
    assert files == {"Kiste": "Kiste.glb", "kiste": "kiste (2).glb"}
    masks = ["render", folder / "模型 ä.th", "--cameras", CAMERAS, "--size", "20x20"]
    masks += ["--frames", "0", "--mask", out / "result.npz", "--out", out]
    assert cli.main([str(part) for part in masks]) == 0
    picture = ["mask", out / "0.png", "--out", out, "--prompts"]
    boxes = [{"name": name, "box": [2, 2, 9, 9]} for name in files]
    prompts.write_text(json.dumps({"objects": boxes}), encoding="utf-8")
    assert cli.main([str(part) for part in (*picture, prompts)]) == 0
    assert {"0_mask_Kiste.png", "0_mask_kiste (2).png", "kiste (2)_0.png"} <= names(out)
    made = names(out) - {"views"}
    assert len({name.casefold() for name in made}) == len(made) == 2 + 4 + 1 + 2 + 7


def test_grey_pictures_of_16_bits_are_not_white(tmp_path: Path) -> None:
    grey = np.arange(0, 65536, 256, dtype=np.uint16).reshape(16, 16)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    assert (read_picture(tmp_path / "grey.png") == (grey >> 8)[..., None]).all()


@pytest.mark.parametrize(("alpha", "expected"), [(0, 255), (255, 40)])
def test_what_is_transparent_is_white(tmp_path: Path, alpha: int, expected: int) -> None:
    Image.new("RGBA", (4, 3), (40, 40, 40, alpha)).save(tmp_path / "p.png")
    assert (read_picture(tmp_path / "p.png") == expected).all()


def test_predicted_ious_are_none_above_one(tmp_path: Path) -> None:
    class Boastful(ScriptedSegmenter):
        def answer(self, embedding: Any, prompt: Any) -> Any:
            answer = super().answer(embedding, prompt)
            return replace(answer, scores=answer.scores * 1.2)

    Image.new("RGB", (20, 20)).save(tmp_path / "p.png")
    cut_picture(Boastful(), tmp_path / "p.png", [Prompt("a", box=(2.0, 2.0, 9.0, 9.0))], tmp_path)
    assert json.loads((tmp_path / "scores.json").read_text())["a"] == [1.0, 0.96, 0.84]


def test_serve_is_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(server, "serve", lambda *, device: asked.append(device) or 0)
    assert cli.main(["serve", "--device", "cpu"]) == 0
    assert asked == ["cpu"]


def test_squeezed_pictures_keep_the_trained_aspect() -> None:
    camera = Camera(400, 300, 500.0, 500.0, 200.0, 150.0, np.eye(4))
    whole = with_training_camera(FieldOptions(), camera)
    squeezed = with_training_camera(FieldOptions(), camera.resized(100, 100))
    assert (whole.ndc_focal, whole.ndc_aspect) == pytest.approx((2.5, 4 / 3))
    assert squeezed.ndc_focal == pytest.approx(whole.ndc_focal)
    assert squeezed.ndc_aspect == pytest.approx(whole.ndc_aspect)
