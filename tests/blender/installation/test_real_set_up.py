"""A real engine, made in Blender from a real pack; runs where ``SA3D_TEST_PACK`` names one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from bl_ext.user_default.sa3d_blender.blender import api, folders
from bl_ext.user_default.sa3d_blender.blender.engine_link import session
from bl_ext.user_default.sa3d_blender.blender.engine_link.chosen_python import engine_python
from bl_ext.user_default.sa3d_blender.core.connection.engine_command import engine_command
from bl_ext.user_default.sa3d_blender.core.errors import UserError
from bl_ext.user_default.sa3d_blender.core.installation.engine_store import EngineState

ROOT = Path(__file__).resolve().parents[3]
SCENE = ROOT / "tests" / "data" / "tabletop"
PACK = os.environ.get("SA3D_TEST_PACK", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PACK, reason="SA3D_TEST_PACK names no engine pack"),
]


def test_from_a_pack_to_a_loaded_nerf(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SA3D_ENGINE_PYTHON")
    monkeypatch.setattr(session, "engine_command", engine_command)
    folders.preferences().storage = str(tmp_path / "große Platte 猫")
    try:
        record = api.set_up_engine("cpu", pack=PACK)
        assert record.device == "cpu"
        assert record.torch.startswith(record.packages["torch"].partition("+")[0])
        assert api.engine_status().state == EngineState.ready
        nerf = api.load_nerf(SCENE / "tabletop.th")
        assert nerf.sa3d.nerf.family.startswith("tensorf")
        session.stop_engine()

        (folders.engine_folder() / record.environment / "pyvenv.cfg").unlink()
        assert api.engine_status(fresh=True).state == EngineState.broken
        with pytest.raises(UserError):
            api.load_nerf(SCENE / "tabletop.th")
        api.remove_engine()
        assert engine_python() == ""
    finally:
        folders.preferences().storage = ""
