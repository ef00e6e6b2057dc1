"""Training cameras on real fields: every format shows the same picture, runs get their views."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sa3d_blender.core.cameras import Camera, read_transforms
from sa3d_blender.core.connection.messages import Failure, Request, Response
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.commands import cli
from sa3d_blender.engine.commands.camera_files import describe_training_cameras
from sa3d_blender.engine.commands.server import Server
from sa3d_blender.engine.commands.session import Session
from sa3d_blender.engine.fields import training_cameras
from sa3d_blender.engine.rendering.render import render_view
from sa3d_blender.engine.run import Run
from sa3d_blender.engine.training_cameras import read_training_cameras
from sa3d_blender.engine.view_path.training_views import placed_cameras, read_cameras
from tests.support.camera_files import write_colmap, write_poses_bounds
from tests.support.plain_ngp import PlainNgp

DATA = Path(__file__).resolve().parents[2] / "data"
TABLETOP, SHELF = DATA / "tabletop" / "tabletop_cp_sh.th", DATA / "shelf" / "shelf.th"


def rendered(out: Path, checkpoint: Path, cameras: Path, size: str) -> np.ndarray:
    """The first frame's picture."""
    command = ["render", checkpoint, "--cameras", cameras, "--out", out, "--npy", "--frames", "0"]
    assert cli.main([*map(str, command), "--size", size]) == 0
    return np.load(out / "0.npy")


@pytest.mark.parametrize("binary", [True, False])
def test_a_colmap_model_shows_the_same_picture(tmp_path: Path, binary: bool) -> None:
    path = DATA / "tabletop" / "transforms_test.json"
    model = tmp_path / "Daten ä" / "sparse" / "0"
    write_colmap(model, read_transforms(path, size=(200, 200)), binary=binary)
    expected = rendered(tmp_path / "a", TABLETOP, path, "40x40")
    found = rendered(tmp_path / "b", TABLETOP, tmp_path / "Daten ä", "40x40")
    assert expected.std() > 0.1
    assert np.abs(found - expected).max() < 1e-3


def test_a_snapshot_brings_its_cameras(tmp_path: Path) -> None:
    """They are in the field frame already, and another size keeps what is seen."""
    snapshot = PlainNgp().save(tmp_path / "Aufnahme ü.msgpack")
    own = training_cameras(snapshot)
    field = Session(torch.device("cpu")).field(snapshot, FieldOptions())
    placed = placed_cameras(read_cameras(snapshot), field)
    np.testing.assert_array_equal(placed.matrices(), own.matrices())
    wide = own.cameras[0].resized(80, 60)
    expected = render_view(field, wide).image().numpy()
    assert np.abs(rendered(tmp_path / "a", snapshot, snapshot, "80x60") - expected).max() < 1e-5


def elsewhere(cameras: list[Camera], scale: float) -> list[Camera]:
    """The cameras in other coordinates, as a photogrammetry program would have had them."""
    turn = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    there = []
    for camera in cameras:
        matrix = np.eye(4)
        matrix[:3, :3] = turn @ camera.field_from_camera[:3, :3]
        matrix[:3, 3] = scale * turn @ camera.origin + (4.0, -3.0, 2.0)
        there.append(replace(camera, field_from_camera=matrix))
    return there


@pytest.fixture
def poses_bounds(tmp_path: Path) -> Path:
    """The shelf's cameras as LLFF would have written them, with the bound that gives its scale."""
    cameras = elsewhere(read_transforms(DATA / "shelf" / "transforms_train.json"), 2.5)
    return write_poses_bounds(tmp_path / "poses_bounds.npy", cameras, (2.5 / 0.75, 40.0))


def test_llffs_file_shows_a_forward_facing_field_as_it_was_trained(
    tmp_path: Path, poses_bounds: Path
) -> None:
    expected = rendered(tmp_path / "a", SHELF, DATA / "shelf" / "transforms_train.json", "30x30")
    found = rendered(tmp_path / "b", SHELF, poses_bounds, "30x30")
    assert expected.std() > 0.1
    assert np.abs(found - expected).max() < 1e-3


