"""Against float pictures that nerfstudio's own renderer made of its own nerfacto checkpoint.

The checkpoint has 17 MB, too much for the repository: put the path of its run's folder, with
nerfstudio's float renders and cameras in ``upstream_renders``, into ``SA3D_NERFACTO``, and these
tests run. Every part is also compared with a plain renderer, see ``test_synthetic.py``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sa3d_blender.core.cameras import Camera
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.protocol import RadianceField
from sa3d_blender.engine.rendering.render import View, render_view

RUN = Path(os.environ.get("SA3D_NERFACTO", Path(__file__).parents[3] / "data" / "nerfacto"))
WINDOW = 96
"""Side of the part of each picture that is compared, in pixels."""


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RadianceField]:
    """The run's field, where it is at hand."""
    if not RUN.exists():
        pytest.skip(f"{RUN} is not there; see this module's description")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SA3D_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield load_field(RUN, FieldOptions(), device=torch.device("cpu"))


def reference(number: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """A camera as nerfstudio wrote it, and what its renderer made: picture, acc, depth."""
    folder = RUN / "upstream_renders"
    camera = json.loads((folder / "cameras.json").read_text())["cameras"][number]
    names = {"image": "", "opacity": "_acc", "depth": "_expected_depth"}
    return camera, {
        name: np.load(folder / f"test_{number}{end}.npy") for name, end in names.items()
    }


def window(camera: dict[str, Any], left: int, top: int) -> Camera:
    """The part of a camera's picture from that pixel on."""
    matrix = np.eye(4)
    matrix[:3] = camera["c2w"]
    focal = camera["fx"], camera["fy"]
    return Camera(WINDOW, WINDOW, *focal, camera["cx"] - left, camera["cy"] - top, matrix)


def psnr(view: View, expected: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB for values in [0, 1]."""
    return float(-10 * np.log10(((view.image().numpy() - expected) ** 2).mean()))


@pytest.mark.parametrize(("number", "left", "top"), [(0, 50, 60), (1, 90, 20), (2, 40, 90)])
def test_pictures_agree(field: RadianceField, number: int, left: int, top: int) -> None:
    camera, expected = reference(number)
    view = render_view(field, window(camera, left, top))
    part = np.s_[top : top + WINDOW, left : left + WINDOW]
    assert psnr(view, expected["image"][part]) > 43
    opacity = expected["opacity"][part].reshape(WINDOW, WINDOW)
    # The volume that coarse proposals are looked up in costs this much, and 20 dB (`baking`).
    assert np.abs(view.opacity().numpy() - opacity).mean() < 8e-3
    solid = opacity > 0.9
    depth = np.abs(view.depth().numpy() - expected["depth"][part].reshape(WINDOW, WINDOW))
    assert np.median(depth[solid]) < 0.01  # far away, a few pixels are off by far more


def test_the_run_is_understood(field: RadianceField) -> None:
    assert field.family == "nerfacto"
    assert field.scene == "unbounded"
    assert field.notes == ()
    assert field.background.tolist() == [1.0] * 3
    assert np.allclose(field.info()["field_from_dataset"], np.eye(4))
