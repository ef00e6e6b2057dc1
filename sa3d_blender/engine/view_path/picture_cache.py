"""Pictures that the artist clicked in last, so that a further click costs the decoder only."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from .prepared_views import PreparedView

KEPT = 4
"""Pictures; one takes some 30 MB, with the largest segmenter 5 MB more."""


@dataclass
class PictureCache:
    """The last few pictures by what they depend on."""

    _pictures: OrderedDict[tuple[Hashable, str], PreparedView] = field(default_factory=OrderedDict)

    def get(self, what: Hashable, camera: str, make: Callable[[], PreparedView]) -> PreparedView:
        """The picture of a camera, made when it is not there.

        Args:
            what: all that it depends on besides the camera.
            camera: as text.
        """
        key = (what, camera)
        if key not in self._pictures:
            self._pictures[key] = make()
        self._pictures.move_to_end(key)
        while len(self._pictures) > KEPT:
            self._pictures.popitem(last=False)
        return self._pictures[key]

    def all_of(self, what: Hashable) -> list[PreparedView]:
        """The pictures that depend on the same besides their cameras."""
        return [picture for (made_of, _), picture in self._pictures.items() if made_of == what]
