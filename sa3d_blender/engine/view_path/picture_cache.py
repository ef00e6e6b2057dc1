"""Embedded pictures that were used last, so that a further click costs the decoder only."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from ..segmentation.artist_view import EmbeddedPicture

KEPT = 4
"""Pictures; with the largest segmenter one takes some 5 MB."""


@dataclass
class PictureCache:
    """The last few pictures by what they depend on."""

    _pictures: OrderedDict[Hashable, EmbeddedPicture] = field(default_factory=OrderedDict)

    def get(self, key: Hashable, make: Callable[[], EmbeddedPicture]) -> EmbeddedPicture:
        """The picture of a key, made when it is not there."""
        if key not in self._pictures:
            self._pictures[key] = make()
        self._pictures.move_to_end(key)
        while len(self._pictures) > KEPT:
            self._pictures.popitem(last=False)
        return self._pictures[key]
