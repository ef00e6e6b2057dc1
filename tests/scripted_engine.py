"""The real engine with the scripted segmenter and noisy libraries: ``scripted_engine.py BLOCK``.

While the file BLOCK exists, looking at a picture never ends.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from sa3d_blender.engine.commands import loaded, server
from sa3d_blender.engine.segmenters.protocol import ImageEmbedding
from tests.support.scripted_segmenter import ScriptedSegmenter


class NoisySegmenter(ScriptedSegmenter):
    """Prints in every way a library can."""

    def embed(self, image: object, relief: object = None) -> ImageEmbedding:
        """Make noise, and wait while told to."""
        print('{"jsonrpc": "2.0", "id": 1, "result": {}}', flush=True)  # noqa: T201
        sys.stdout.write("Loading weights\n")
        os.write(1, b"from C, without a line's end")
        os.system("echo from a child")
        while Path(sys.argv[1]).exists():
            time.sleep(0.05)
        return super().embed(image)  # type: ignore[arg-type]


if __name__ == "__main__":
    loaded.load_segmenter = lambda *_args, **_options: NoisySegmenter()
    sys.exit(server.serve(device="cpu"))
