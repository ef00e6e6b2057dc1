"""Drawing on the graphics card: a picture, a mask with its contour, markers, outlines.

Everything is in pixels of the region, y upwards. Only called from a draw handler.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader
from mathutils import Matrix

from .own_shader import MATRIX, Named, own_shader

Corners = Sequence[Sequence[float]]
Color = tuple[float, float, float, float]
EDGE: Color = (0.02, 0.02, 0.02, 1.0)
"""Around markers and lines, so that they are seen on white, too."""

_PLACE = """
void main()
{
  place = texCoord;
  gl_Position = ModelViewProjectionMatrix * vec4(pos.xy, 0.0, 1.0);
}
"""
_PICTURE = """
void main()
{
  fragColor = vec4(texture(image, place).rgb, 1.0);
}
"""
# The mask is smooth at its edge, so its slope gives the distance to the contour in screen pixels.
# It is interpolated by hand, as Blender's Python cannot ask for that before 4.5.
_MASK = """
float at(ivec2 texel)
{
  return texelFetch(image, clamp(texel, ivec2(0), textureSize(image, 0) - 1), 0).r;
}

void main()
{
  vec2 position = place * vec2(textureSize(image, 0)) - 0.5;
  ivec2 texel = ivec2(floor(position));
  vec2 share = fract(position);
  float lower = mix(at(texel), at(texel + ivec2(1, 0)), share.x);
  float upper = mix(at(texel + ivec2(0, 1)), at(texel + ivec2(1, 1)), share.x);
  float inside = mix(lower, upper, share.y);
  float away = (inside - 0.5) / max(fwidth(inside), 1e-4);
  float fill = color.a * smoothstep(-0.7, 0.7, away);
  float line = 1.0 - smoothstep(width, width + 1.0, abs(away));
  fragColor = vec4(color.rgb, max(fill, line));
}
"""
_PIXELS = """
void main()
{
  fragColor = vec4(pow(texture(image, place).rgb, vec3(2.2)), 1.0);
}
"""
_MARKER = """
void main()
{
  float away = length(place);
  float soft = fwidth(away);
  float disc = 1.0 - smoothstep(1.0 - soft, 1.0, away);
  float edge = smoothstep(0.82 - soft, 0.82, away);
  float rim = smoothstep(0.60 - soft, 0.60, away);
  vec2 arm = abs(place);
  float bar = step(arm.y, 0.11) * step(arm.x, 0.38);
  float post = step(arm.x, 0.11) * step(arm.y, 0.38) * (1.0 - negative);
  vec3 tone = mix(color.rgb, vec3(0.0), 0.75 * negative);
  vec3 inner = mix(tone, vec3(1.0), max(rim, max(bar, post)));
  fragColor = vec4(mix(inner, dark.rgb, edge), disc * mix(1.0, dark.a, edge));
}
"""


def _shader(fragment: str, constants: Sequence[Named] = (), *, textured: bool = True) -> Any:
    return own_shader(
        _PLACE,
        fragment,
        inputs=(("VEC2", "pos"), ("VEC2", "texCoord")),
        passed=("smooth", "VEC2", "place"),
        constants=constants,
        images=("image",) if textured else (),
    )


@cache
def _picture_shader() -> Any:
    return _shader(_PICTURE)


@cache
def _pixels_shader() -> Any:
    return _shader(_PIXELS)


@cache
def _mask_shader() -> Any:
    return _shader(_MASK, (("VEC4", "color"), ("FLOAT", "width")))


@cache
def _marker_shader() -> Any:
    constants = (("VEC4", "color"), ("VEC4", "dark"), ("FLOAT", "negative"))
    return _shader(_MARKER, constants, textured=False)


def mask_texture(mask: np.ndarray) -> Any:
    """A texture of a mask [h w], smooth at the edge over some two of its pixels."""
    soft = np.pad(mask, 2, mode="edge").astype(np.float32)
    for axis in (0, 1):
        size = soft.shape[axis]
        parts = [np.take(soft, range(k, size - 2 + k), axis) for k in range(3)]
        soft = (parts[0] + 2 * parts[1] + parts[2]) / 4
    soft = np.ascontiguousarray(soft[1:-1, 1:-1][::-1])
    height, width = soft.shape
    data = gpu.types.Buffer("FLOAT", width * height, soft.ravel())
    return gpu.types.GPUTexture((width, height), format="R16F", data=data)


def draw_picture(image: bpy.types.Image, corners: Corners) -> None:
    """Draw a Blender image into the camera's frame, with its own colours, before everything."""
    _draw_before_all(_picture_shader(), gpu.texture.from_image(image), corners)


