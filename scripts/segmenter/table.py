"""Write the README's table of segmenters from the list of them.

python scripts/segmenter/table.py
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from sa3d_blender.core.segmenters import by_size

README = ROOT / "README.md"
BEGIN, END = "<!-- segmenter table: begin -->", "<!-- segmenter table: end -->"


def main() -> None:
    """Put the table between its two marks."""
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    README.write_text(f"{before}{BEGIN}\n{table()}{END}{after}", encoding="utf-8")


def table() -> str:
    """A row for each, smallest first."""
    lines = ["| segmenter | `--segmenter` | what it is | costs |", "|---|---|---|---|"]
    lines += [f"| {s.label} | `{s.name}` | {s.description} | {s.costs} |" for s in by_size()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
