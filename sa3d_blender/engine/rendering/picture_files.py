"""Reading and writing picture files."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from ...core.cameras import MAX_IMAGE_SIDE
from ...core.errors import UserError
from ...core.files import written_whole
from ...core.git_lfs import refuse_lfs_pointer


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write bytes [h w 3] or [h w] as PNG."""
    with written_whole(path) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG")


def write_npy(path: Path, array: np.ndarray) -> None:
    """Write an array without pickles."""
    with written_whole(path) as temporary, temporary.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def read_picture(path: Path) -> np.ndarray:
    """sRGB bytes [h w 3]. Raises UserError when the file is missing or no picture."""
    refuse_lfs_pointer(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if max(image.size) > MAX_IMAGE_SIDE:
                    raise Image.DecompressionBombError
                return _eight_bits(image)
    except FileNotFoundError as error:
        raise UserError(
            f"There is no picture at {path}; check the path.", code="missing_file"
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UserError(
            f"{path} is larger than {MAX_IMAGE_SIDE}x{MAX_IMAGE_SIDE} pixels; scale it down.",
            code="image_size",
        ) from error
    except Exception as error:  # the readers raise whatever the damage happens to trigger
        raise UserError(
            f"{path} is not a picture that can be read; use PNG or JPEG.", code="not_a_picture"
        ) from error


def _eight_bits(image: Image.Image) -> np.ndarray:
    """Bytes [h w 3] of a picture of any kind.

    Of 16 bits per grey value they are the upper 8, which Pillow would cut off. What is transparent
    is on white, as NeRF-synthetic's pictures are trained; Pillow would show what is hidden.
    """
    if image.mode.startswith("I"):
        grey = (np.asarray(image).astype(np.int64).clip(0, 0xFFFF) >> 8).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB"))
