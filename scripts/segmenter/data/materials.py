"""Random materials: plain, checkered, striped, spotted, noisy, wooden, glossy."""

from __future__ import annotations

import colorsys
import random

import bpy


def random_color() -> tuple[float, float, float, float]:
    """A colour, sometimes grey, pale or dark."""
    hue, saturation = random.random(), random.choice((random.random(), 0.05, 0.8))
    value = random.choice((random.uniform(0.05, 1), random.uniform(0.6, 1)))
    return (*colorsys.hsv_to_rgb(hue, saturation, value), 1.0)


def random_material(*, scale: float = 1.0) -> bpy.types.Material:
    """A material whose pattern has a period of about ``scale`` units."""
    material = bpy.data.materials.new("random")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    surface = nodes["Principled BSDF"]
    surface.inputs["Roughness"].default_value = random.uniform(0.1, 1.0)
    surface.inputs["Metallic"].default_value = float(random.random() < 0.07)
    first = random_color()
    second = random_color()
    if random.random() < 0.3:
        second = tuple(0.6 * a + 0.4 * b for a, b in zip(first, second, strict=True))
    pattern = random.choice(("plain", "plain", "checker", "wave", "spots", "noise", "brick"))
    if pattern == "plain":
        surface.inputs["Base Color"].default_value = first
        return material
    place = nodes.new("ShaderNodeTexCoord")
    turn = nodes.new("ShaderNodeMapping")
    turn.inputs["Rotation"].default_value = [random.uniform(0, 3) for _ in range(3)]
    if pattern in ("checker", "wave", "brick") and random.random() < 0.7:
        turn.inputs["Rotation"].default_value = (0, 0, random.choice((0, 1.57, 0.4)))
    links.new(place.outputs["Object"], turn.inputs["Vector"])
    period = scale * random.uniform(0.3, 1.2)
    factor = _pattern(nodes, links, turn.outputs["Vector"], pattern, period)
    mix = nodes.new("ShaderNodeMix")
    mix.data_type = "RGBA"
    colors = [socket for socket in mix.inputs if socket.type == "RGBA"]
    colors[0].default_value, colors[1].default_value = first, second
    links.new(factor, mix.inputs[0])
    output = next(socket for socket in mix.outputs if socket.type == "RGBA")
    links.new(output, surface.inputs["Base Color"])
    return material


def _pattern(nodes, links, vector, pattern: str, period: float):  # type: ignore[no-untyped-def]
    if pattern == "checker":
        texture = nodes.new("ShaderNodeTexChecker")
        texture.inputs["Scale"].default_value = 2 / period
        texture.inputs["Color1"].default_value = (1, 1, 1, 1)
        texture.inputs["Color2"].default_value = (0, 0, 0, 1)
        links.new(vector, texture.inputs["Vector"])
        return texture.outputs["Fac"]
    if pattern == "brick":
        texture = nodes.new("ShaderNodeTexBrick")
        texture.inputs["Scale"].default_value = 1.5 / period
        links.new(vector, texture.inputs["Vector"])
        return texture.outputs["Fac"]
    if pattern == "wave":
        texture = nodes.new("ShaderNodeTexWave")
        texture.inputs["Scale"].default_value = 0.6 / period
        texture.inputs["Distortion"].default_value = random.choice((0, 0, 3, 8))
        source = texture.outputs["Fac"]
    elif pattern == "spots":
        texture = nodes.new("ShaderNodeTexVoronoi")
        texture.inputs["Scale"].default_value = 1.2 / period
        texture.inputs["Randomness"].default_value = random.random()
        source = texture.outputs["Distance"]
    else:
        texture = nodes.new("ShaderNodeTexNoise")
        texture.inputs["Scale"].default_value = 2 / period
        source = texture.outputs["Fac"]
    links.new(vector, texture.inputs["Vector"])
    if pattern == "noise" and random.random() < 0.5:
        return source
    sharp = nodes.new("ShaderNodeMapRange")
    middle = random.uniform(0.35, 0.6)
    sharp.inputs["From Min"].default_value = middle - 0.02
    sharp.inputs["From Max"].default_value = middle + 0.02
    links.new(source, sharp.inputs["Value"])
    return sharp.outputs["Result"]


def add_ambient(strength: float) -> None:
    """Let all materials shine a little in their own colour: ambient light without noise."""
    for material in bpy.data.materials:
        surface = material.node_tree and material.node_tree.nodes.get("Principled BSDF")
        if not surface:
            continue
        base, glow = surface.inputs["Base Color"], surface.inputs["Emission Color"]
        glow.default_value = base.default_value
        if base.is_linked:
            material.node_tree.links.new(base.links[0].from_socket, glow)
        surface.inputs["Emission Strength"].default_value = strength
