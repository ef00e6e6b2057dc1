"""Rows of the panel keep their place: nothing that is pointed at moves away under the mouse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.clicking import live_masks
from bl_ext.user_default.sa3d_blender.blender.engine_link import session
from bl_ext.user_default.sa3d_blender.blender.help.cures import still_wrong
from bl_ext.user_default.sa3d_blender.blender.installation import installation
from bl_ext.user_default.sa3d_blender.blender.ui import main_panel, panels
from bl_ext.user_default.sa3d_blender.core.errors import UserError

Fake = Callable[[str], None]


class Layout:
    """Adds up the heights of what is drawn, in rows."""

    def __init__(self, *, is_row: bool = False) -> None:
        self.heights: list[float] = []
        self.parts: list[Layout] = []
        self.texts: list[str] = []
        self.is_row = is_row
        self.scale_y = 1.0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def draw(*args: Any, **options: Any) -> Any:
            if name in ("row", "column", "box", "split"):
                part = Layout(is_row=name in ("row", "split"))
                self.parts.append(part)
                return part
            if name == "panel":
                return self.row(), None
            rows = {"separator": 0.0, "template_list": 3.0, "template_icon": 9.0}
            self.heights.append(rows.get(name, 1.0))
            self.texts.append(str(options.get("text", args[0] if args else "")))
            return SimpleNamespace()

        if name.startswith("__"):
            raise AttributeError(name)
        return draw

    @property
    def height(self) -> float:
        all_of_it = [*self.heights, *(part.height for part in self.parts)]
        return self.scale_y * (max(all_of_it, default=0) if self.is_row else sum(all_of_it))

    @property
    def words(self) -> str:
        return " ".join([*self.texts, *(part.words for part in self.parts)])


def draw(panel: Any, nerf: bpy.types.Object | None = None) -> Layout:
    layout = Layout()
    if nerf is None:
        panel.draw(SimpleNamespace(layout=layout), bpy.context)
    else:
        panel.draw_step(SimpleNamespace(layout=layout), bpy.context, layout, nerf)
    return layout


@pytest.fixture(autouse=True)
def _engine_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main_panel, "draw_missing_engine", lambda _layout: False)


def test_the_top_keeps_its_height_whatever_goes_on(nerf: bpy.types.Object, fake: Fake) -> None:
    heights = {"next step": draw(main_panel.SA3D_PT_main).height}
    api.add_prompt(nerf, x=100, y=80, object_name="mug")
    fake("slow")
    job = api.segment(nerf, wait=False)
    heights["begun"] = draw(main_panel.SA3D_PT_main).height
    for _ in range(20):
        session.pump()
    job.picture = "somewhere.png"
    heights["running"] = draw(main_panel.SA3D_PT_main).height
    job.gives_way = "This first picture is rough. You can go on while it gets sharp"
    heights["gives way"] = draw(main_panel.SA3D_PT_main).height
    session.wait(job)
    heights["done"] = draw(main_panel.SA3D_PT_main).height
    job.state, job.error = (
        "failed",
        UserError("Put a prompt on the object first.", code="no_prompt"),
    )
    heights["failed"] = draw(main_panel.SA3D_PT_main).height
    assert len(set(heights.values())) == 1, heights


def test_prompts_and_view_keep_their_height_when_masks_and_words_come(
    nerf: bpy.types.Object,
) -> None:
    api.render_view(nerf)
    api.add_prompt(nerf, x=100, y=80, object_name="mug")
    live_masks.forget()
    before = draw(panels.SA3D_PT_prompts, nerf).height, draw(panels.SA3D_PT_view, nerf).height
    live_masks.live.error = UserError("Only background here; click on it.", code="empty_background")
    told = draw(panels.SA3D_PT_prompts, nerf)
    assert "Only background" in told.words
    assert told.height == before[0]
    live_masks.forget()
    bpy.context.scene.camera.data.lens = 80
    marked = draw(panels.SA3D_PT_view, nerf)
    assert "Old picture" in marked.words
    assert marked.height == before[1]


def test_an_error_about_prompts_goes_when_they_are_mended(nerf: bpy.types.Object) -> None:
    empty = api.add_prompt(nerf, x=100, y=80)
    job = api.render_view(nerf, wait=False)
    session.wait(job)
    job.state, job.error = "failed", UserError("Empty background.", code="empty_background")
    assert still_wrong(job) is job.error
    assert still_wrong(job) is job.error, "as long as nothing changes"
    empty.location.x += 0.1
    bpy.context.view_layer.update()
    assert still_wrong(job) is None
    other = SimpleNamespace(state="failed", error=UserError("No disk.", code="cannot_write"))
    assert still_wrong(other) is other.error
    empty.location.x += 0.1
    assert still_wrong(other) is other.error, "that has nothing to do with prompts"


def test_what_a_set_up_left_out_is_said_below_the_button(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = SimpleNamespace(state="done", note="MobileSAM is not here.", error=None)
    monkeypatch.setattr(installation.current, "task", task)
    words = draw(main_panel.SA3D_PT_main).words
    assert "MobileSAM is not here." in words
    assert words.index("sa3d.load_nerf") < words.index("MobileSAM")
    api.load_nerf(checkpoint)
    assert "MobileSAM" not in draw(main_panel.SA3D_PT_main).words
