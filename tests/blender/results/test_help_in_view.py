"""Where a run is not sure: what is listed, and what one click on a line does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import bpy
import numpy as np
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.clicking import run_masks
from bl_ext.user_default.sa3d_blender.blender.clicking.live_question import read_question
from bl_ext.user_default.sa3d_blender.blender.engine_link import session
from bl_ext.user_default.sa3d_blender.blender.nerf import views
from bl_ext.user_default.sa3d_blender.blender.nerf.seen_view import seen_corners
from bl_ext.user_default.sa3d_blender.blender.results.doubts import doubt_of, draw_doubt
from bl_ext.user_default.sa3d_blender.core.cameras import Camera
from bl_ext.user_default.sa3d_blender.core.errors import UserError

Fake = Callable[[str], None]


@pytest.fixture
def doubtful(nerf: bpy.types.Object, fake: Fake) -> bpy.types.Object:
    """A NeRF of which a mug was cut out, and two views disagree about it."""
    fake("doubt")
    nerf.location, nerf.rotation_euler, nerf.scale = (3, -2, 1), (0.3, 0.2, 1.1), (2, 2, 2)
    bpy.context.view_layer.update()
    bpy.context.scene.camera = api.add_camera(nerf)
    api.add_prompt(nerf, x=100, y=80, object_name="mug")
    api.segment(nerf)
    return nerf


def mug_of(nerf: bpy.types.Object) -> Any:
    """The entry."""
    return nerf.sa3d.nerf.objects["mug"]


def reported(nerf: bpy.types.Object) -> dict[str, Any]:
    """The camera that the run's report names."""
    report = json.loads(Path(mug_of(nerf).doubt.report).read_text(encoding="utf-8"))
    return dict(report["objects"][0]["disagree"][0]["camera"])


def request_of(nerf: bpy.types.Object) -> dict[str, Any]:
    """What the engine was asked last."""
    file = Path(nerf.sa3d.nerf.result).with_name("request.json")
    return dict(json.loads(file.read_text(encoding="utf-8")))


def test_the_run_says_how_sure_it_is(
    doubtful: bpy.types.Object, reload_file: Callable[[], None]
) -> None:
    reload_file()
    doubt = doubt_of(mug_of(bpy.context.scene.sa3d.nerf))
    assert (round(doubt.confidence, 3), doubt.note) == (0.6, "Only 12 of 20 views agree.")
    assert [(line.view, round(line.agreement, 3)) for line in doubt.views] == [(2, 0.2), (4, 0.4)]
    assert doubt.views[0].reason == "the mask contradicts"


def test_what_changed_lists_nothing_and_a_new_run_lists_its_own(
    doubtful: bpy.types.Object, fake: Fake
) -> None:
    api.add_prompt(doubtful, x=90, y=80, object_name="mug")
    assert doubt_of(mug_of(doubtful)) is None
    api.remove_last_prompt(doubtful)
    assert len(doubt_of(mug_of(doubtful)).views) == 2
    fake("")
    api.segment(doubtful)
    assert len(doubt_of(mug_of(doubtful)).views) == 0


def test_a_run_of_another_object_takes_the_pictures_and_so_the_lines(
    doubtful: bpy.types.Object,
) -> None:
    api.add_prompt(doubtful, x=150, y=80, object_name="box")
    api.segment(doubtful, object_name="box")
    assert len(mug_of(doubtful).doubt.views) == 0
    assert mug_of(doubtful).doubt.note


@pytest.mark.parametrize("resolution", [(320, 240), (100, 300)])
def test_a_camera_stands_exactly_where_the_run_looked(
    doubtful: bpy.types.Object, resolution: tuple[int, int]
) -> None:
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = resolution
    camera = api.help_in_view(doubtful, "mug", 2)
    assert scene.camera == camera
    assert camera.parent == doubtful
    assert list(camera.users_collection) == [doubtful.sa3d.nerf.help]
    assert views.field_camera(scene, camera, doubtful).to_json() == reported(doubtful)
    doubtful.location.x += 5  # it goes where the NeRF goes
    bpy.context.view_layer.update()
    assert views.field_camera(scene, camera, doubtful).to_json() == reported(doubtful)
    seen = Camera.from_json(reported(doubtful))
    frame = np.array([corner / -corner.z for corner in camera.data.view_frame(scene=scene)])
    picture = np.array(seen_corners(seen))
    spare = np.abs(frame - frame.mean(0))[:, :2] - np.abs(picture - picture.mean(0))[:, :2]
    assert np.allclose(frame.mean(0), picture.mean(0), atol=1e-5)
    assert spare.min() == pytest.approx(0.0, abs=1e-5), "Blender's frame is fitted around it"


