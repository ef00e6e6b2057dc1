"""The command line: what each command writes, and one sentence for everything that is wrong."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from sa3d_blender.core.cameras import Camera
from sa3d_blender.core.errors import UserError
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine import cli, server, session
from sa3d_blender.engine.fields.ndc import with_training_camera
from tests.support.scripted_segmenter import ScriptedSegmenter

SCENE = Path(__file__).resolve().parents[1] / "data" / "tabletop"
CAMERAS = SCENE / "transforms_test.json"
CHECKPOINT = SCENE / "tabletop_cp_sh.th"
SIZE = ("--size", "200x200")
SMALL = ("--views", "2", "--view-size", "48", "--resolution", "24")
BOX, HEAD, SKY = [67.5, 111.5], [111.5, 82.5], [158.5, 41.5]
"""Pixels of the first camera's 200x200 picture."""
CRATE, APE = "Kiste Nr. 1", "Äffchen 猴"

Refused = Callable[..., str]


@pytest.fixture(autouse=True, scope="module")
def _scripted() -> Iterator[None]:
    """No trained weights, and each intact field is loaded once."""
    loaded: dict[Any, Any] = {}
    load_field = session.load_field

    def load_once(path: Path, options: FieldOptions, *, device: torch.device) -> Any:
        key = (path, path.stat().st_mtime_ns if path.exists() else 0, options)
        if key not in loaded:
            loaded[key] = load_field(path, options, device=device)
        return loaded[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "load_field", load_once)
        patch.setattr(session, "load_segmenter", lambda *_args, **_options: ScriptedSegmenter())
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is hard to spell, with everything a run needs."""
    folder = tmp_path_factory.mktemp("run") / "Käse mit 猫"
    folder.mkdir()
    (folder / "模型 ä.th").write_bytes(CHECKPOINT.read_bytes())
    (folder / "Kameras ö.json").write_bytes(CAMERAS.read_bytes())
    write_prompts(folder / "Klicks ü.json", **{CRATE: BOX, APE: HEAD})
    return folder


@pytest.fixture(scope="module")
def segmented(folder: Path) -> Path:
    """The folder of a finished run."""
    out = folder / "Ergebnis ß 结果"
    assert cli.main([*segment_command(folder, out)]) == 0
    return out


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refused:
    """Runs a command that must fail with one sentence; returns the sentence."""

    def run(*arguments: str | Path, code: int = cli.EXIT_BAD_INPUT) -> str:
        capsys.readouterr()
        assert cli.main([str(argument) for argument in arguments]) == code
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith("sa3d: ")
        assert said.err.endswith(".\n")
        assert said.err.count("\n") == 1, said.err
        return said.err

    return run


def write_prompts(path: Path, **points: list[float]) -> Path:
    objects = [{"name": name, "points": [point]} for name, point in points.items()]
    path.write_text(json.dumps({"objects": objects}, ensure_ascii=False), encoding="utf-8")
    return path


def segment_command(folder: Path, out: Path, **changed: Path) -> list[str]:
    paths = {
        "checkpoint": folder / "模型 ä.th",
        "cameras": folder / "Kameras ö.json",
        "prompts": folder / "Klicks ü.json",
    } | changed
    command = ["segment", paths["checkpoint"], "--cameras", paths["cameras"]]
    command += ["--prompts", paths["prompts"], "--out", out, *SIZE, *SMALL]
    return [str(part) for part in command]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


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


# --- what is written ---------------------------------------------------------------------------


def test_info_is_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", str(folder / "模型 ä.th")]) == 0
    info = json.loads(capsys.readouterr().out)
    assert info["name"] == "模型 ä"
    assert info["scene"] == "bounded"
    assert {"family", "box", "notes", "background", "grid_size"} <= set(info)
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
    assert names(segmented) == {"result.npz", "report.json"} | meshes
    with np.load(segmented / "result.npz", allow_pickle=False) as result:
        assert {"meta", "values_0", "values_1"} <= set(result.files)
    report = json.loads((segmented / "report.json").read_text(encoding="utf-8"))
    assert {"load", "render", "encode", "prompt", "vote", "surface", "total"} <= set(
        report["seconds"]
    )
    assert report["segmenter"] == "scripted"
    assert report["device"]
    assert report["settings"]["views"] == 2
    assert report["mesh_settings"]["resolution"] == 24
    assert {"sa3d_blender", "python", "torch", "segment-anything"} <= set(report["versions"])
    assert [view["view"] for view in report["views"]] == [1, 2]
    for view in report["views"]:
        for cut in view["objects"].values():
            assert set(cut) == {"points", "labels", "iou", "accepted", "reason"}
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
    assert low[up] > -0.5  # the ape sits on the table, whose top is near zero
    assert high[up] - low[up] == pytest.approx(0.8, abs=0.5)
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


# --- bad input ---------------------------------------------------------------------------------


class Hostile:
    """A pickle that would make a file if it were loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.marker,))