def test_the_add_on_learns_the_trainings_lens_and_box(poses_bounds: Path) -> None:
    session = Session(torch.device("cpu"))
    facts = describe_training_cameras(session, SHELF, FieldOptions(), poses_bounds, Run())
    assert facts["ndc_focal"] == pytest.approx(2 * 194.44958697627058 / 200)
    assert facts["ndc_aspect"] == pytest.approx(1)
    assert np.array(facts["box"]).shape == (2, 3)
    expected = read_transforms(DATA / "shelf" / "transforms_train.json")
    first = facts["cameras"][0]
    assert first["name"] == "000"
    placed = Camera.from_json(first).field_from_camera
    assert np.allclose(placed, expected[0].field_from_camera, atol=1e-5)
    assert len(facts["cameras"]) == len(expected)


def test_bounded_fields_need_no_lens(tmp_path: Path) -> None:
    write_colmap(
        tmp_path,
        read_transforms(DATA / "tabletop" / "transforms_test.json", size=(200, 200)),
        binary=True,
        model="SIMPLE_RADIAL",
        more=(0.1,),
    )
    session = Session(torch.device("cpu"))
    facts = describe_training_cameras(session, TABLETOP, FieldOptions(), tmp_path, Run())
    assert (facts["ndc_focal"], facts["box"]) == (None, None)
    assert "lens distortion" in facts["notes"][0]


def test_a_field_may_say_where_its_data_set_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    field = Session(torch.device("cpu")).field(TABLETOP, FieldOptions())
    read = read_training_cameras(DATA / "tabletop" / "transforms_train.json", size=(8, 8))

    facts = {**field.info(), "field_from_dataset": np.diag([0.5, 0.5, 0.5, 1]).tolist()}
    monkeypatch.setattr(field, "info", lambda: facts)
    placed = placed_cameras(read, field)
    assert np.allclose(placed.cameras[3].origin, 0.5 * read.cameras[3].origin)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that is asked directly; nothing reads its wire."""
    with (tmp_path / "wire").open("wb") as wire:
        yield Server(wire, device="cpu")


def segment_request(path: Path) -> dict[str, Any]:
    return {
        "checkpoint": str(TABLETOP),
        "camera": Camera(8, 8, 8, 8, 4, 4, np.eye(4)).to_json(),
        "objects": [{"name": "a", "points": [[1, 1]]}],
        "out": str(path.parent / "out"),
        "training_cameras": str(path),
    }


def test_a_run_takes_its_views_from_the_file(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cameras = read_transforms(DATA / "tabletop" / "transforms_train.json", size=(64, 64))[:14]
    path = write_colmap(tmp_path / "model", cameras, binary=True)
    taken: list[Camera] = []

    def segment(_self: Session, *_: Any, given: list[Camera], **__: Any) -> dict[str, Any]:
        taken.extend(given)
        return {}

    monkeypatch.setattr(Session, "segment", segment)
    assert isinstance(server._answer(Request(1, "segment", segment_request(path))), Response)
    assert len(taken) == 14
    assert np.allclose(taken[5].field_from_camera, cameras[5].field_from_camera)


def test_a_file_that_is_gone_is_one_sentence(server: Server, tmp_path: Path) -> None:
    answer = server._answer(Request(1, "segment", segment_request(tmp_path / "weg.json")))
    assert isinstance(answer, Failure)
    assert "There is no camera file at" in answer.message
    assert answer.code != 0


def test_the_command_line_says_what_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cameras = read_transforms(DATA / "tabletop" / "transforms_test.json", size=(200, 200))
    write_colmap(tmp_path / "m", cameras, binary=False, model="OPENCV", more=(0.1, 0, 0, 0))
    rendered(tmp_path / "out", TABLETOP, tmp_path / "m", "8x8")
    assert "lens distortion; their cameras are used without it" in capsys.readouterr().err
