"""With the bundled segmenter, in pictures of two scenes: points and boxes are obeyed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sa3d_blender.core.cameras import Camera, read_transforms
from sa3d_blender.core.prompts import OBJECT, Prompt
from sa3d_blender.core.segmenters import BUNDLED
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.commands.session import Session
from sa3d_blender.engine.fields.spaces.ndc import with_training_camera
from sa3d_blender.engine.mask_grids.mask_grid import region_nodes
from sa3d_blender.engine.mask_grids.result import SegmentedObject
from sa3d_blender.engine.segmenters.dialogue import contradictions
from sa3d_blender.engine.segmenters.mask_components import BOX_MARGIN
from tests.support.ground_truth import Scene, id_picture, iou, load_scene

DATA = Path(__file__).parents[2] / "data"
SIDE = 120


class Pictures:
    """Those of a scene's test cameras, as the live masks ask about them."""

    def __init__(self, name: str) -> None:
        self.checkpoint = DATA / name / f"{name}.th"
        size = (SIDE, SIDE)
        self.cameras = read_transforms(DATA / name / "transforms_test.json", size=size)
        self.options = with_training_camera(FieldOptions(), self.cameras[0])
        self.scene: Scene = load_scene(DATA / name / "gt")
        self.session = Session(torch.device("cpu"))

    def mask(
        self, camera: Camera, prompt: Prompt | None, found: SegmentedObject | None = None
    ) -> np.ndarray:
        """The first mask of an answer."""
        (answer,) = self.session.predict(
            *(self.checkpoint, self.options, camera, [prompt] if prompt else [], (BUNDLED, None)),
            found={"thing": found} if found else None,
        )
        return np.asarray(answer.masks[0])


@pytest.fixture(scope="module", params=["tabletop", "shelf"])
def pictures(request: pytest.FixtureRequest) -> Pictures:
    return Pictures(request.param)


def pixels(chosen: np.ndarray, count: int, seed: int) -> list[tuple[float, float]]:
    """Middles of some of the pixels."""
    rows, columns = chosen.nonzero()
    picks = np.random.default_rng(seed).integers(len(rows), size=count)
    return [(columns[n] + 0.5, rows[n] + 0.5) for n in picks]


def test_points_are_inside_or_outside_as_they_say(pictures: Pictures) -> None:
    camera = pictures.cameras[0]
    seen = id_picture(pictures.scene, camera)
    for seed, number in enumerate(np.unique(seen[seen > 0])[:2]):
        inside = pixels(seen == number, 2, seed)
        outside = pixels((seen != number) & (seen > 0), 2, seed)
        clicks = [(*inside[0], 1)]
        before = None
        for on, off in zip(inside, outside, strict=True):
            for x, y, label in ((*off, 0), (*on, 1)):
                clicks.append((x, y, label))
                question = Prompt("thing").with_clicks(clicks)
                mask = pictures.mask(camera, question)
                assert contradictions(mask, question) == 0, (number, clicks)
                if before is not None and not label:
                    assert not (mask & ~before).any(), "a negative adds nothing"
                before = mask


def test_a_mask_from_a_box_stays_in_it(pictures: Pictures) -> None:
    camera = pictures.cameras[1]
    seen = id_picture(pictures.scene, camera)
    for number in np.unique(seen[seen > 0])[:3]:
        rows, columns = (seen == number).nonzero()
        if len(rows) < 30:
            continue
        low, high = (columns.min(), rows.min()), (columns.max() + 1.0, rows.max() + 1.0)
        box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        mask = pictures.mask(camera, Prompt("thing", box=box))
        assert mask.any()
        y, x = mask.nonzero()
        across, down = BOX_MARGIN * (box[2] - box[0]) + 1, BOX_MARGIN * (box[3] - box[1]) + 1
        assert box[0] - across <= x.min() <= x.max() <= box[2] + across
        assert box[1] - down <= y.min() <= y.max() <= box[3] + down


def test_in_a_new_view_points_correct_what_the_run_found() -> None:
    """The run found the box and, wrongly, what is around it on the table."""
    pictures = Pictures("tabletop")
    vertices = pictures.scene.meshes["box"][0]
    field = pictures.session.field(pictures.checkpoint, pictures.options)
    corners = torch.from_numpy(np.stack([vertices.min(axis=0), vertices.max(axis=0)])).float()
    lower, upper = field.grid_from_field(corners + torch.tensor([[-0.25], [0.25]]))
    place = field.field_from_grid(region_nodes(lower, upper, (40, 40, 40)))
    thing = ((place > corners[0] - 0.02) & (place < corners[1] + 0.02)).all(dim=1)
    too_much = (place[:, 2] < 0.03) & (place[:, 0] > corners[1, 0])
    values = torch.where(thing | too_much, 1.0, -1.0).view(40, 40, 40)
    found = SegmentedObject("old name", lower, upper, values, values < 0, level=20.0)
    camera = pictures.cameras[0]
    truth = id_picture(pictures.scene, camera) == pictures.scene.ids["box"]
    silhouette = pictures.mask(camera, None, found)
    assert iou(silhouette, truth) > 0.5
    assert (silhouette & ~truth).sum() > 100, "the excess is seen"
    (off,) = pixels(silhouette & ~truth, 1, 0)
    negative = Prompt("thing", (off,), (0,), refines=True)
    mask = pictures.mask(camera, negative, found)
    assert contradictions(mask, negative) == 0
    assert not (mask & ~silhouette).any(), "it takes away, and shows what is left"
    assert iou(mask, truth) >= iou(silhouette, truth)
    missing = id_picture(pictures.scene, camera) == pictures.scene.ids["mug"]
    (on,) = pixels(missing & ~silhouette, 1, 0)
    added = pictures.mask(camera, Prompt("thing", (on,), (OBJECT,), refines=True), found)
    assert (added & silhouette).sum() == silhouette.sum(), "it adds"
    assert added[int(on[1]), int(on[0])]
