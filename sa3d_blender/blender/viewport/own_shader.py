"""Shaders of our own on the graphics card. Only called from a draw handler."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gpu

MATRIX = "ModelViewProjectionMatrix"
Named = tuple[str, str]
"""A kind of value, as Blender's ``gpu`` module names it, and the value's name in the source."""


def own_shader(
    vertex: str,
    fragment: str,
    *,
    inputs: Sequence[Named],
    passed: tuple[str, str, str],
    constants: Sequence[Named] = (),
    images: Sequence[str] = (),
) -> Any:
    """A shader that writes ``fragColor`` and knows the matrix `MATRIX`.

    Args:
        inputs: what each vertex has.
        passed: what the fragments get of the vertices: ``smooth`` or ``flat``, kind, name.
        constants: what is set once for all vertices, besides the matrix.
        images: names of textures.
    """
    info = gpu.types.GPUShaderCreateInfo()
    how, *named = passed
    interface = gpu.types.GPUStageInterfaceInfo("sa3d_passed")
    getattr(interface, how)(*named)
    for kind, name in (("MAT4", MATRIX), *constants):
        info.push_constant(kind, name)
    for slot, name in enumerate(images):
        info.sampler(slot, "FLOAT_2D", name)
    for slot, (kind, name) in enumerate(inputs):
        info.vertex_in(slot, kind, name)
    info.vertex_out(interface)
    info.fragment_out(0, "VEC4", "fragColor")
    info.vertex_source(vertex)
    info.fragment_source(fragment)
    return gpu.shader.create_from_info(info)
