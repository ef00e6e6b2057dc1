"""Settings of a run. One source for the command line, the wire and Blender's properties."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from .errors import UserError
from .mesh import LARGEST_TEXTURE
from .segmenters import AUTOMATIC, segmenter_menu
from .setting import Choice, check_ranges, menu, setting

SceneKind = Literal["auto", "bounded", "forward_facing"]
Background = Literal["auto", "white", "black"]
PromptRule = Literal["agreement", "confidence"]
Detail = Literal["draft", "normal", "fine"]

DETAIL_SCALES: dict[Detail, tuple[float, float]] = {
    "draft": (0.4, 0.15),
    "normal": (1.0, 1.0),
    "fine": (1.8, 4.0),
}
"""What a detail makes of a mesh's resolution and of its most faces."""

DETAIL_TOLERANCES: dict[Detail, float] = {"draft": 0.6, "normal": 0.3, "fine": 0.1}
"""How far simplifying may move a mesh's surface, in cells of that detail."""

MIN_RESOLUTION, MAX_RESOLUTION = 16, 512
"""Of a mesh, cells along the longest side."""
MIN_FACES = 100


@dataclass(frozen=True)
class FieldOptions:
    """What a checkpoint does not say about itself.

    The kind of field that reads an option refuses impossible ones.
    """

    scene: SceneKind = setting(
        "auto",
        "Scene",
        "How the NeRF was trained, where its file does not say",
        choices=lambda: menu(
            SceneKind,
            ("Automatic", "Guess from the checkpoint"),
            ("Bounded", "Cameras around the object, plain coordinates"),
            ("Forward-Facing", "Cameras on one side, normalised coordinates"),
        ),
    )
    background: Background = setting(
        "auto",
        "Background",
        "The colour behind the NeRF",
        choices=lambda: menu(
            Background,
            ("Automatic", "As the NeRF was trained"),
            ("White", "White"),
            ("Black", "Black"),
        ),
    )
    # A constant of the trained space, whatever camera renders it.
    ndc_focal: float | None = setting(
        None,
        "Training Focal Length",
        "Forward-facing scenes: focal length over half the image width in training; without one "
        "(0 in the panel) it is guessed",
        usual=(None, 10.0),
    )
    ndc_aspect: float | None = setting(
        None,
        "Training Aspect",
        "Forward-facing scenes: width over height of the training images; without one (0 in the "
        "panel) it is guessed",
        usual=(None, 4.0),
    )
    voxels_per_step: float | None = setting(
        None,
        "Voxels per Step",
        "DirectVoxGO: how far apart samples lie, as in the training's settings (stepsize); without "
        "one (0 in the panel) config.py beside the checkpoint says it, else it is 0.5",
        least=0.01,
        most=16.0,
        usual=(None, 2.0),
    )


