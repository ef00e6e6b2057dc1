"""Jobs whose results are pictures: renders with depths and masks, and masks of one picture."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...core.cameras import Camera
from ...core.files import check_writable, file_stems, written_whole
from ...core.prompts import Prompt
from ...core.settings import FieldOptions
from ..fields.protocol import RadianceField
from ..mask_grids.result import SegmentResult
from ..rendering.picture_files import read_picture, write_npy, write_png
from ..rendering.render import to_bytes
from ..run import Run
from ..segmentation.masked_picture import render_with_masks
from ..segmenters.dialogue import predict_in_turn
from ..segmenters.protocol import Segmenter
from .session import Session


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
        picture, masks = render_with_masks(field, as_trained(field, camera), objects, run=run)
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
    shift = 0.5 - field.pixel_center
    return replace(camera, cx=camera.cx + shift, cy=camera.cy + shift)


def cut_picture(segmenter: Segmenter, picture: Path, objects: Sequence[Prompt], out: Path) -> None:
    """Write each object's candidate masks ``NAME_0.png`` ... (best first) and ``scores.json``."""
    image = read_picture(picture)
    height, width = image.shape[:2]
    for prompt in objects:
        prompt.check_inside(width, height)
    check_writable(out)
    embedding = segmenter.embed(image)
    scores = {}
    stems = file_stems(prompt.name for prompt in objects)
    for prompt in objects:
        answer = predict_in_turn(segmenter, embedding, prompt)
        for i, mask in enumerate(answer.masks):
            write_png(out / f"{stems[prompt.name]}_{i}.png", mask.astype(np.uint8) * 255)
        # Predicted IoUs: the segmenter's guess may overshoot what an IoU can be.
        scores[prompt.name] = [round(min(max(float(s), 0.0), 1.0), 4) for s in answer.scores]
    with written_whole(out / "scores.json") as temporary:
        temporary.write_text(json.dumps(scores, indent=1, ensure_ascii=False), encoding="utf-8")
