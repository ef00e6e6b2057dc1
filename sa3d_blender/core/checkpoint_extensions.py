"""The endings of NeRF checkpoints; what a file is, its content says when it is loaded."""

from __future__ import annotations

CHECKPOINT_EXTENSIONS = (
    ".th",
    ".pth",
    ".pt",
    ".tar",
    ".ckpt",
    ".yml",
    ".msgpack",
    ".ingp",
    ".npz",
)
"""None that Blender itself opens or imports, so that dropping those means what it always did."""

WITH_CAMERAS = (".ckpt", ".yml", ".msgpack", ".ingp")
"""Of kinds that hold the cameras of their training, or tell where these are."""