def picture_pixels(picture: np.ndarray) -> np.ndarray:
    """What `picture_texture` takes, of a picture [h w 3] in [0, 1], top row first. No bpy."""
    rgba = np.ones((*picture.shape[:2], 4), np.float32)
    rgba[..., :3] = picture[::-1]
    return rgba


def picture_texture(pixels: np.ndarray) -> Any:
    """A texture of pixels [h w 4] in [0, 1], bottom row first."""
    height, width, _ = pixels.shape
    data = gpu.types.Buffer("FLOAT", pixels.size, pixels.ravel())
    return gpu.types.GPUTexture((width, height), format="RGBA8", data=data)


def draw_pixels(texture: Any, corners: Corners) -> None:
    """Draw a texture of `picture_texture` into the camera's frame, before everything."""
    _draw_before_all(_pixels_shader(), texture, corners)


def _draw_before_all(shader: Any, texture: Any, corners: Corners) -> None:
    """Whatever was drawn is hidden, and hides nothing of what is drawn from now on."""
    shader.bind()
    shader.uniform_sampler("image", texture)
    gpu.state.depth_test_set("ALWAYS")
    gpu.state.depth_mask_set(True)
    try:
        _quad(shader, corners, matrix=_farthest(*gpu.state.viewport_get()[2:]))
    finally:
        gpu.state.depth_mask_set(False)
        gpu.state.depth_test_set("NONE")


def draw_backdrop(texture: Any, corners: Corners, region: tuple[int, int]) -> None:
    """Draw it behind everything, while a 3D view of this width and height is drawn."""
    shader = _pixels_shader()
    shader.bind()
    shader.uniform_sampler("image", texture)
    gpu.state.depth_test_set("LESS_EQUAL")
    try:
        _quad(shader, corners, matrix=_farthest(*region))
    finally:
        gpu.state.depth_test_set("NONE")


def _farthest(width: int, height: int) -> Matrix:
    """From pixels of a region to its clip space, as far away as anything can be."""
    rows = ((2 / width, 0, 0, -1), (0, 2 / height, 0, -1), (0, 0, 0, 1 - 1e-6), (0, 0, 0, 1))
    return Matrix(rows)


def draw_mask(texture: Any, corners: Corners, color: Color) -> None:
    """Tint a mask and draw its contour; the colour's alpha is the tint's."""
    shader = _mask_shader()
    shader.bind()
    shader.uniform_sampler("image", texture)
    shader.uniform_float("color", color)
    shader.uniform_float("width", 1.0 * bpy.context.preferences.system.ui_scale)
    _quad(shader, corners)


def draw_marker(
    center: tuple[float, float], radius: float, color: Sequence[float], negative: bool
) -> None:
    """Draw a disc with a plus, or a dark one with a minus, in a white and a dark ring."""
    shader = _marker_shader()
    shader.bind()
    shader.uniform_float("color", (*color[:3], 1.0))
    shader.uniform_float("dark", EDGE)
    shader.uniform_float("negative", float(negative))
    (x, y), r = center, radius
    square = [(x + r, y + r), (x + r, y - r), (x - r, y - r), (x - r, y + r)]
    _quad(shader, square, low=-1.0)


def draw_outline(points: Sequence[tuple[float, float]], color: Color) -> None:
    """Draw a closed line of two pixels, with a dark edge."""
    shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
    line = [(x, y, 0.0) for x, y in (*points, points[0])]
    batch = batch_for_shader(shader, "LINE_STRIP", {"pos": line})
    shader.bind()
    shader.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
    for width, shown in ((4.0, EDGE), (2.0, color)):
        shader.uniform_float("lineWidth", width * bpy.context.preferences.system.ui_scale)
        shader.uniform_float("color", shown)
        batch.draw(shader)


def _quad(shader: Any, corners: Corners, *, low: float = 0.0, matrix: Matrix | None = None) -> None:
    """Two triangles; corners are top right, bottom right, bottom left, top left."""
    places = [(1.0, 1.0), (1.0, low), (low, low), (low, 1.0)]
    content: dict[str, Any] = {"pos": [tuple(corner) for corner in corners], "texCoord": places}
    batch = batch_for_shader(shader, "TRIS", content, indices=((0, 1, 2), (0, 2, 3)))
    if matrix is None:
        matrix = gpu.matrix.get_projection_matrix() @ gpu.matrix.get_model_view_matrix()
    shader.uniform_float(MATRIX, matrix)
    batch.draw(shader)
