"""A server and a client of it, one for all tests of a module."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from sa3d_blender.engine.commands import loaded
from sa3d_blender.engine.commands.server import Server
from tests.support.pipe_client import PATIENCE, Client
from tests.support.scripted_segmenter import ScriptedSegmenter


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A server in a thread of this process; its stdin is never closed, as that ends the process."""
    their_source, our_wire = os.pipe()
    our_source, their_wire = os.pipe()
    segmenter = ScriptedSegmenter()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loaded, "load_segmenter", lambda *_args, **_options: segmenter)
        server = Server(os.fdopen(their_wire, "wb"), device="cpu")
        source = os.fdopen(their_source, "rb")
        thread = threading.Thread(target=server.serve, args=(source,), daemon=True)
        thread.start()
        wire = os.fdopen(our_wire, "wb", closefd=False)
        client = Client(os.fdopen(our_source, "rb"), wire)
        yield client
        client.ask("shutdown")
        thread.join(PATIENCE)
        assert not thread.is_alive()
