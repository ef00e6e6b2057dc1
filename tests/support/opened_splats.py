"""Opening files of Gaussians: what they hold, or the one sentence that refuses them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sa3d_blender.core.errors import UserError
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.gaussian_splats.field import SplatField

CPU = torch.device("cpu")


def load(path: Path) -> SplatField:
    """A splat in a file."""
    field = load_field(path, FieldOptions(), device=CPU)
    assert isinstance(field, SplatField)
    return field


def refused(path: Path, code: str) -> str:
    """The one sentence."""
    with pytest.raises(UserError) as caught:
        load_field(path, FieldOptions(), device=CPU)
    assert caught.value.code == code
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    return text
