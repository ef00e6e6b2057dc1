"""SA3D: cut one object out of a NeRF and get it as a mesh, inside Blender.

The same package serves as Blender extension (``blender``), as engine process (``engine``) and as
plain Python library (``core``); importing it imports neither bpy nor torch.
"""

from __future__ import annotations

__version__ = "0.1.0"


def register() -> None:
    """Called by Blender when the extension is enabled."""
    from . import blender

    blender.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled."""
    from . import blender

    blender.unregister()
