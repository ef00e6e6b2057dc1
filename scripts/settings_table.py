"""Write ``docs/settings.md`` from the description of the settings.

python scripts/settings_table.py
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from sa3d_blender.core.setting import described
from sa3d_blender.core.settings import FieldOptions, MeshSettings, SegmentSettings

DOCUMENT = ROOT / "docs" / "settings.md"
TABLES = {
    "How a checkpoint is read": FieldOptions,
    "How objects are cut out": SegmentSettings,
    "How meshes are made": MeshSettings,
}
HEAD = """# Settings

Made by `scripts/settings_table.py` from `sa3d_blender/core/settings.py`. The command line has each
setting as an option, such as `--max-faces`; requests and files of settings have its name.
"""


def main() -> None:
    """Write the document."""
    DOCUMENT.write_text(document(), encoding="utf-8")


def document() -> str:
    """The whole document: a table for each kind of settings."""
    return HEAD + "".join(f"\n## {title}\n\n{table(kind)}" for title, kind in TABLES.items())


def table(kind: type) -> str:
    """A row for each setting."""
    lines = ["| name | in the panel | default | range or choices | what it does |"]
    lines.append("|---|---|---|---|---|")
    for name, setting in described(kind).items():
        ends = [f"{end:,.12g}" for end in (setting.least, setting.most) if end is not None]
        known = " to ".join(ends) or ", ".join(f"`{c.value}`" for c in setting.choices())
        default = getattr(kind, name)
        shown = "none" if default is None else f"{default:,}" if setting.kind is int else default
        lines.append(f"| `{name}` | {setting.label} | {shown} | {known} | {setting.help} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
