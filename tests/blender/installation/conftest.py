"""A clean start for each test of the installation, and stand-ins for what takes minutes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import bpy
import pytest
from bl_ext.user_default.sa3d_blender.blender import folders
from bl_ext.user_default.sa3d_blender.blender.installation import installation
from bl_ext.user_default.sa3d_blender.core import segmenters
from bl_ext.user_default.sa3d_blender.core.installation import downloads
from bl_ext.user_default.sa3d_blender.core.installation.downloads import RemoteFile

from tests.support.file_server import FileServer, serving
from tests.support.set_up_stand_ins import DATA, Gate


@pytest.fixture
def clean_installation(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[None]:
    """No engine, a folder for one, and online access, where small weights are given out."""
    monkeypatch.delenv("SA3D_ENGINE_PYTHON")
    monkeypatch.setattr(downloads, "PAUSE", 0.0)
    chosen = folders.preferences()
    chosen.storage = str(tmp_path / "große Platte 猫")
    bpy.context.preferences.system.use_online_access = True
    yield
    installation.unregister()
    chosen.storage = chosen.engine_python = ""
    bpy.context.preferences.system.use_online_access = False


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """A set-up that waits until the test lets it go on."""
    gate = Gate()
    monkeypatch.setattr(installation, "set_up", gate)
    return gate


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """Gives out small weights in place of ViT-B's and MobileSAM's."""
    with serving() as running:
        digest = hashlib.sha256(DATA).hexdigest()
        for name, file in (("vit_b", "b.pth"), ("mobile_sam", "m.pt")):
            running.files[file] = DATA
            weights = RemoteFile(running.url(file), digest, len(DATA))
            small = replace(segmenters.SEGMENTERS[name], weights=weights)
            monkeypatch.setitem(segmenters.SEGMENTERS, name, small)
        yield running
