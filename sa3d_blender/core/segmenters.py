"""Every segmenter there is: the one list that all others are made from.

The command line's choices, the panel's menu, the downloads, the preferences, the README's table and
the engine's loader read it. Adding a segmenter is one entry here and one module in
``engine/segmenters``; CONTRIBUTING.md has the steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .background import shown_bytes
from .errors import UserError
from .remote_file import RemoteFile
from .setting import Choice

AUTOMATIC = "automatic"
"""The best segmenter that is there; `resolve_segmenter` says which one that is."""
AUTOMATIC_NUMBER = 1000
"""Behind all that the list of segmenters may ever hold."""
BUNDLED = "bundled"
"""The one inside the add-on, which is always there."""
RECOMMENDED = "mobile_sam"
"""The one that *Set Up* downloads too, unless the artist unticks it."""
_META = "https://dl.fbaipublicfiles.com/segment_anything"
_MOBILE_SAM = (
    "https://raw.githubusercontent.com/ChaoningZhang/MobileSAM/"
    "f706ad9c4eb7f219c00d9050e46328518ffb65d2/weights"
)


@dataclass(frozen=True)
class SegmenterSpec:
    """What is known of a segmenter without loading it."""

    name: str
    """What settings, files and the command line call it."""
    label: str
    """What menus call it."""
    description: str
    """For the artist, who chooses: a few words, no full stop."""
    module: str
    """Module of ``engine/segmenters`` whose ``load`` makes the segmenter."""
    weights: RemoteFile | None = None
    """The official file; None where it comes with the add-on."""
    memory: int = 0
    """Bytes that the engine takes with it on the CPU, at its most; measured for one 256 px view."""
    is_quick_on_cpu: bool = False
    """Whether a view takes seconds on a CPU, not a minute."""

    @property
    def download_bytes(self) -> int:
        """Bytes of the weights' file; 0 where nothing is downloaded."""
        return self.weights.size or 0 if self.weights else 0

    @property
    def costs(self) -> str:
        """Size and memory, for menus."""
        if self.weights is None:
            return "comes with the add-on"
        return f"{shown_bytes(self.download_bytes)} to download, {shown_bytes(self.memory)} memory"


# New entries go to the end: a .blend stores an entry's place. Hashes are of the whole files; the
# eight letters in the names of Meta's are no part of them. Their sizes and hashes are as several
# independent projects check them (micro-sam, LUDVIG, a 3D Slicer extension among them).
SEGMENTERS: dict[str, SegmenterSpec] = {
    spec.name: spec
    for spec in (
        SegmenterSpec(
            BUNDLED,
            "Bundled",
            "Small and fast; in NeRFs it also sees shapes",
            module="bundled",
            is_quick_on_cpu=True,
        ),
        SegmenterSpec(
            "vit_b",
            "ViT-B",
            "Segment Anything, base; slow without a GPU",
            module="sam",
            weights=RemoteFile(
                f"{_META}/sam_vit_b_01ec64.pth",
                "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
                375_042_383,
            ),
            memory=3_300_000_000,
        ),
        SegmenterSpec(
            "vit_l",
            "ViT-L",
            "Segment Anything, large; slow without a GPU",
            module="sam",
            weights=RemoteFile(
                f"{_META}/sam_vit_l_0b3195.pth",
                "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
                1_249_524_607,
            ),
            memory=5_100_000_000,
        ),
        SegmenterSpec(
            "vit_h",
            "ViT-H",
            "Segment Anything, huge; slow without a GPU",
            module="sam",
            weights=RemoteFile(
                f"{_META}/sam_vit_h_4b8939.pth",
                "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
                2_564_550_879,
            ),
            memory=6_400_000_000,
        ),
        SegmenterSpec(
            "mobile_sam",
            "MobileSAM",
            "Segment Anything, small; seconds a view without a GPU",
            module="mobile_sam",
            weights=RemoteFile(
                f"{_MOBILE_SAM}/mobile_sam.pt",
                "6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f",
                40_728_226,
            ),
            memory=800_000_000,
            is_quick_on_cpu=True,
        ),
    )
}


def by_size() -> list[SegmenterSpec]:
    """All of them, smallest first, as menus and tables show them."""
    return sorted(SEGMENTERS.values(), key=lambda spec: spec.download_bytes)


def downloadable() -> list[SegmenterSpec]:
    """The segmenters whose weights are downloaded, smallest first."""
    return [spec for spec in by_size() if spec.weights is not None]


def segmenter_menu() -> tuple[Choice, ...]:
    """What can be chosen, smallest first. A .blend stores the number, so it must not change."""
    numbers = {name: number for number, name in enumerate(SEGMENTERS)}
    best = "The best one that is here: without a GPU the small ones, with a GPU the largest"
    return (
        Choice(AUTOMATIC, "Automatic", best, AUTOMATIC_NUMBER),
        *(
            Choice(spec.name, spec.label, f"{spec.description}; {spec.costs}", numbers[spec.name])
            for spec in by_size()
        ),
    )


def segmenter_choices() -> tuple[str, ...]:
    """The names that can be chosen."""
    return (AUTOMATIC, *(spec.name for spec in by_size()))


def segmenter_spec(name: str) -> SegmenterSpec:
    """The segmenter of that name. Raises UserError when there is none."""
    if name not in SEGMENTERS:
        raise UserError(
            f"There is no segmenter {name!r}; choose from {', '.join(segmenter_choices())}."
        )
    return SEGMENTERS[name]


def resolve_segmenter(
    name: str, weights: str | None, downloaded: Mapping[str, str], device: str
) -> tuple[str, str | None]:
    """Which segmenter is used, and the file of its weights. Decided here and nowhere else.

    ``automatic`` is the largest one that is there. Without a GPU it must be quick there, too: so it
    is MobileSAM if that was downloaded, else the bundled one. Of a file of weights that is given
    with ``automatic``, the official name tells the segmenter; ``.safetensors`` are the bundled
    one's.

    Args:
        name: a segmenter or ``automatic``.
        weights: the file that the user gave; it goes before what was downloaded.
        downloaded: files of downloaded weights by segmenter.
        device: torch's kind of device, such as ``cpu`` or ``cuda``.

    Raises:
        UserError: there is no such segmenter, or a file's name does not tell one.
    """
    if name == AUTOMATIC and weights:
        name = _named_by_file(weights)
    elif name == AUTOMATIC:
        there = [s for s in by_size() if s.weights is None or s.name in downloaded]
        name = [s for s in there if device != "cpu" or s.is_quick_on_cpu][-1].name
    return segmenter_spec(name).name, weights or downloaded.get(name)


def _named_by_file(weights: str) -> str:
    file = weights.replace("\\", "/").rpartition("/")[2]
    for spec in downloadable():
        if spec.weights is not None and spec.weights.name == file:
            return spec.name
    if file.endswith(".safetensors"):
        return BUNDLED
    raise UserError(
        f"The name of {weights} does not say which segmenter it is for; choose the segmenter, too."
    )
