"""Reading and writing pictures: renders, depths and masks."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from ...core.cameras import MAX_IMAGE_SIDE, Camera
from ...core.errors import UserError
from ...core.files import check_writable, file_stems, written_whole
from ...core.prompts import ObjectPrompt
from ...core.settings import FieldOptions
from ..commands.session import Session
from ..fields.protocol import RadianceField
from ..segmentation.artist_view import moved_clicks, to_bytes
from ..segmentation.report import Run
from ..segmentation.result import SegmentResult
from ..segmenters.protocol import Segmenter
from .masked_picture import render_with_masks


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
    """Bytes [h w 3]: of 16 bits per grey value the upper 8, of what is transparent the picture on
    white, as NeRF-synthetic's are trained; Pillow would cut the ones off and show what is hidden.
    """
    if image.mode.startswith("I"):
        grey = (np.asarray(image).astype(np.int64).clip(0, 0xFFFF) >> 8).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB"))


def render_frames(
    session: Session,
    checkpoint: Path,
    options: FieldOptions,
    cameras: Mapping[int, Camera],
    out: Path,
    *,
    depth: bool = False,
    floats: bool = False,
    result: Path | None = None,
    run: Run | None = None,
) -> None:
    """Write ``FRAME.png`` for each camera, and on request depth, floats and object masks.

    Args:
        cameras: by frame number, which is the files' name; as in the training's camera files.
        result: a saved segmentation; its objects become ``FRAME_mask_NAME.png``, 0 or 255.
    """
    run = run or Run()
    check_writable(out)
    objects = SegmentResult.load(result, device=session.device).objects if result else ()
    stems = file_stems(entry.name for entry in objects)
    for n, (frame, camera) in enumerate(cameras.items()):
        run.progress("render", n, len(cameras), f"Frame {frame}")
        field = session.field(checkpoint, options, run)
        picture, masks = render_with_masks(
            field, as_trained(field, camera), objects, cancelled=run.is_cancelled
        )
        write_png(out / f"{frame}.png", to_bytes(picture.image))
        if floats:
            write_npy(out / f"{frame}.npy", picture.image.cpu().numpy().astype(np.float32))
        if depth:
            write_npy(out / f"{frame}_depth.npy", picture.depth.cpu().numpy().astype(np.float32))
        for entry, mask in zip(objects, masks, strict=True):
            name = f"{frame}_mask_{stems[entry.name]}.png"
            write_png(out / name, mask.astype(np.uint8) * 255)
    run.progress("render", len(cameras), len(cameras), "Done")


def as_trained(field: RadianceField, camera: Camera) -> Camera:
    """A camera file's camera with its rays where the field's training had them in the pixels.

    Vanilla NeRF's go through the pixels' corners; only so does a render equal its pictures.
    """
    shift = 0.5 - getattr(field, "pixel_center", 0.5)
    return replace(camera, cx=camera.cx + shift, cy=camera.cy + shift)


def cut_picture(
    segmenter: Segmenter, picture: Path, objects: Sequence[ObjectPrompt], out: Path
) -> None:
    """Write each object's candidate masks ``NAME_0.png`` ... (best first) and ``scores.json``."""
    image = read_picture(picture)
    height, width = image.shape[:2]
    for prompt in objects:
        prompt.check_inside(width, height)
    check_writable(out)
    embedding = segmenter.embed(image)
    camera = Camera(width, height, 1.0, 1.0, 0.0, 0.0, np.eye(4))
    scores = {}
    stems = file_stems(prompt.name for prompt in objects)
    for prompt in objects:
        answer = moved_clicks(prompt, camera, camera).predict(segmenter, embedding, multimask=True)
        for i, mask in enumerate(answer.masks):
            write_png(out / f"{stems[prompt.name]}_{i}.png", mask.astype(np.uint8) * 255)
        # Predicted IoUs: the segmenter's guess may overshoot what an IoU can be.
        scores[prompt.name] = [round(min(max(float(s), 0.0), 1.0), 4) for s in answer.scores]
    with written_whole(out / "scores.json") as temporary:
        temporary.write_text(json.dumps(scores, indent=1, ensure_ascii=False), encoding="utf-8")
