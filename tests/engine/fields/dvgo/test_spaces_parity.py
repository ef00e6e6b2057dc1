"""DirectVoxGO's forward-facing and unbounded models against the authors' own code.

Both files were trained and rendered by the authors' model classes (``DirectMPIGO``, layers in NDC,
and ``DirectContractedVoxGO``), whose CUDA functions were written again in PyTorch for that; see
docs/fields.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from sa3d_blender.core.cameras import Camera
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.protocol import RadianceField
from sa3d_blender.engine.fields.spaces.ndc import with_training_camera
from sa3d_blender.engine.rendering.render import render_view

DATA = Path(__file__).parents[3] / "data"


@dataclass(frozen=True)
class Kind:
    """A model class and its file."""

    file: str
    model: str
    scene: str
    background: float
    voxels_per_step: float


KINDS = (
    Kind("shelf_layers/layers_last.tar", "DirectMPIGO", "forward_facing", 0.0, 1.0),
    Kind("tabletop_contracted/contracted_last.tar", "DirectContractedVoxGO", "unbounded", 1.0, 0.5),
)


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.model)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each model class in turn."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def pictures(kind: Kind) -> list[tuple[Camera, np.ndarray]]:
    """Cameras and what the authors' code rendered from them."""
    with np.load((DATA / kind.file).with_name("reference.npz")) as data:
        images, matrices, focal = data["image"], data["field_from_camera"], float(data["focal"])
    size = images.shape[2], images.shape[1]
    lens = (focal, focal, size[0] / 2, size[1] / 2)
    return [(Camera(*size, *lens, m), image) for m, image in zip(matrices, images, strict=True)]


@pytest.fixture(scope="module")
def field(kind: Kind, pictures: list[tuple[Camera, np.ndarray]]) -> RadianceField:
    """The model, with the lens of its training where it needs one."""
    options = with_training_camera(FieldOptions(), pictures[0][0])
    return load_field(DATA / kind.file, options, device=torch.device("cpu"))


def test_pictures_agree(field: RadianceField, pictures: list[tuple[Camera, np.ndarray]]) -> None:
    for camera, expected in pictures:
        made = render_view(field, camera).image().numpy()
        assert -10 * np.log10(((made - expected) ** 2).mean()) > 50


def test_what_it_is_comes_from_its_content(kind: Kind, field: RadianceField) -> None:
    facts = field.info()
    assert facts["model"] == kind.model
    assert field.scene == kind.scene
    assert field.background.tolist() == [kind.background] * 3
    assert f"{kind.voxels_per_step:g} voxels per step, says config.py" in " ".join(facts["notes"])
