"""A mirror that pip or uv is set to is asked in PyPI's place; hashes stay what they were."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from sa3d_blender.core.background import Watch
from sa3d_blender.core.errors import UserError
from sa3d_blender.core.installation.downloads import download
from sa3d_blender.core.installation.package_index import (
    asked_hosts,
    configured_index,
    through_index,
    through_python_mirror,
)
from sa3d_blender.core.installation.uv_process import uv_environment
from sa3d_blender.core.remote_file import RemoteFile
from tests.support.file_server import FileServer

CONTENT = b"a wheel"
NAME = "Some_Thing-1.2-py3-none-any.whl"
WHEEL = RemoteFile(
    f"https://files.pythonhosted.org/packages/aa/bb/{NAME}", hashlib.sha256(CONTENT).hexdigest()
)


@pytest.mark.parametrize(
    ("environment", "index"),
    [
        ({}, None),
        ({"PIP_INDEX_URL": "https://mirror.studio/simple/"}, "https://mirror.studio/simple"),
        (
            {"UV_INDEX_URL": "https://uv/simple", "PIP_INDEX_URL": "https://pip"},
            "https://uv/simple",
        ),
        ({"UV_DEFAULT_INDEX": "studio=https://m/s", "UV_INDEX_URL": "https://o"}, "https://m/s"),
        ({"PIP_INDEX_URL": "https://pypi.org/simple"}, None),
        ({"PIP_INDEX_URL": "file:///etc"}, None),
    ],
)
def test_the_index_of_uv_or_pip(
    tmp_path: Path, environment: dict[str, str], index: str | None
) -> None:
    nobody = {"HOME": str(tmp_path), "APPDATA": str(tmp_path), "PIP_CONFIG_FILE": ""}
    assert configured_index(nobody | environment) == index


def test_the_index_in_a_file_of_pips(tmp_path: Path) -> None:
    path = tmp_path / "pip.conf"
    path.write_text("[global]\nindex-url = https://mirror.studio/50%/simple\n")
    environment = {"PIP_CONFIG_FILE": str(path)}
    assert configured_index(environment) == "https://mirror.studio/50%/simple"
    path.write_text("no settings at all")
    assert configured_index(environment | {"HOME": str(tmp_path)}) is None


def test_a_file_comes_from_the_mirror_and_is_checked(tmp_path: Path, server: FileServer) -> None:
    links = f'<a href="../../files/{NAME}#sha256=0">{NAME}</a><a href="x.whl">x</a>'
    server.files["simple/some-thing/"] = links.encode()
    server.files[f"files/{NAME}"] = CONTENT
    found = through_index(WHEEL, server.url("simple"))
    assert found.url == server.url(f"files/{NAME}")
    assert found.sha256 == WHEEL.sha256
    download(found, tmp_path / NAME, Watch())
    assert (tmp_path / NAME).read_bytes() == CONTENT
    server.files[f"files/{NAME}"] = b"another"
    with pytest.raises(UserError, match="arrived damaged"):
        download(found, tmp_path / "other.whl", Watch())


def test_what_the_mirror_lacks_comes_from_where_it_is(server: FileServer) -> None:
    assert through_index(WHEEL, server.url("simple")) is WHEEL
    server.files["simple/some-thing/"] = b"<a href='other.whl'>other</a>"
    assert through_index(WHEEL, server.url("simple")) is WHEEL
    torch = RemoteFile("https://download.pytorch.org/whl/cpu/torch.whl", "0")
    assert through_index(torch, "http://127.0.0.1:1/simple") is torch
    assert through_index(WHEEL, None) is WHEEL


def test_a_mirror_that_cannot_be_reached_is_named(server: FileServer) -> None:
    server.status.append(403)
    with pytest.raises(UserError, match=r"127\.0\.0\.1, the package index .* answers 403"):
        through_index(WHEEL, server.url("simple"))
    with pytest.raises(UserError, match="cannot be reached"):
        through_index(WHEEL, "http://127.0.0.1:1/simple")


def test_uv_knows_the_mirror_of_pythons_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_PYTHON_INSTALL_MIRROR", "https://mirror.studio/python")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("PIP_INDEX_URL", "https://pip.studio/simple")
    environment = uv_environment(tmp_path)
    assert environment["UV_PYTHON_INSTALL_MIRROR"] == "https://mirror.studio/python"
    assert environment["HTTPS_PROXY"] == "http://proxy:3128"
    assert "UV_OFFLINE" not in environment
    monkeypatch.delenv("UV_INDEX_URL", raising=False)
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    assert asked_hosts((WHEEL,)) == ("pip.studio", "mirror.studio")
    archive = RemoteFile("https://releases.astral.sh/x/releases/download/1/a%2B1.tar.gz", "0")
    assert through_python_mirror(archive).url == "https://mirror.studio/python/1/a%2B1.tar.gz"
    monkeypatch.delenv("UV_PYTHON_INSTALL_MIRROR")
    assert through_python_mirror(archive) is archive