def damaged_checkpoint(kind: str, folder: Path) -> Path:
    path = folder / "kaputt ä.th"
    content = CHECKPOINT.read_bytes()
    if kind == "text":
        path.write_text("not a checkpoint")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif kind == "other format":
        torch.save({"model": {"weight": torch.zeros(3)}}, path)
    elif kind == "not a number":
        data = torch.load(CHECKPOINT, map_location="cpu", weights_only=False)
        name = next(key for key in data["state_dict"] if key.startswith("density_line"))
        data["state_dict"][name].view(-1)[5] = float("nan")
        torch.save(data, path)
    elif kind == "hostile":
        torch.save({"kwargs": {}, "state_dict": Hostile(folder / "ran")}, path)
    elif kind == "folder":
        path.mkdir()
    return path


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("missing", "There is no checkpoint"),
        ("folder", "is a folder"),
        ("text", "is not a NeRF checkpoint"),
        ("empty", "is not a NeRF checkpoint"),
        ("truncated", "damaged or incomplete"),
        ("other format", "TensoRF"),
        ("not a number", "not numbers"),
        ("hostile", "program code"),
    ],
)
def test_bad_checkpoints(
    folder: Path, tmp_path: Path, refused: Refused, kind: str, sentence: str
) -> None:
    path, out = damaged_checkpoint(kind, tmp_path), tmp_path / "out"
    assert sentence in refused("info", path)
    assert sentence in refused("render", path, "--cameras", CAMERAS, "--out", out, *SIZE)
    assert sentence in refused(*segment_command(folder, out, checkpoint=path))
    assert names(out) == set()
    assert not (tmp_path / "ran").exists()


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
    """Finds nothing any more when it sees a view for the second time."""

    latest = 0

    def predict(self, embedding: Any, **prompt: Any) -> Any:
        answer = super().predict(embedding, **prompt)
        self.latest = max(self.latest, int(embedding.features))
        if int(embedding.features) < self.latest or self.latest == 99:
            self.latest = 99
            answer.masks[:] = False
        return answer


def test_no_accepted_view(
    folder: Path, tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "load_segmenter", lambda *_args, **_options: Forgetful())
    prompts = write_prompts(tmp_path / "p.json", crate=BOX)
    said = refused(*segment_command(folder, tmp_path / "out", prompts=prompts))
    assert "No view agreed on what 'crate' is; add a point" in said
    assert names(tmp_path / "out") == set()


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
    monkeypatch.setattr(session, "load_field", None)
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
            ["mesh", segmented / "result.npz", "--object", APE, "--out", mesh, *SMALL[-2:]],
        ):
            said = refused(*command)
            assert "cannot be written (File too large); choose another folder" in said
    assert names(out) == {"result.npz"}
    assert (out / "result.npz").read_text() == "older"


def test_a_full_disk_is_noticed_before_the_work(tmp_path: Path) -> None:
    with full_disk(0), pytest.raises(UserError, match="cannot be written"):
        session.check_writable(tmp_path)
    assert names(tmp_path) == set()