def test_its_picture_and_mask_are_what_the_run_saw(doubtful: bpy.types.Object) -> None:
    camera = api.help_in_view(doubtful, "mug", 2)
    seen = Camera.from_json(reported(doubtful))
    image = camera.sa3d.view
    assert tuple(image.size) == (seen.width, seen.height)
    assert np.allclose(np.array(image.pixels[:3]), 128 / 255, atol=1e-3)
    (slot,) = camera.data.background_images
    assert (slot.image, slot.frame_method) == (image, "FIT")
    cut = run_masks.run_mask(camera, mug_of(doubtful).key)
    assert cut.mask.shape == (seen.height, seen.width)
    assert cut.mask[:, : seen.width // 2].all()
    camera.location.x += 0.1
    assert run_masks.run_mask(camera, mug_of(doubtful).key) is None
    wide = views.field_camera(bpy.context.scene, camera, doubtful)
    assert (wide.width, wide.height) == (320, 240), "moved, it is a camera like any other"


def test_one_undo_takes_it_back(
    doubtful: bpy.types.Object, contents: Callable[[], dict[str, list[str]]]
) -> None:
    before, active = contents(), bpy.context.scene.camera.name
    api.help_in_view(doubtful, "mug", 2)
    assert contents() != before
    bpy.ops.ed.undo()
    assert contents() == before
    assert bpy.context.scene.camera.name == active


def test_a_correcting_click_is_sent_with_that_camera(
    doubtful: bpy.types.Object, reload_file: Callable[[], None]
) -> None:
    wanted = reported(doubtful)
    api.help_in_view(doubtful, "mug", 2)
    api.add_prompt(doubtful, x=200, y=260, label="NEGATIVE")
    assert read_question(bpy.context.scene)[0].params["camera"] == wanted
    reload_file()
    nerf = bpy.context.scene.sa3d.nerf
    api.segment(nerf)
    (more,) = request_of(nerf)["more_views"]
    assert more["camera"] == wanted
    assert more["objects"][0]["name"] == "mug"
    assert np.allclose(more["objects"][0]["points"], [(200, 260)], atol=0.02)


def test_a_camera_is_used_again_until_a_prompt_points_through_it(
    doubtful: bpy.types.Object,
) -> None:
    first = api.help_in_view(doubtful, "mug", 2)
    images = len(bpy.data.images)
    assert api.help_in_view(doubtful, "mug", 4) == first
    assert (first.name, len(bpy.data.images)) == (f"{doubtful.name} View 4", images)
    api.add_prompt(doubtful, x=100, y=80)
    first.sa3d.seen = first.sa3d.seen.replace('"w": 256', '"w": 255')  # another place's numbers
    assert api.help_in_view(doubtful, "mug", 2) != first
    assert len(doubtful.sa3d.nerf.help.objects) == 2


def test_the_button_does_the_same_and_needs_no_window(doubtful: bpy.types.Object) -> None:
    assert bpy.ops.sa3d.help_in_view(name="mug", view=4) == {"FINISHED"}
    assert bpy.context.scene.camera.name == f"{doubtful.name} View 4"
    told = bpy.ops.sa3d.help_in_view.get_rna_type().description
    assert told.startswith("Look from there")


def test_the_scene_is_not_held(
    doubtful: bpy.types.Object, longest_tick: Callable[..., float]
) -> None:
    longest_tick(lambda: api.help_in_view(doubtful, "mug", 2, wait=False))
    assert session.current.job.state == "done"


def test_pictures_that_are_gone_are_told_in_one_sentence(
    doubtful: bpy.types.Object, fake: Fake
) -> None:
    camera = bpy.context.scene.camera
    for how in ("pictures", "report"):
        mug_of(doubtful).doubt.gone = False
        if how == "pictures":
            fake("no_pictures")
        else:
            Path(mug_of(doubtful).doubt.report).unlink()
        with pytest.raises(UserError, match="not there any more; segment again") as told:
            api.help_in_view(doubtful, "mug", 2)
        assert told.value.code == "view_gone"
        assert mug_of(doubtful).doubt.gone
        assert bpy.context.scene.camera == camera
    fake("doubt")
    api.segment(doubtful)
    assert not mug_of(doubtful).doubt.gone
    assert api.help_in_view(doubtful, "mug", 2)


def test_a_view_that_is_not_listed_is_refused(doubtful: bpy.types.Object) -> None:
    with pytest.raises(UserError, match="lists no view 7"):
        api.help_in_view(doubtful, "mug", 7)


def test_the_panel_says_it_and_has_a_button_a_line(doubtful: bpy.types.Object) -> None:
    layout, entry = MagicMock(), mug_of(doubtful)
    column = layout.box.return_value.column.return_value
    draw_doubt(layout, entry)
    buttons = [call.kwargs["text"] for call in column.operator.call_args_list]
    assert buttons == ["View 2: agrees by 20%", "View 4: agrees by 40%"]
    assert column.enabled
    entry.doubt.gone = True
    draw_doubt(layout, entry)
    assert not column.enabled
    api.add_prompt(doubtful, x=90, y=80)
    layout.reset_mock()
    draw_doubt(layout, entry)
    layout.box.assert_not_called()
