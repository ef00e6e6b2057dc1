"""Everything that can be wrong with a checkpoint file ends in one clear sentence."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sa3d_blender.core.errors import UserError
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.files.checkpoint_file import read_checkpoint

Tables = dict[str, Any]
DATA = Path(__file__).parents[3] / "data"


def failure(path: Path) -> UserError:
    """The error that loading the file ends in."""
    with pytest.raises(UserError) as caught:
        load_field(path, FieldOptions(), device=torch.device("cpu"))
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    return caught.value


def test_missing_file(tmp_path: Path) -> None:
    assert failure(tmp_path / "none.th").code == "missing_file"


def test_folder(tmp_path: Path) -> None:
    assert failure(tmp_path).code == "not_a_checkpoint"


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x89PNG\r\n\x1a\n" + bytes(100), pickle.dumps({"a": 1})]
)
def test_not_a_checkpoint(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file.th"
    path.write_bytes(content)
    assert failure(path).code == "not_a_checkpoint"


def test_zip_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "file.th"
    np.savez(path.with_suffix(".npz"), a=np.zeros(3))
    path.with_suffix(".npz").rename(path)
    assert failure(path).code == "not_a_checkpoint"


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("fraction", [0.01, 0.2, 0.5, 0.9, 0.999])
def test_truncated(
    tmp_path: Path, tables: Callable[..., Tables], fraction: float, legacy: bool
) -> None:
    path = tmp_path / "file.th"
    torch.save(tables(), path, _use_new_zipfile_serialization=not legacy)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * fraction)])
    assert failure(path).code == "truncated"


def test_flipped_bytes_never_end_in_a_traceback(
    tmp_path: Path, tables: Callable[..., Tables]
) -> None:
    path = tmp_path / "file.th"
    torch.save(tables(), path)
    content = path.read_bytes()
    generator = np.random.default_rng(0)
    for _ in range(40):
        damaged = bytearray(content)
        for position in generator.integers(0, 3000, 12):
            damaged[position] = int(generator.integers(0, 256))
        path.write_bytes(bytes(damaged))
        with suppress(UserError):
            load_field(path, FieldOptions(), device=torch.device("cpu"))


def test_older_stream_format_is_read(tmp_path: Path, tables: Callable[..., Tables]) -> None:
    path = tmp_path / "file.th"
    torch.save(tables(), path, _use_new_zipfile_serialization=False)
    assert load_field(path, FieldOptions(), device=torch.device("cpu")).family == "tensorf"


@pytest.mark.parametrize("module", [b"numpy.core", b"numpy._core"])
def test_arrays_of_both_numpy_generations_are_read(
    tmp_path: Path, tables: Callable[..., Tables], module: bytes
) -> None:
    source, path = tmp_path / "source.th", tmp_path / "file.th"
    torch.save(tables(), source)
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("data.pkl"):
                content = _respelled(content, module + b".multiarray")
            new.writestr(name, content)
    assert isinstance(read_checkpoint(path).data["alphaMask.mask"], np.ndarray)


def _respelled(pickled: bytes, module: bytes) -> bytes:
    """The same pickle with another module name for numpy's array function (protocol 2 GLOBAL)."""
    for spelling in (b"numpy._core.multiarray", b"numpy.core.multiarray"):
        pickled = pickled.replace(b"c" + spelling + b"\n", b"c" + module + b"\n")
    assert b"c" + module + b"\n" in pickled
    return pickled


