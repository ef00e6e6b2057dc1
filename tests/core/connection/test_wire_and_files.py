"""Messages, meshes, pictures and settings survive their journey; damage is told in a sentence."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sa3d_blender.core.connection.messages import (
    Failure,
    Message,
    Notification,
    Request,
    Response,
    decode,
    encode,
)
from sa3d_blender.core.errors import UserError
from sa3d_blender.core.files import written_whole
from sa3d_blender.core.mesh import MeshData
from sa3d_blender.core.png import encode_png
from sa3d_blender.core.settings import (
    FieldOptions,
    MeshSettings,
    SegmentSettings,
    settings_from_json,
    settings_to_json,
)


@pytest.mark.parametrize(
    "message",
    [
        Request(3, "render", {"checkpoint": "/tmp/Käse 猫.th"}),
        Response(3, {"image": "a\nb"}),
        Failure(3, -32000, "Nein: ä", "missing_file"),
        Failure(None, -32603, "no", ""),
        Notification("progress", {"id": 3, "n": 1}),
    ],
)
def test_messages_round_trip(message: Message) -> None:
    line = encode(message)
    assert line.count(b"\n") == 1
    assert decode(line) == message


@pytest.mark.parametrize("line", [b"", b"Loading 10%\n", b"{}\n", b"[1]\n", b"\xff\n", b"3\n"])
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(UserError, match="no message"):
        decode(line)


def triangle() -> MeshData:
    return MeshData(
        np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32), np.zeros((3, 3), np.uint8)
    )


def test_meshes_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "Käse" / "猫_mesh.npz"
    triangle().save(path)
    again = MeshData.load(path)
    assert np.array_equal(again.vertices, triangle().vertices)
    assert np.array_equal(again.faces, triangle().faces)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"vertices": np.zeros((2, 3), np.float32)}, "wrong shape|without vertices"),
        ({"faces": np.zeros((0, 3), np.int32)}, "wrong shape"),
        ({"faces": np.array([[0, 1, 3]], np.int32)}, "without vertices"),
        ({"colors": np.zeros((3, 4), np.uint8)}, "wrong shape"),
    ],
)
def test_wrong_meshes_are_refused(
    tmp_path: Path, change: dict[str, np.ndarray], sentence: str
) -> None:
    path = tmp_path / "m.npz"
    np.savez(path, **(vars(triangle()) | change))
    with pytest.raises(UserError, match=sentence):
        MeshData.load(path)


@pytest.mark.parametrize("content", [b"", b"nothing", b"PK\x03\x04broken"])
def test_damaged_mesh_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.npz"
    path.write_bytes(content)
    with pytest.raises(UserError, match="is not a mesh"):
        MeshData.load(path)


def test_a_pickle_is_never_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(marker),)

    path = tmp_path / "m.npz"
    np.savez(path, vertices=np.array([Evil()], dtype=object), faces=[0], colors=[0])
    with pytest.raises(UserError):
        MeshData.load(path)
    assert not marker.exists()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "result.bin"
    path.write_bytes(b"old")

    def write_half() -> None:
        with written_whole(path) as temporary:
            temporary.write_bytes(b"half")
            raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match="cannot be written"):
        write_half()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_in_the_folders_place_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"")
    with pytest.raises(UserError, match="choose another folder"):
        triangle().save(tmp_path / "out" / "m.npz")


def test_pictures_are_valid_png() -> None:
    image = pytest.importorskip("PIL.Image")
    import io

    pixels = np.random.default_rng(0).integers(0, 256, (7, 5, 3), dtype=np.uint8)
    assert np.array_equal(np.array(image.open(io.BytesIO(encode_png(pixels)))), pixels)


@pytest.mark.parametrize("kind", [FieldOptions, SegmentSettings, MeshSettings])
def test_settings_round_trip(kind: type) -> None:
    assert settings_from_json(kind, settings_to_json(kind())) == kind()
    assert settings_from_json(kind, None) == kind()
    with pytest.raises(UserError, match="Unknown setting 'nonsense'"):
        settings_from_json(kind, {"nonsense": 1})
    with pytest.raises(UserError, match="by name"):
        settings_from_json(kind, [1])


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (FieldOptions, {"scene": "sideways"}),
        (FieldOptions, {"ndc_focal": "2"}),
        (FieldOptions, {"scene": ["bounded"]}),
        (SegmentSettings, {"views": True}),
        (SegmentSettings, {"views": 2.5}),
        (SegmentSettings, {"views": None}),
        (SegmentSettings, {"gate": 1}),
        (SegmentSettings, {"negative_weight": "a"}),
        (SegmentSettings, {"weights": 3}),
        (MeshSettings, {"resolution": "fine"}),
    ],
)
def test_settings_of_another_kind_are_refused(kind: Any, data: dict[str, Any]) -> None:
    (name,) = data
    with pytest.raises(UserError, match=f"'{name}' cannot be"):
        settings_from_json(kind, data)


def test_whole_numbers_and_nothing_are_settings_too() -> None:
    assert settings_from_json(FieldOptions, {"ndc_focal": 2}).ndc_focal == 2
    assert settings_from_json(FieldOptions, {"ndc_focal": None}).ndc_focal is None
    assert settings_from_json(SegmentSettings, {"weights": None, "gate": False}).gate is False
