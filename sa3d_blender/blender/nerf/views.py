"""Cameras as the engine needs them, and the NeRF's picture behind them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np

from ...core.cameras import Camera, camera_from_blender, without_scale
from ...core.errors import UserError
from ...core.png import encode_png
from ..engine_link import session
from .nerf import field_from_world
from .picture_state import PictureState, picture_state, remember_view
from .seen_view import seen_camera


def active_camera(scene: bpy.types.Scene) -> bpy.types.Object | None:
    """The scene's active camera; None without one, and for one that was deleted.

    Blender goes on naming a deleted camera as long as anything else refers to it.
    """
    camera = scene.camera
    there = camera is not None and camera.type == "CAMERA" and camera.name in scene.objects
    return camera if there else None


def require_camera(scene: bpy.types.Scene) -> bpy.types.Object:
    """`active_camera`. Raises UserError when there is none."""
    camera = active_camera(scene)
    if camera is None:
        raise UserError("The scene has no active camera; add one.", code="no_camera")
    return camera


def world_camera(
    scene: bpy.types.Scene,
    camera: bpy.types.Object,
    field_from_world: np.ndarray | None = None,
) -> Camera:
    """The pinhole camera that Blender renders with, in world space or in a field's frame.

    It is the evaluated one. Where it stands for a view of a run, it has that view's pixels.

    Raises:
        UserError: the camera is not a perspective camera.
    """
    evaluated = camera.evaluated_get(bpy.context.evaluated_depsgraph_get())
    lens = evaluated.data
    if lens.type != "PERSP":
        raise UserError(
            f"{camera.name!r} is not a perspective camera; set its lens type to Perspective.",
            code="not_perspective",
        )
    matrix = np.array(evaluated.matrix_world, dtype=np.float64)
    if field_from_world is not None:
        matrix = field_from_world @ matrix
    seen = seen_camera(camera)
    if seen is not None:
        return replace(seen, field_from_camera=without_scale(matrix))
    render = scene.render
    return camera_from_blender(
        field_from_camera=matrix,
        lens=lens.lens,
        sensor_fit=lens.sensor_fit,
        sensor_width=lens.sensor_width,
        sensor_height=lens.sensor_height,
        shift_x=lens.shift_x,
        shift_y=lens.shift_y,
        resolution_x=render.resolution_x,
        resolution_y=render.resolution_y,
        resolution_percentage=render.resolution_percentage,
        pixel_aspect_x=render.pixel_aspect_x,
        pixel_aspect_y=render.pixel_aspect_y,
    )


def field_camera(
    scene: bpy.types.Scene, camera: bpy.types.Object, nerf: bpy.types.Object
) -> Camera:
    """The camera in the NeRF's frame, wherever its Empty was moved.

    Where it stands for a view of a run, it is that run's camera to the last digit.
    """
    depsgraph = bpy.context.evaluated_depsgraph_get()
    view = world_camera(scene, camera, field_from_world(nerf.evaluated_get(depsgraph)))
    seen = seen_camera(camera) if camera.parent == nerf else None
    return view if seen is None else seen


def state_of_picture(
    scene: bpy.types.Scene, nerf: bpy.types.Object, camera: bpy.types.Object
) -> PictureState:
    """Whether a camera's picture of a NeRF is what the camera sees now. Cheap: it is drawn."""
    try:
        view = field_camera(scene, camera, nerf)
    except UserError:  # told of where a picture is wanted
        return PictureState.good
    return picture_state(camera, view, rendering=session.running())


def was_aimed(nerf: bpy.types.Object, camera: bpy.types.Object) -> bool:
    """Whether a camera is more than what a new file happens to hold: nobody aimed that."""
    if camera.sa3d.view is not None:
        return True
    facts = nerf.sa3d.nerf
    own = {group for group in (facts.cameras, facts.training) if group is not None}
    return bool(own.intersection(camera.users_collection))


def load_picture(path: Path) -> np.ndarray:
    """A picture that the engine wrote: float32 [h w 3] in [0, 1], sRGB, top row first. No bpy.

    Raises:
        UserError: the file is not such a picture.
    """
    try:
        picture = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"The rendered view cannot be read ({error}); render it again.") from error
    if picture.ndim != 3 or picture.shape[2] != 3:
        raise UserError("The rendered view is not a picture; render it again.")
    return np.clip(np.nan_to_num(picture.astype(np.float32, copy=False)), 0, 1)


def png_of(picture: np.ndarray) -> bytes:
    """A picture of `load_picture` as a PNG file. No bpy."""
    return encode_png((picture * 255 + 0.5).astype(np.uint8))


def show_view(
    nerf: bpy.types.Object,
    camera: bpy.types.Object,
    png: bytes,
    size: tuple[int, int],
    view: Camera,
) -> bpy.types.Image:
    """Make the picture the camera's background, exactly where a render would be.

    The caller makes an undo step of it at once, as pointers change; see `repaint_view`.

    Args:
        size: the picture's width and height.
        view: what it was rendered with: the camera in the NeRF's frame.
    """
    image = packed_image(f"{nerf.name} from {camera.name}", png, size)
    old = camera.sa3d.view
    if old is not None:
        name = old.name
        old.user_remap(image)
        bpy.data.images.remove(old)
        image.name = name
    camera.sa3d.view = image
    remember_view(nerf, camera, view)
    backgrounds = camera.data.background_images
    slot = next((entry for entry in backgrounds if entry.image == image), None)
    if slot is None:
        slot = backgrounds.new()
        slot.image = image
    _show_behind(camera, slot)
    return image


def repaint_view(
    nerf: bpy.types.Object, camera: bpy.types.Object, png: bytes, view: Camera
) -> bool:
    """Give a camera's picture other content and note what it shows now; see `show_view`.

    No pointer changes, so no undo step is needed: Blender's undo keeps whatever is the same in two
    steps as it stands, and a pointer in it to an image that is in neither crashes Blender.

    Returns:
        Whether it was done; not where the camera has no picture, or none behind it.
    """
    image = camera.sa3d.view
    slots = [slot for slot in camera.data.background_images if slot.image == image]
    if image is None or not slots:
        return False
    repaint(image, png)
    remember_view(nerf, camera, view)
    _show_behind(camera, slots[0])
    return True


def _show_behind(camera: bpy.types.Object, slot: bpy.types.CameraBackgroundImage) -> None:
    slot.source = "IMAGE"
    # A picture with the render's pixels fills the frame, at any aspect; a run's lies within it.
    slot.frame_method = "STRETCH" if seen_camera(camera) is None else "FIT"
    slot.display_depth = "BACK"
    slot.alpha = 1.0
    slot.scale, slot.rotation, slot.offset = 1.0, 0.0, (0.0, 0.0)
    slot.use_flip_x = slot.use_flip_y = False
    slot.show_background_image = True
    camera.data.show_background_images = True


def repaint(image: bpy.types.Image, png: bytes) -> None:
    """Give an image other content, of any size.

    Only its own data change, no pointer to it: so Blender's undo is no worse off for not knowing.
    """
    image.pack(data=png, data_len=len(png))
    image.buffers_free()
    image.gl_free()
    image.update_tag()


def packed_image(name: str, png: bytes, size: tuple[int, int]) -> bpy.types.Image:
    """An image of that width and height from a PNG file's bytes, kept in the .blend."""
    image = bpy.data.images.new(name, *size)
    image.source = "FILE"
    image.pack(data=png, data_len=len(png))
    image.colorspace_settings.name = "sRGB"
    return image
