"""Pinhole cameras in the field frame, and the two ways they arrive: from Blender and from files.

Axes are OpenGL's, as in Blender, NeRF-synthetic and nerfstudio: x right, y up, looking along -z.
Pixels have their origin at the top left corner of the image; the centre of the first is (0.5, 0.5).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .errors import UserError, about_file
from .frame_lens import focal_length, native_size, principal_point
from .git_lfs import refuse_lfs_pointer
from .json_values import are_numbers, is_number, is_whole, not_as_expected

MAX_IMAGE_SIDE = 8192
"""Larger views are refused: no segmenter profits from them, and a typing error fills the disk."""
TYPICAL_NDC_FOCAL = 1.62
"""Focal length over half the image width of the LLFF data set's phone pictures."""
TYPICAL_NDC_ASPECT = 4 / 3
"""Width over height of the LLFF data set's pictures."""
MAX_TRANSFORMS_BYTES = 2**28
"""Larger camera files are not read: a quarter of a million cameras fit."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    ``field_from_camera`` is the 4x4 camera-to-field matrix (c2w) with unit, right-handed axes.
    Focal lengths and principal point are in pixels.
    """

    width: int
    height: int
    fl_x: float
    fl_y: float
    cx: float
    cy: float
    field_from_camera: np.ndarray

    def __post_init__(self) -> None:
        check_image_size(self.width, self.height)
        matrix = np.asarray(self.field_from_camera, dtype=np.float64)
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
            raise UserError("The camera matrix must be 4x4 and finite; check the camera file.")
        if not (self.fl_x > 0 and self.fl_y > 0 and math.isfinite(self.fl_x + self.fl_y)):
            raise UserError("The camera's focal length must be positive; check the camera.")
        object.__setattr__(self, "field_from_camera", matrix)

    @property
    def origin(self) -> np.ndarray:
        """Camera centre in the field frame, shape (3,)."""
        return self.field_from_camera[:3, 3]

    @property
    def forward(self) -> np.ndarray:
        """Unit viewing direction in the field frame, shape (3,)."""
        return -self.field_from_camera[:3, 2]

    def resized(self, width: int, height: int) -> Camera:
        """The camera with another pixel grid; the view's extent stays."""
        x, y = width / self.width, height / self.height
        return replace(
            self,
            width=width,
            height=height,
            fl_x=self.fl_x * x,
            fl_y=self.fl_y * y,
            cx=self.cx * x,
            cy=self.cy * y,
        )

    def cropped(
        self, x0: float, y0: float, x1: float, y1: float, width: int, height: int
    ) -> Camera:
        """The part of the view between two corners in pixels, on a pixel grid of its own."""
        x, y = width / (x1 - x0), height / (y1 - y0)
        return replace(
            self,
            width=width,
            height=height,
            fl_x=self.fl_x * x,
            fl_y=self.fl_y * y,
            cx=(self.cx - x0) * x,
            cy=(self.cy - y0) * y,
        )

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixel positions [n 2] of field-frame points [n 3]; not a number behind the camera."""
        camera_from_field = np.linalg.inv(self.field_from_camera)
        local = points @ camera_from_field[:3, :3].T + camera_from_field[:3, 3]
        depth = np.where(local[:, 2] < 0, -local[:, 2], np.nan)
        x = self.cx + self.fl_x * local[:, 0] / depth
        y = self.cy - self.fl_y * local[:, 1] / depth
        return np.stack([x, y], axis=1)

    def to_json(self) -> dict[str, Any]:
        """A plain dict that `from_json` reads back."""
        return {
            "w": self.width,
            "h": self.height,
            "fl_x": self.fl_x,
            "fl_y": self.fl_y,
            "cx": self.cx,
            "cy": self.cy,
            "transform_matrix": self.field_from_camera.tolist(),
        }

    @staticmethod
    def from_json(data: Any) -> Camera:
        """Read what `to_json` wrote. Raises UserError when a value is missing or unusable."""
        if not isinstance(data, dict):
            raise not_as_expected("A camera", "an object with named values", data)
        for key in ("w", "h", "fl_x", "fl_y", "cx", "cy"):
            kind, fits = ("whole number", is_whole) if key in "wh" else ("number", is_number)
            if not fits(data.get(key)):
                raise not_as_expected(f"A camera's {key!r}", f"a {kind}", data.get(key))
        rows = data.get("transform_matrix")
        if not isinstance(rows, list) or [are_numbers(row, 4) for row in rows] != [True] * 4:
            raise not_as_expected(
                "A camera's 'transform_matrix'", "four rows of four numbers", rows
            )
        return Camera(
            width=int(data["w"]),
            height=int(data["h"]),
            fl_x=float(data["fl_x"]),
            fl_y=float(data["fl_y"]),
            cx=float(data["cx"]),
            cy=float(data["cy"]),
            field_from_camera=np.array(rows, dtype=np.float64),
        )


def check_image_size(width: int, height: int) -> None:
    """Raise UserError unless the picture has at least one pixel and a reasonable size."""
    if not (1 <= width <= MAX_IMAGE_SIDE and 1 <= height <= MAX_IMAGE_SIDE):
        raise UserError(
            f"A picture of {width}x{height} pixels cannot be rendered; "
            f"choose a size between 1x1 and {MAX_IMAGE_SIDE}x{MAX_IMAGE_SIDE}.",
            code="image_size",
        )


def camera_from_blender(
    *,
    field_from_camera: np.ndarray,
    lens: float,
    sensor_fit: str,
    sensor_width: float,
    sensor_height: float,
    shift_x: float,
    shift_y: float,
    resolution_x: int,
    resolution_y: int,
    resolution_percentage: int,
    pixel_aspect_x: float,
    pixel_aspect_y: float,
) -> Camera:
    """The pinhole camera that Blender's perspective camera is.

    Args:
        field_from_camera: 4x4; scale in the camera's axes is dropped, as Blender does.
        lens, sensor_width, sensor_height: millimetres.
        sensor_fit: ``AUTO``, ``HORIZONTAL`` or ``VERTICAL``.
        shift_x, shift_y: lens shift in units of the fitted image side.
        resolution_percentage: 1 to 100 and above, as in the render settings.
    """
    width = max(1, int(resolution_x * resolution_percentage / 100))
    height = max(1, int(resolution_y * resolution_percentage / 100))
    fit = sensor_fit
    if fit == "AUTO":
        wide = width * pixel_aspect_x >= height * pixel_aspect_y
        fit = "HORIZONTAL" if wide else "VERTICAL"
    sensor = sensor_height if sensor_fit == "VERTICAL" else sensor_width
    aspect = pixel_aspect_y / pixel_aspect_x
    fitted_side = width if fit == "HORIZONTAL" else aspect * height
    fl_x = lens / sensor * fitted_side
    return Camera(
        width=width,
        height=height,
        fl_x=fl_x,
        fl_y=fl_x / aspect,
        cx=width / 2 - shift_x * fitted_side,
        cy=height / 2 + shift_y * fitted_side / aspect,
        field_from_camera=without_scale(field_from_camera),
    )


def without_scale(matrix: np.ndarray) -> np.ndarray:
    """A copy of a 4x4 matrix with the columns of its 3x3 part normalised."""
    rigid = np.array(matrix, dtype=np.float64)
    lengths = np.linalg.norm(rigid[:3, :3], axis=0, keepdims=True)
    rigid[:3, :3] /= np.where(lengths > 0, lengths, np.nan)
    return rigid


def read_transforms(path: Path, *, size: tuple[int, int] | None = None) -> list[Camera]:
    """Cameras of a NeRF-synthetic, instant-ngp or nerfstudio ``transforms.json``.

    Args:
        path: the file; image sizes come from it, from ``size``, or from the images beside it.
        size: (width, height) in pixels that overrides the file's.

    Raises:
        UserError: the file is missing, is not JSON, or lacks what a camera needs.
    """
    return [camera_of_frame(values, Path(path), size) for values in transforms_frames(Path(path))]


def transforms_frames(path: Path) -> list[dict[str, Any]]:
    """The frames of a ``transforms.json``, each with what the file says for all of them.

    Raises:
        UserError: the file is missing, is not JSON, or holds no frames.
    """
    refuse_lfs_pointer(path)
    try:
        if path.stat().st_size > MAX_TRANSFORMS_BYTES:
            raise ValueError
        data = json.loads(path.read_text(encoding="utf-8-sig"))  # Windows writes a mark first
        frames = data["frames"]
    except FileNotFoundError as error:
        raise UserError(
            f"There is no camera file at {path}; choose another.", code="missing_file"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(
            f"{path} is not a transforms.json with a list of frames; choose another camera file."
        ) from error
    if not isinstance(frames, list) or not frames:
        raise UserError(f"{path} holds no frames; choose a camera file with at least one.")
    shared = {name: value for name, value in data.items() if name != "frames"}
    try:
        return [{**shared, **frame} for frame in frames]
    except TypeError as error:
        raise _lacking(path, "it is no table of named values") from error


def camera_of_frame(
    values: dict[str, Any], path: Path, size: tuple[int, int] | None = None
) -> Camera:
    """The pinhole part of one frame's camera; see `transforms_frames` and `read_transforms`."""
    if "transform_matrix" not in values:
        raise _lacking(path, "it has no transform_matrix")
    try:
        width, height = native_size(values, path) or size or _fail_no_size(path)
        fl_x = focal_length(values, "x", width)
        fl_y = focal_length(values, "y", height)
        if fl_x is None and fl_y is None:
            raise _lacking(path, "it has none of fl_x, fx, camera_angle_x, K and intrinsics")
        with about_file(path):
            camera = Camera(
                width,
                height,
                float((fl_y if fl_x is None else fl_x) or 0),
                float((fl_x if fl_y is None else fl_y) or 0),
                principal_point(values, "x", width),
                principal_point(values, "y", height),
                without_scale(_whole_matrix(values["transform_matrix"])),
            )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError) as error:
        raise _lacking(path, "one of them is written in a form that is not known") from error
    return camera.resized(*size) if size else camera


def _lacking(path: Path, reason: str) -> UserError:
    return UserError(
        f"A frame of {path} lacks its matrix or focal length ({reason}); choose another camera "
        "file, or write it anew."
    )


def _whole_matrix(rows: Any) -> np.ndarray:
    """The 4x4 matrix; some files leave its last row (0, 0, 0, 1) out."""
    matrix = np.array(rows, dtype=np.float64)
    return np.vstack([matrix, (0, 0, 0, 1)]) if matrix.shape == (3, 4) else matrix


def _fail_no_size(path: Path) -> tuple[int, int]:
    raise UserError(
        f"{path} does not say how large its images are; give the size, e.g. --size 800x800.",
        code="image_size",
    )
