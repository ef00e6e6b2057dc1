"""The NeRF in the viewport, as it is seen: points in their colours, and the followed camera."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tests.gui.artist import Artist
from tests.gui.window import ADDON, Window

VIEWPORT = (slice(120, 700), slice(60, 760))
"""Rows and columns of a screenshot that show the scene alone."""


def shares(path: Path) -> dict[str, float]:
    """Parts of the viewport in which the mug's green, the wood's brown and pure white are seen."""
    with Image.open(path) as picture:
        red, green, blue = np.moveaxis(
            np.asarray(picture.convert("RGB"))[VIEWPORT].astype(int), 2, 0
        )
    seen = {
        "green": (green > red + 50) & (green > blue + 20) & (green > 90),
        "brown": (red > green + 15) & (green > blue + 15) & (red > 120),
        "white": np.minimum(np.minimum(red, green), blue) > 250,
    }
    return {name: float(where.mean()) for name, where in seen.items()}


def test_points_show_the_whole_nerf_and_can_be_hidden(artist: Artist, window: Window) -> None:
    for name in ("point_proxy", "viewport_preview"):
        window.run(f'{name} = sys.modules["{ADDON}.blender.viewport.{name}"]')
    window.run("bpy.data.objects.remove(bpy.data.objects['Cube'])")
    artist.load()
    window.run("view3d()[1].spaces.active.region_3d.view_distance = 5")
    proxies = "[p.level for p in point_proxy.proxies.by_nerf.values()]"
    window.until(f"{proxies} == [2]", wait=300)
    seen = shares(artist.see("20_points"))
    assert seen["brown"] > 0.03
    assert seen["green"] > 0.001
    window.run("bpy.context.scene.sa3d.nerf.sa3d.nerf.show_points = False")
    hidden = shares(artist.see("21_points_hidden"))
    assert hidden["brown"] < 0.003
    window.run("bpy.context.scene.sa3d.nerf.sa3d.nerf.show_points = True")


def test_the_camera_is_followed(artist: Artist, window: Window) -> None:
    window.run(
        "r = bpy.context.scene.render\nr.resolution_x, r.resolution_y = 320, 240\n"
        "in_viewport(lambda c: bpy.ops.sa3d.add_camera())\n"
        "in_viewport(lambda c: bpy.ops.sa3d.follow_camera())"
    )
    whole = "(lambda p: bool(p and p.pixels is None))(viewport_preview.following.picture)"
    window.until(whole, wait=300)
    seen = shares(artist.see("22_followed"))
    assert seen["white"] > 0.1
    assert seen["brown"] > 0.03
    window.run("bpy.context.scene.camera.location.z += 0.3")
    window.until(f"not {whole}", wait=60)
    window.until(whole, wait=300)
    assert window.value("bpy.context.scene.camera.sa3d.view is not None")
    window.run("bpy.ops.sa3d.follow_camera()")
    assert not window.value("viewport_preview.following.on")
