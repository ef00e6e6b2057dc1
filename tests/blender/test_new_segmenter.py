"""A new entry in the list of segmenters reaches the menus of the panel and of the downloads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IN_BLENDER = """
import sys
sys.path.insert(0, sys.argv[1])
from sa3d_blender.core import segmenters
segmenters.SEGMENTERS["toy"] = segmenters.SegmenterSpec(
    "toy", "Toy", "Cuts what has one colour", module="toy",
    weights=segmenters.RemoteFile("https://example.org/toy.pt", "0" * 64, 1_000_000_000),
)
import bpy
import sa3d_blender
from sa3d_blender.blender import properties
sa3d_blender.register()
menu = properties.SA3D_Nerf.bl_rna.properties["segmenter"].enum_items
download = bpy.ops.sa3d.download_weights.get_rna_type().properties["model"].enum_items
names, models = menu.keys(), download.keys()
item = menu["toy"]
assert (item.name, item.value, item.description[:24]) == ("Toy", 5, "Cuts what has one colour")
assert names.index("vit_b") < names.index("toy") < names.index("vit_l")
assert "toy" in models
sa3d_blender.unregister()
print("MENU OK")
"""


def test_it_reaches_blenders_menus(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IN_BLENDER, str(ROOT)],
        env=os.environ | {"BLENDER_USER_RESOURCES": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "MENU OK" in done.stdout, done.stdout + done.stderr
