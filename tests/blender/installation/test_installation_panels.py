"""What the preferences and the sidebar say of the installation, and the buttons they offer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import bpy
import pytest
from bl_ext.user_default.sa3d_blender.blender import api, folders
from bl_ext.user_default.sa3d_blender.blender.installation import installation
from bl_ext.user_default.sa3d_blender.blender.ui import installation_panels
from bl_ext.user_default.sa3d_blender.core.installation.engine_lock import read_lock
from bl_ext.user_default.sa3d_blender.core.installation.engine_store import (
    environment_python,
    write_record,
)

from tests.support.file_server import FileServer
from tests.support.set_up_stand_ins import Gate, drawn, make_engine, until

pytestmark = pytest.mark.usefixtures("clean_installation")


def test_the_preferences_show_each_state_with_its_button(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draw(layout: Any) -> None:
        installation_panels.draw_running(layout)
        installation_panels.draw_engine(layout, is_used=True)

    text, buttons = drawn(draw)
    assert "not set up yet" in text
    assert buttons[0] == "Set Up"
    task = api.set_up_engine("cpu", wait=False)
    until(lambda: task.progress is not None)
    text, buttons = drawn(draw)
    assert "Downloading 50 MB of 100 MB" in text
    assert buttons[0] == "sa3d.cancel_installation"
    gate.open.set()
    task.wait()
    text, buttons = drawn(draw)
    assert "981 MB in" in text
    assert buttons[:3] == ["Check", "Remove", "sa3d.start_engine"]
    assert buttons[3:5] == ["sa3d.unload", "sa3d.stop_engine"]
    record = replace(task.result, fingerprint="other")
    write_record(folders.engine_folder(), record)
    assert drawn(draw)[1][:2] == ["Update", "Remove"]
    environment_python(folders.engine_folder() / record.environment).unlink()
    text, buttons = drawn(draw)
    assert "damaged" in text
    assert buttons[:2] == ["Repair", "Remove"]


def test_the_sidebar_offers_what_is_missing_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draw = installation_panels.draw_missing_engine
    assert drawn(draw)[1] == ["Set Up"]
    folders.preferences().engine_python = "/mine/python"
    assert drawn(draw) == ("", [])
    folders.preferences().engine_python = ""
    monkeypatch.setattr(installation, "set_up", make_engine)
    api.set_up_engine("cpu")
    assert drawn(draw) == ("", [])


def test_the_weights_menu_says_size_and_memory(server: FileServer) -> None:
    text, buttons = drawn(installation_panels.draw_all_weights)
    assert "Bundled: comes with the add-on" in text
    assert "ViT-H: 2.6 GB to download" in text
    assert "memory" in text
    assert buttons == ["Download"] * 4
    api.download_weights("vit_b")
    assert drawn(installation_panels.draw_all_weights)[1] == ["Remove"] + ["Download"] * 3


def test_the_panel_says_which_segmenter_automatic_is(
    server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = installation_panels.draw_automatic
    assert drawn(draw) == ("Will use: Bundled", ["Download MobileSAM, 2 MB"])
    api.download_weights("vit_b")  # a minute a view without a GPU; nobody knows yet whether one is
    assert drawn(draw) == ("Will use: Bundled without a GPU,\nViT-B with one", [])
    monkeypatch.setattr(installation, "set_up", make_engine)
    api.set_up_engine("cpu", segmenter=None)
    assert drawn(draw) == ("Will use: Bundled", ["Download MobileSAM, 2 MB"])
    bpy.ops.sa3d.download_weights(model="mobile_sam")
    assert drawn(draw) == ("Will use: MobileSAM", [])


def test_the_dialog_says_what_it_costs_before_anything_happens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://pypi.studio/simple")
    monkeypatch.delenv("UV_PYTHON_INSTALL_MIRROR", raising=False)
    kind = bpy.types.SA3D_OT_set_up_engine
    operator = type("Stand", (), {"device": "cpu", "source": "INTERNET"})()
    text = "\n".join(line for line, _icon in kind.costs(operator))
    lock = read_lock(installation.target_here("cpu"))
    assert f"Downloads {lock.download_bytes / 1e6:.0f} MB, about 1 minute" in text
    assert "Asks pypi.studio, download.pytorch.org, releases.astral.sh" in text
    assert "on the disk" in text
    assert folders.preferences().storage in text
