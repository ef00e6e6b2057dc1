"""Runs inside Blender: what `stress` does there by Python, as its keys and mouse would be slow to.

Each function changes something or raises RuntimeError with Blender's own sentence.
"""

import contextlib
import resource
import sys

import bpy

MOST_AREAS, SMALLEST = 7, 160
"""As many areas the window gets, and the pixels of a side below which none is split."""


def window():
    """The first window."""
    return bpy.context.window_manager.windows[0]


def viewports():
    """All 3D viewports on the screen."""
    return [area for area in window().screen.areas if area.type == "VIEW_3D"]


@contextlib.contextmanager
def inside(area):
    """Operators act on an area's main region."""
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window(), area=area, region=region):
        yield bpy.context


def some(things, share):
    """The thing at a share of a list's length."""
    return things[int(share * len(things))] if things else None


def split(share, direction, factor):
    """Split an area in two."""
    large = [area for area in window().screen.areas if min(area.width, area.height) > SMALLEST]
    if len(window().screen.areas) >= MOST_AREAS or not large:
        return "enough areas"
    with inside(some(large, share)):
        return bpy.ops.screen.area_split(direction=direction, factor=factor)


def close(share):
    """Close an area; a neighbour takes its place. One viewport stays."""
    areas = [area for area in window().screen.areas if area.type != "VIEW_3D"]
    areas += viewports()[1:]
    if not areas:
        return "no area to close"
    with inside(some(areas, share)):
        return bpy.ops.screen.area_close()


def become(share, kind):
    """Make an area one of another kind; one viewport stays."""
    areas = [area for area in window().screen.areas if area != viewports()[0]]
    if not areas:
        return "one area only"
    some(areas, share).ui_type = kind
    return kind


def turn(share, x, y):
    """Turn a viewport; one that looks through a camera takes it along."""
    area = some(viewports(), share)
    space = area.spaces.active
    space.lock_camera = True
    camera = space.camera
    if space.region_3d.view_perspective == "CAMERA" and camera is not None:
        camera.location.x += 0.05 * x
        camera.location.z += 0.05 * y
        return "camera"
    with inside(area):
        return bpy.ops.view3d.view_orbit(angle=0.3 * x, type="ORBITLEFT" if y < 0 else "ORBITUP")


def in_some_viewport(share, operator, **options):
    """Call an operator in a viewport, with an undo step as a button makes it.

    Without one, an undo afterwards may crash Blender: it keeps what two steps have in common as it
    stands, with pointers to what was made in between.
    """
    with inside(some(viewports(), share)):
        family, name = operator.split(".")
        return getattr(getattr(bpy.ops, family), name)("INVOKE_DEFAULT", True, **options)


def shade(share, kind):
    """Choose a viewport's shading."""
    some(viewports(), share).spaces.active.shading.type = kind


def cameras():
    """The scene's cameras."""
    return [thing for thing in bpy.context.scene.objects if thing.type == "CAMERA"]


def delete_camera(share):
    """Delete a camera."""
    camera = some(cameras(), share)
    if camera is not None:
        bpy.data.objects.remove(camera)
        bpy.ops.ed.undo_push(message="Delete")


def rename_camera(share, name):
    """Give a camera another name."""
    camera = some(cameras(), share)
    if camera is not None:
        camera.name = camera.data.name = name
        bpy.ops.ed.undo_push(message="Rename")


def choose_camera(share):
    """Make a camera the active one."""
    bpy.context.scene.camera = some(cameras(), share)
    bpy.ops.ed.undo_push(message="Choose Camera")


def resolution(width, height):
    """Change the render's size."""
    render = bpy.context.scene.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = width, height, 100
    bpy.ops.ed.undo_push(message="Resolution")


def render():
    """Render the scene as F12 does: on another thread, which calls handlers."""
    scene = bpy.context.scene
    scene.render.engine = "BLENDER_WORKBENCH"
    bpy.context.preferences.view.render_display_type = "NONE"
    with bpy.context.temp_override(window=window()):
        return bpy.ops.render.render("INVOKE_DEFAULT", animation=False)


def play():
    """Begin or stop the animation."""
    with bpy.context.temp_override(window=window()):
        return bpy.ops.screen.animation_play()


def begin_with():
    """What is missing for a click: ``load``, ``camera``, or nothing."""
    scene = bpy.context.scene
    if not any(thing.sa3d.kind == "NERF" for thing in scene.objects):
        return "load"
    return "" if scene.camera is not None and scene.camera.sa3d.view is not None else "camera"


def is_busy():
    """Whether a job runs."""
    return module("engine_link.session").running()


def small_runs():
    """Have runs take few views, so that there are many."""
    for thing in bpy.data.objects:
        if thing.sa3d.kind == "NERF":
            facts = thing.sa3d.nerf
            facts.views, facts.view_size, facts.resolution = 4, 96, 32


def workspace(share):
    """Change to another workspace with a viewport."""
    names = [name for name in ("Layout", "Modeling", "UV Editing") if name in bpy.data.workspaces]
    window().workspace = bpy.data.workspaces[some(names, share)]


def place_in_view(share, x, y):
    """A place in a viewport on the screen, y downwards, from shares of its sides."""
    area = some(viewports(), share)
    region = next(region for region in area.regions if region.type == "WINDOW")
    return [region.x + x * region.width, window().height - 1 - (region.y + y * region.height)]


def module(name):
    """A module of the add-on; None where it is not enabled."""
    return sys.modules.get(f"bl_ext.user_default.sa3d_blender.blender.{name}")


def state():
    """What is compared between the beginning and the end."""
    session = module("engine_link.session")
    return {
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "job": session.current.job.state if session and session.current.job else "",
        "engine": session.current.engine.pid if session and session.current.engine else None,
        "areas": len(window().screen.areas),
    }
