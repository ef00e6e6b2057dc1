"""A segmenter that never errs: it cuts the ground-truth object under the first positive point."""

from __future__ import annotations

from typing import Any

import numpy as np

from sa3d_blender.core.cameras import Camera
from sa3d_blender.core.prompts import OBJECT, Prompt
from sa3d_blender.engine.segmenters.protocol import ImageEmbedding, MaskPrediction
from sa3d_blender.engine.view_path import prepared_views

from .ground_truth import Scene, id_picture
from .one_by_one import OneByOne
from .scripted_segmenter import numbered


class PerfectSegmenter(OneByOne):
    """Knows the scene; has to be told which camera the next picture is from."""

    name = "perfect"

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.camera: Camera | None = None
        self.cameras: list[Camera] = []
        self._ids: list[np.ndarray] = []

    def watch(self, monkeypatch: Any) -> None:
        """Note the camera of every view that the pipeline renders in colour."""
        original = prepared_views.render_view

        def render_view(field: Any, camera: Camera, **options: Any) -> Any:
            if options.get("with_color", True):
                self.camera = camera
            return original(field, camera, **options)

        monkeypatch.setattr(prepared_views, "render_view", render_view)

    def embed(self, image: np.ndarray, relief: object = None) -> ImageEmbedding:
        """Remember the exact ids of this view; the features are only their number."""
        assert self.camera is not None
        self.cameras.append(self.camera)
        self._ids.append(id_picture(self.scene, self.camera))
        return numbered(image, len(self._ids) - 1)

    def answer(self, embedding: ImageEmbedding, prompt: Prompt) -> MaskPrediction:
        """The object under the first positive point."""
        ids = self._ids[int(embedding.features)]
        x, y = prompt.point_array(OBJECT)[0]
        mask = ids == ids[min(int(y), ids.shape[0] - 1), min(int(x), ids.shape[1] - 1)]
        low = np.where(mask, 1.0, -1.0).astype(np.float32)[None]
        return MaskPrediction(mask[None], np.ones(1, np.float32), low)