@dataclass(frozen=True)
class SegmentSettings:
    """How an object is cut out. Defaults are the measured best; see the ablation table.

    Raises:
        UserError: one is out of range; so it is said before minutes of work, not after.
    """

    views: int = setting(
        24,
        "Views",
        "From how many sides the NeRF is seen, at most; fewer where they agree",
        noun="number of views",
        least=1,
        most=1000,
        usual=(None, 100),
    )
    view_size: int = setting(
        256,
        "View Size",
        "Longer side of these views; larger ones show finer parts and take longer",
        noun="view size",
        least=16,
        most=4096,
        usual=(64, 1024),
        unit="pixels",
    )
    segmenter: str = setting(
        AUTOMATIC,
        "Segmenter",
        "Which Segment Anything model cuts the views",
        choices=segmenter_menu,
    )
    weights: str | None = setting(
        None,
        "Weights",
        "Your own file of the model's weights (.pth); without one the downloaded one is taken",
        unit="file",
    )
    reference: bool = setting(
        False,
        "Original Method",
        "Only to compare: cut out exactly as the SA3D paper does (lambda = 0.15, every sample "
        "votes, its own rule for points, one pass). Usually less exact",
    )
    # What follows is for the ablation table; `reference` overrides all of it.
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

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True)
class MeshSettings:
    """How the surface is made from the mask grid and the density.

    Raises:
        UserError: one is out of range.
    """

    detail: Detail = setting(
        "normal",
        "Detail",
        "How fine the mesh is, in one word; the numbers under More are taken times what it says",
        choices=lambda: menu(
            Detail,
            ("Draft", "Quick to make and light, to see where things stand"),
            ("Normal", "As the numbers under More say"),
            ("Fine", "Nearly twice as fine, with four times the faces; takes much longer"),
        ),
    )
    smooth: float = setting(
        0.5,
        "Smooth",
        "How much of the small ripples is taken out of the surface, from none to all but the large "
        "forms; the volume stays",
        noun="smoothing",
        least=0.0,
        most=1.0,
    )
    resolution: int = setting(
        160,
        "Resolution",
        "How fine the mesh is: cells along the longest side of the object, or of the whole scene",
        noun="mesh resolution",
        least=MIN_RESOLUTION,
        most=MAX_RESOLUTION,
        usual=(64, None),
    )
    max_faces: int = setting(
        60_000,
        "Most Faces",
        "The mesh has at most this many triangles; fewer where it is flat and of one colour",
        noun="number of faces",
        least=MIN_FACES,
        most=10_000_000,
        usual=(None, 1_000_000),
    )
    # A share of votes; in hazy fields of views, 0 being the one that the object was found with.
    threshold: float = setting(
        0.0,
        "Strictness",
        "How sure the views must be that a place belongs to the object; lower adds what is "
        "missing, higher takes away what is too much",
        noun="mask threshold",
        least=-0.95,
        most=0.95,
    )
    density: float = setting(
        1.0,
        "Density",
        "How dense the NeRF is on the surface, 1 being what is measured; lower closes pits and "
        "keeps thin parts, higher takes haze away",
        noun="surface density",
        least=0.01,
        most=100.0,
        usual=(0.1, 4.0),
    )
    texture: int = setting(
        0,
        "Texture",
        "Bake the NeRF's colours into a picture of this size, with UVs; 0 for none",
        noun="texture",
        least=64,
        most=LARGEST_TEXTURE,
        unit="pixels",
        choices=lambda: (
            Choice(0, "None", "Vertex colours only"),
            Choice(1024, "1024 px", "A small texture, for things in the background"),
            Choice(2048, "2048 px", "A middle-sized texture"),
            Choice(4096, "4096 px", "A large texture; takes minutes"),
        ),
    )

    def __post_init__(self) -> None:
        check_ranges(self)

    @property
    def cells(self) -> int:
        """Along the longest side: the resolution at this detail."""
        wanted = round(self.resolution * DETAIL_SCALES[self.detail][0])
        return max(MIN_RESOLUTION, min(wanted, MAX_RESOLUTION))

    @property
    def face_budget(self) -> int:
        """The most faces at this detail."""
        return max(MIN_FACES, round(self.max_faces * DETAIL_SCALES[self.detail][1]))

    @property
    def tolerance(self) -> float:
        """How far simplifying may move the surface, in cells."""
        return DETAIL_TOLERANCES[self.detail]


OwnMeshes = Mapping[str, MeshSettings]
"""Mesh settings by object's name, of the objects whose meshes are not made as the others' are."""

REST_MESH = MeshSettings(resolution=256, max_faces=200_000)
"""Mesh settings for the rest of a scene, whose cells span the whole."""


S = TypeVar("S", FieldOptions, SegmentSettings, MeshSettings)


def settings_from_json(kind: type[S], data: dict[str, Any] | None) -> S:
    """Settings from a plain dict; missing ones keep their default.

    Raises:
        UserError: it is no dict, a name or a kind of value is unknown, or a number out of range.
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
