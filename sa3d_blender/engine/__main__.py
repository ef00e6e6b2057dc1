"""``python -m sa3d_blender.engine``: the engine's command line."""

from .commands.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