def png_of_size(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "There is no picture"),
        (b"", "is not a picture"),
        (b"just text", "is not a picture"),
        (png_of_size(0, 0), "is not a picture"),
        (png_of_size(50, 50), "is not a picture"),
        (png_of_size(50, 50)[:40] + b"\xff" * 30, "is not a picture"),
        (png_of_size(9000, 10), "is larger than 8192x8192"),
        (png_of_size(10000, 10000), "is larger than 8192x8192"),
        (png_of_size(20000, 20000), "is larger than 8192x8192"),
    ],
)
def test_bad_pictures(
    folder: Path, tmp_path: Path, refused: Refused, content: bytes | None, sentence: str
) -> None:
    picture, out = tmp_path / "Bild 图.png", tmp_path / "out"
    if content is not None:
        picture.write_bytes(content)
    prompts = folder / "Klicks ü.json"
    assert sentence in refused("mask", picture, "--prompts", prompts, "--out", out)
    assert not out.exists()


def test_prompt_outside_the_picture(folder: Path, tmp_path: Path, refused: Refused) -> None:
    picture = tmp_path / "small.png"
    Image.new("RGB", (64, 64)).save(picture)
    command = ["mask", picture, "--prompts", folder / "Klicks ü.json", "--out", tmp_path / "out"]
    assert "outside the 64x64 picture" in refused(*command)
    assert not (tmp_path / "out").exists()


def test_results_that_cannot_be_used(segmented: Path, tmp_path: Path, refused: Refused) -> None:
    result, mesh = segmented / "result.npz", tmp_path / "mesh.glb"
    assert f"--object with one of {CRATE}, {APE}" in refused("mesh", result, "--out", mesh)
    said = refused("mesh", result, "--out", mesh, "--object", "mug")
    assert "no object 'mug'" in said
    assert "must end in .glb, .ply or .obj" in refused("mesh", result, "--out", tmp_path / "m.stl")
    assert "There is no result" in refused("mesh", tmp_path / "none.npz", "--out", mesh)
    half = tmp_path / "half.npz"
    half.write_bytes(result.read_bytes()[:5000])
    assert "is not a result of sa3d segment" in refused("mesh", half, "--out", mesh)
    assert names(tmp_path) == {"half.npz"}


def test_a_pickle_in_a_result_is_not_run(tmp_path: Path, refused: Refused) -> None:
    result = tmp_path / "result.npz"
    content = np.array([Hostile(tmp_path / "ran")], dtype=object)
    np.savez(result, meta=content)
    assert "is not a result" in refused("mesh", result, "--out", tmp_path / "mesh.glb")
    assert names(tmp_path) == {"result.npz"}


def test_a_result_cannot_name_files_elsewhere(
    segmented: Path, tmp_path: Path, refused: Refused
) -> None:
    with np.load(segmented / "result.npz") as data:
        arrays = dict(data)
    meta = json.loads(arrays["meta"].tobytes())
    meta["objects"][0]["name"] = "../elsewhere"
    arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8)
    result = tmp_path / "result.npz"
    np.savez(result, **arrays)
    said = refused("mesh", result, "--out", tmp_path / "mesh.glb")
    assert "cannot be an object's name" in said


def test_a_result_whose_checkpoint_is_gone(
    folder: Path, segmented: Path, tmp_path: Path, refused: Refused
) -> None:
    moved = folder / "weg.th"
    (folder / "模型 ä.th").rename(moved)
    try:
        command = ["mesh", segmented / "result.npz", "--object", APE, "--out", tmp_path / "m.glb"]
        assert "There is no checkpoint" in refused(*command)
    finally:
        moved.rename(folder / "模型 ä.th")


def test_interrupted(
    folder: Path, tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Impatient(ScriptedSegmenter):
        def embed(self, image: np.ndarray) -> Any:
            raise KeyboardInterrupt

    monkeypatch.setattr(session, "load_segmenter", lambda *_args, **_options: Impatient())
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

    monkeypatch.setattr(session, "load_segmenter", fail)
    said = refused(*segment_command(folder, tmp_path / "out"), code=cli.EXIT_FAILED)
    assert "not enough memory; choose a smaller size" in said
    assert names(tmp_path / "out") == set()
