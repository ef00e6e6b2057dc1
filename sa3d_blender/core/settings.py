"""Settings of a run. One source for the command line, the wire and Blender's properties."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from .errors import UserError
from .segmenters import AUTOMATIC

SceneKind = Literal["auto", "bounded", "forward_facing"]
Background = Literal["auto", "white", "black"]
PromptRule = Literal["agreement", "confidence"]


@dataclass(frozen=True)
class FieldOptions:
    """What a checkpoint does not say about itself."""

    scene: SceneKind = "auto"
    background: Background = "auto"
    ndc_focal: float | None = None
    """Forward-facing scenes: the training cameras' focal length over half the image width.
    A constant of the trained space, whatever camera renders it; guessed when not given."""
    ndc_aspect: float | None = None
    """Forward-facing scenes: width over height of the training pictures."""
    voxels_per_step: float | None = None
    """DirectVoxGO: the distance of samples in voxels, where no file says it."""


@dataclass(frozen=True)
class SegmentSettings:
    """How an object is cut out. Defaults are the measured best; see the ablation table."""

    views: int = 24
    """At most: a run ends sooner where further views change nothing."""
    view_size: int = 256
    """Longer side of the views that are rendered for the segmenter, in pixels."""
    segmenter: str = AUTOMATIC
    """A name of `core.segmenters`."""
    weights: str | None = None
    """File of the weights that the user gave; None takes the downloaded or bundled ones."""
    reference: bool = False
    """The paper exactly: eq. 3 to 6, lambda 0.15, its prompt rule. Overrides all below."""
    grid_resolution: int = 128
    """Nodes along the longest side of an object's mask grid."""
    negative_weight: float = 1.0
    """The paper's lambda: what a vote against weighs beside a vote for."""
    min_weight: float = 0.05
    """Samples of less weight (omega) do not vote; they are not the surface."""
    skip_edges: bool = True
    """Pixels on a mask's edge do not vote: they see the object and what is behind it."""
    passes: int = 2
    """After the first pass every view is asked again, now knowing all others."""
    prompt_rule: PromptRule = "agreement"
    gate: bool = True
    """Whether a mask that contradicts earlier views is kept from voting."""


@dataclass(frozen=True)
class MeshSettings:
    """How the surface is made from the mask grid and the density."""

    resolution: int = 160
    """Cells along the longest side of the object's box."""
    max_faces: int = 60_000
    """Budget of the simplification."""
    threshold: float = 0.0
    """Share of votes, from -1 to 1, above which a place belongs to the object; in hazy fields a
    share of views, 0 being the one that the object was found with."""
    density: float = 1.0
    """Density at which the surface lies, in units of the density at which rays meet it."""
    texture: int = 0
    """Side of the square texture in pixels; 0 for none."""


OwnMeshes = Mapping[str, MeshSettings]
"""Of those objects, by name, whose meshes are not made as the others' are."""

REST_MESH = MeshSettings(resolution=256, max_faces=200_000)
"""Of the rest of a scene: its cells span the whole."""


S = TypeVar("S", FieldOptions, SegmentSettings, MeshSettings)


def settings_from_json(kind: type[S], data: dict[str, Any] | None) -> S:
    """Settings from a plain dict; missing ones keep their default.

    Raises:
        UserError: it is no dict, or a name or a kind of value is unknown; ranges are not looked at.
    """
    data = {} if data is None else data
    if not isinstance(data, dict):
        raise UserError(f"{kind.__name__} must be settings by name, not {data!r}.", code="setting")
    unknown = set(data) - {field.name for field in fields(kind)}
    if unknown:
        raise UserError(f"Unknown setting {sorted(unknown)[0]!r} for {kind.__name__}.")
    hints = get_type_hints(kind)
    for name, value in data.items():
        if not _is_of_kind(value, hints[name]):
            raise UserError(f"The setting {name!r} cannot be {value!r}.", code="setting")
    return kind(**data)


def _is_of_kind(value: Any, hint: Any) -> bool:
    """Whether a setting declared like this can have a value that came as JSON."""
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    kinds = get_args(hint) or (hint,)
    if isinstance(value, bool) or value is None:
        return type(value) in kinds
    return isinstance(value, kinds) or (float in kinds and isinstance(value, int))


def own_meshes_from_json(data: Any, usual: MeshSettings | None = None) -> dict[str, MeshSettings]:
    """Mesh settings by the object's name; what is not said of one is as in ``usual``.

    Raises:
        UserError: they are something else.
    """
    meshes = {} if data is None else data
    if not isinstance(meshes, dict) or not all(isinstance(m, dict) for m in meshes.values()):
        raise UserError("Own mesh settings must be settings by the object's name.")
    rest = settings_to_json(usual or MeshSettings())
    return {name: settings_from_json(MeshSettings, rest | mesh) for name, mesh in meshes.items()}


def settings_to_json(settings: FieldOptions | SegmentSettings | MeshSettings) -> dict[str, Any]:
    """A plain dict that `settings_from_json` reads back."""
    return asdict(settings)