class Hostile:
    """Runs a command when unpickled carelessly."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("legacy", [False, True])
def test_hostile_pickle_is_refused_and_not_run(
    tmp_path: Path, tables: Callable[..., Tables], legacy: bool
) -> None:
    marker, path = tmp_path / "ran", tmp_path / "file.th"
    content = tables()
    content["kwargs"]["extra"] = Hostile(marker)
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    assert failure(path).code == "unsafe"
    assert not marker.exists()


def test_bare_hostile_pickle_is_not_even_opened(tmp_path: Path) -> None:
    marker, path = tmp_path / "ran", tmp_path / "file.th"
    path.write_bytes(pickle.dumps(Hostile(marker)))
    assert failure(path).code == "not_a_checkpoint"
    assert not marker.exists()


def test_archive_that_unpacks_to_much_more_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.th"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"x")
        archive.writestr("archive/data/0", bytes(10_000_000))
    assert failure(path).code == "unsafe"


def test_torch_file_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "file.th"
    torch.save({"model": torch.zeros(3)}, path)
    error = failure(path)
    assert error.code == "unknown_format"
    assert "TensoRF" in str(error)
    torch.save([torch.zeros(3)], path)
    assert failure(path).code == "unknown_format"


def _set(content: Tables, table: str, name: str, value: Any) -> None:
    (content[table] if table else content)[name] = value


NAN, INF = torch.full((12, 18), torch.nan), torch.full((1, 4, 15, 1), torch.inf)
WRONG = {
    "not a number": ("state_dict", "basis_mat.weight", NAN),
    "infinite": ("state_dict", "density_line.0", INF),
    "integers": ("state_dict", "basis_mat.weight", torch.zeros(12, 18, dtype=torch.int64)),
    "wrong size": ("state_dict", "density_plane.1", torch.zeros(1, 4, 5, 5)),
    "wrong dimensions": ("state_dict", "app_line.0", torch.zeros(15)),
    "empty": ("state_dict", "app_line.0", torch.zeros(1, 0, 15, 1)),
    "network": ("state_dict", "renderModule.mlp.0.weight", torch.zeros(16, 7)),
    "not a table": ("", "state_dict", [1, 2]),
    "huge grid": ("kwargs", "gridSize", [10**9, 10**9, 10**9]),
    "large grid": ("kwargs", "gridSize", [4000, 4000, 4000]),
    "odd grid": ("kwargs", "gridSize", "large"),
    "no box": ("kwargs", "aabb", None),
    "empty box": ("kwargs", "aabb", torch.zeros(2, 3)),
    "box not a number": ("kwargs", "aabb", torch.full((2, 3), torch.nan)),
    "steps": ("kwargs", "step_ratio", 0),
    "many samples": ("kwargs", "step_ratio", 1e-9),
    "shading": ("kwargs", "shadingMode", "Phong"),
    "activation": ("kwargs", "fea2denseAct", None),
    "frequencies": ("kwargs", "view_pe", 10**6),
    "near": ("kwargs", "near_far", [float("nan"), 1.0]),
    "mask size": ("", "alphaMask.shape", (1, 1, 3000, 3000, 3000)),
    "mask shape": ("", "alphaMask.shape", None),
    "mask type": ("", "alphaMask.mask", [1, 2, 3]),
    "mask box": ("", "alphaMask.aabb", None),
    "virtual": ("state_dict", "basis_mat.weight", torch.zeros(1).expand(12, 18)),
}


@pytest.mark.parametrize("what", WRONG)
def test_unusable_content(
    write_checkpoint: Callable[[Tables], Path], tables: Callable[..., Tables], what: str
) -> None:
    content = tables()
    _set(content, *WRONG[what])
    assert failure(write_checkpoint(content)).code == "bad_weights"


@pytest.mark.parametrize("name", ["density_line.1", "app_plane.2", "basis_mat.weight"])
def test_missing_weights(
    write_checkpoint: Callable[[Tables], Path], tables: Callable[..., Tables], name: str
) -> None:
    content = tables()
    del content["state_dict"][name]
    error = failure(write_checkpoint(content))
    assert error.code == "bad_weights"
    assert name in str(error)


def test_huge_factorised_grid_does_not_allocate_a_volume(
    write_checkpoint: Callable[[Tables], Path], tables: Callable[..., Tables]
) -> None:
    content = tables(kind="cp", shading="SH", mask=False)
    size = 4000
    content["kwargs"]["gridSize"] = [size] * 3
    for name, value in content["state_dict"].items():
        if "_line" in name:
            content["state_dict"][name] = torch.zeros(1, value.shape[1], size, 1)
    assert failure(write_checkpoint(content)).code == "bad_weights"


def test_real_checkpoint_with_one_bad_value(tmp_path: Path) -> None:
    content = dict(read_checkpoint(DATA / "tabletop" / "tabletop_cp_sh.th").data)
    content["state_dict"]["app_line.0"][0, 0, 0, 0] = torch.nan
    path = tmp_path / "file.th"
    torch.save(content, path)
    assert failure(path).code == "bad_weights"


def test_what_a_splats_training_goes_on_from_is_refused_by_name(tmp_path: Path) -> None:
    training = tmp_path / "chkpnt7000.pth"
    state = (3, *(torch.zeros(2, 3) for _ in range(9)), {"state": {}}, 5.0)
    torch.save((state, 7000), training)
    with pytest.raises(UserError, match="a 3D Gaussian splat's training") as caught:
        load_field(training, FieldOptions(), device=torch.device("cpu"))
    assert caught.value.code == "unknown_format"


def test_other_ply_files_are_no_checkpoints(tmp_path: Path) -> None:
    path = tmp_path / "mesh.ply"
    path.write_bytes(b"ply\nformat ascii 1.0\nelement vertex 0\nproperty float x\nend_header\n")
    with pytest.raises(UserError) as caught:
        load_field(path, FieldOptions(), device=torch.device("cpu"))
    assert caught.value.code == "not_a_checkpoint"


@pytest.mark.parametrize("name", ["a.th", "b.tar", "c.ckpt", "d.msgpack", "e.npz", "config.yml"])
def test_pointers_of_git_lfs_are_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
    error = failure(path)
    assert error.code == "lfs_pointer"
    assert f"{path} is a Git LFS pointer, not the file itself; run git lfs pull" in str(error)


def test_the_other_nerf_pytorch_is_named(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint199999.ckpt"
    weights = {"layer1.weight": torch.zeros(4, 4)}
    torch.save({"iter": 199_999, "model_coarse_state_dict": weights, "psnr": 25.5}, path)
    error = failure(path)
    assert error.code == "unknown_format"
    assert "is of krrish94's nerf-pytorch" in str(error)
    assert "the nerf-pytorch that is, yenchenlin's" in str(error)
