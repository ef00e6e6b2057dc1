"""Segment Anything's weights from within Blender: downloaded, used, removed."""

from __future__ import annotations

import json

import bpy
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.clicking.live_question import read_question
from bl_ext.user_default.sa3d_blender.blender.nerf.nerf import chosen_weights, run_params
from bl_ext.user_default.sa3d_blender.core.errors import UserError

from tests.support.file_server import FileServer
from tests.support.set_up_stand_ins import DATA

pytestmark = pytest.mark.usefixtures("clean_installation")


def test_weights_are_downloaded_used_and_removed(
    server: FileServer, nerf: bpy.types.Object
) -> None:
    facts = nerf.sa3d.nerf
    api.add_prompt(nerf, x=160, y=120)
    facts.segmenter = "vit_b"
    with pytest.raises(UserError, match="weights of ViT-B are not here"):
        api.segment(nerf)
    path = api.download_weights("vit_b")
    assert path.read_bytes() == DATA
    assert chosen_weights(facts) == str(path)
    api.segment(nerf)
    assert bpy.ops.sa3d.remove_weights(model="vit_b") == {"FINISHED"}
    assert not path.exists()


def test_automatic_sends_what_is_there_and_the_mesh_says_what_was_used(
    server: FileServer, nerf: bpy.types.Object
) -> None:
    facts = nerf.sa3d.nerf
    assert facts.segmenter == "automatic"
    assert run_params(nerf)["downloaded"] == {}
    path = api.download_weights("mobile_sam")
    assert run_params(nerf)["downloaded"] == {"mobile_sam": str(path)}
    assert chosen_weights(facts) is None
    api.add_prompt(nerf, x=160, y=120)
    question, error = read_question(bpy.context.scene)
    assert error is None
    assert question.params["downloaded"] == {"mobile_sam": str(path)}
    mesh = api.segment(nerf)[0]
    assert json.loads(mesh["sa3d_settings"])["segmenter"] == "bundled"  # so says the stand-in
    facts.segmenter = "bundled"
    assert run_params(nerf)["downloaded"] == {}


def test_the_artists_own_file_goes_first(server: FileServer, nerf: bpy.types.Object) -> None:
    facts = nerf.sa3d.nerf
    facts.segmenter = "vit_b"
    api.download_weights("vit_b")
    facts.weights = "/mine/sam.pth"
    assert chosen_weights(facts) == "/mine/sam.pth"


def test_a_cut_download_goes_on_at_the_next_click(server: FileServer) -> None:
    server.files.clear()
    with pytest.raises(RuntimeError, match=r"does not give out b\.pth"):
        bpy.ops.sa3d.download_weights(model="vit_b")
    server.files["b.pth"] = DATA
    server.cut_after = [700_000]
    assert bpy.ops.sa3d.download_weights(model="vit_b") == {"FINISHED"}
    assert server.starts == [0, 700_000]
