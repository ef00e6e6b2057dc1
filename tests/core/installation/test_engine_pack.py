"""scripts/engine_pack.py: Python comes into the pack, from a mirror where uv is set to one."""

from __future__ import annotations

import hashlib
import importlib
import sys
from pathlib import Path

import pytest

from sa3d_blender.core.errors import UserError
from sa3d_blender.core.remote_file import RemoteFile
from tests.support.file_server import FileServer

ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "scripts"))
engine_pack = importlib.import_module("engine_pack")
CONTENT = b"an archive"
FILE = RemoteFile(
    "https://releases.example.invalid/x/releases/download/1/cpython-3.11%2B1.tar.gz",
    hashlib.sha256(CONTENT).hexdigest(),
)


def test_the_packs_python_comes_from_the_mirror_and_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: FileServer
) -> None:
    monkeypatch.setenv("UV_PYTHON_INSTALL_MIRROR", server.url("pythons/"))
    server.files["pythons/1/cpython-3.11%2B1.tar.gz"] = CONTENT
    engine_pack.take_python(FILE, tmp_path)
    assert (tmp_path / "cpython-3.11+1.tar.gz").read_bytes() == CONTENT
    (tmp_path / "cpython-3.11+1.tar.gz").unlink()
    server.files.clear()
    with pytest.raises(UserError, match=r"127\.0\.0\.1 does not give out .* With --no-python"):
        engine_pack.take_python(FILE, tmp_path)


def test_what_lies_here_is_not_downloaded(tmp_path: Path) -> None:
    (tmp_path / "local").mkdir()
    (tmp_path / "pack").mkdir()
    (tmp_path / "local" / FILE.name).write_bytes(CONTENT)
    engine_pack.take_local(FILE, tmp_path / "pack", [tmp_path / "local"])
    engine_pack.take_python(FILE, tmp_path / "pack")
    assert (tmp_path / "pack" / FILE.name).read_bytes() == CONTENT
