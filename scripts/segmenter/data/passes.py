"""Pictures of a Blender scene with what is where in them: rendered, developed and written."""

from __future__ import annotations

import json
import math
import random
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from exr import read_exr
from PIL import Image
from scipy import ndimage

SAMPLES = 4
NOTHING = 1e6
"""Depth, in metres, from which on a pixel shows nothing."""
DEEPEST = 65535


@dataclass(frozen=True)
class Geometry:
    """What the camera sees; arrays [h w]."""

    ids: np.ndarray
    """int, 16 times the object plus its part."""
    depth: np.ndarray
    """float, metres along the view direction; infinite where nothing is."""

    @property
    def objects(self) -> np.ndarray:
        """The object of each pixel, 0 where nothing is."""
        return self.ids // 16


def set_up_passes(scene: bpy.types.Scene) -> None:
    """Write linear colour, depth and object indices to one file."""
    layer = scene.view_layers[0]
    layer.use_pass_z = layer.use_pass_object_index = True
    settings = scene.render.image_settings
    settings.file_format = "OPEN_EXR_MULTILAYER"
    settings.color_depth, settings.exr_codec = "32", "NONE"
    scene.cycles.max_bounces, scene.cycles.transparent_max_bounces = 2, 8
    scene.cycles.diffuse_bounces = scene.cycles.glossy_bounces = 1
    scene.cycles.use_light_tree = False
    scene.cycles.sample_clamp_indirect = 3.0
    scene.cycles.denoiser, scene.cycles.denoising_quality = "OPENIMAGEDENOISE", "FAST"
    scene.cycles.denoising_prefilter = "NONE"


def see(scene: bpy.types.Scene, scratch: Path) -> Geometry:
    """Objects and depths at the centres of the pixels; leaves are cut out by their alpha."""
    scene.cycles.samples, scene.cycles.use_denoising = 1, False
    scene.cycles.pixel_filter_type, scene.cycles.filter_width = "BOX", 0.01
    bounces, scene.cycles.max_bounces = scene.cycles.max_bounces, 0
    channels = _rendered(scene, scratch)
    scene.cycles.max_bounces = bounces
    depth = channels["Depth.Z"].copy()
    depth[depth > NOTHING] = math.inf
    ids = np.where(np.isfinite(depth), channels["IndexOB.X"], 0).round().astype(int)
    return Geometry(ids, depth)


def shoot(scene: bpy.types.Scene, scratch: Path) -> np.ndarray:
    """Linear colours with alpha, float [h w 4], premultiplied."""
    scene.cycles.samples, scene.cycles.use_denoising = SAMPLES, True
    scene.cycles.pixel_filter_type, scene.cycles.filter_width = "GAUSSIAN", 1.5
    channels = _rendered(scene, scratch)
    return np.stack([channels[f"Combined.{channel}"] for channel in "RGBA"], axis=-1)


def _rendered(scene: bpy.types.Scene, scratch: Path) -> dict[str, np.ndarray]:
    """The channels of the scene's picture, by names without the layer's."""
    path = scratch / "picture.exr"
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    return {name.split(".", 1)[1]: values for name, values in read_exr(path).items()}


def develop(linear: np.ndarray, seen: np.ndarray, background: np.ndarray | None) -> np.ndarray:
    """An 8-bit picture, exposed for what is ``seen`` (bool [h w]), over a colour if any.

    A slight blur makes up for outlines of few samples.
    """
    linear = ndimage.gaussian_filter(linear, (*[random.uniform(0.3, 0.6)] * 2, 0))
    alpha = linear[..., 3:].clip(0, 1)
    color = linear[..., :3] / np.maximum(alpha, 1e-4)
    brightness = color[seen].mean(axis=-1) if seen.any() else np.ones(1)
    middle = random.uniform(0.16, 0.34) / max(float(np.median(brightness)), 1e-4)
    highest = random.uniform(0.9, 1.6) / max(float(np.quantile(brightness, 0.95)), 1e-4)
    exposed = color * min(middle, highest)
    shoulder = random.uniform(0.6, 0.95)
    rolled = shoulder + (1 - shoulder) * np.tanh((exposed - shoulder) / (1 - shoulder))
    exposed = np.where(exposed > shoulder, rolled, exposed).clip(0, 1)
    shown = np.where(exposed < 0.0031308, exposed * 12.92, 1.055 * exposed ** (1 / 2.4) - 0.055)
    if background is not None:
        shown = shown * alpha + background * (1 - alpha)
    return (shown * 255 + 0.5).clip(0, 255).astype(np.uint8)


def write(path: Path, picture: np.ndarray, geometry: Geometry, focal: float) -> None:
    """The three files of a view, `_geometry.png` last and whole, as render_scenes.py has them."""
    nearest = max(float(geometry.depth.min()), 1e-3)
    whole = np.floor(DEEPEST * 0.98 * nearest / geometry.depth).astype(int).clip(0, DEEPEST)
    packed = np.stack([geometry.ids, whole // 256, whole % 256], axis=-1).astype(np.uint8)
    path.with_name(f"{path.name}.json").write_text(json.dumps({"focal": focal}))
    Image.fromarray(picture).save(path.with_name(f"{path.name}.png"))
    part = path.with_name(f"{path.name}.part")
    Image.fromarray(packed).save(part, "PNG")
    part.rename(path.with_name(f"{path.name}_geometry.png"))
