"""What is wrong with a mask on show has a button for the cure, as a run's errors have."""

from __future__ import annotations

import os
import signal

import bpy
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.clicking import live_masks
from bl_ext.user_default.sa3d_blender.blender.engine_link import session
from bl_ext.user_default.sa3d_blender.blender.help import cures
from bl_ext.user_default.sa3d_blender.core.errors import UserError

from tests.support.waiting import until

live = live_masks.live


@pytest.fixture(autouse=True)
def _masks(nerf: bpy.types.Object) -> None:
    live_masks.forget()
    live_masks.show()
    settle()


def settle() -> None:
    """Tick until nothing is under way."""
    bpy.context.view_layer.update()
    live_masks.touch()
    until(lambda: live_masks.asker.turn() is None)


def cure() -> cures.Cure | None:
    assert live.error is not None
    assert str(live.error) == live.message
    return cures.cure_of(live.error, cures.LIVE_CURES)


def test_a_click_on_the_sky_is_taken_back(nerf: bpy.types.Object) -> None:
    api.add_prompt(nerf, x=100, y=2)
    settle()
    assert "empty background" in live.message
    assert cure().operator == "sa3d.remove_last_prompt"
    settle()
    assert live.message, "it is still so when something else changes"
    assert bpy.ops.sa3d.remove_last_prompt() == {"FINISHED"}
    settle()
    assert live.error is None


def test_an_engine_that_ended_is_started_by_the_button(nerf: bpy.types.Object) -> None:
    api.add_prompt(nerf, x=100, y=80)
    live_masks.look_now()
    assert live.asking is not None
    os.kill(session.current.engine.pid, signal.SIGKILL)
    until(lambda: session.current.engine.ended, session.pump)
    live_masks.asker.turn()
    assert "ended" in live.message
    assert cure().operator == "sa3d.pick_prompts"
    live_masks.show()  # what that operator does, besides taking the tool
    settle()
    assert live.answers
    assert live.error is None


def test_missing_weights_are_downloaded_by_the_button(nerf: bpy.types.Object) -> None:
    nerf.sa3d.nerf.segmenter = "vit_l"
    api.add_prompt(nerf, x=100, y=80)
    settle()
    found = cure()
    assert (found.operator, found.options) == ("sa3d.download_weights", {"model": "vit_l"})


@pytest.mark.parametrize("code", sorted(cures.LIVE_CURES))
def test_every_cure_is_an_operator(code: str) -> None:
    found = cures.cure_of(UserError("No.", code=code), cures.LIVE_CURES)
    area, name = found.operator.split(".")
    assert getattr(getattr(bpy.ops, area), name).get_rna_type().name


def test_a_prompt_that_is_gone_is_told(nerf: bpy.types.Object) -> None:
    with pytest.raises(RuntimeError, match="no such prompt"):
        bpy.ops.sa3d.remove_prompt(name="nothing of that name")
