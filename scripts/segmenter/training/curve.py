"""Draw a training run's validation figures: ``python curve.py data/run/log.csv curve.png``."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from PIL import Image, ImageDraw

SIZE, MARGIN = (720, 420), 50
COLORS = {"one_click": "#c0392b", "best_of_three": "#e08e0b", "three_clicks": "#2471a3",
          "box": "#1e8449", "flat": "#7d3c98", "photograph_one_click": "#8e6e53",
          "photograph_three_clicks": "#17a2b8", "photograph_box": "#34495e"}  # fmt: skip
ACROSS = 4
"""Names in a line."""


def main() -> None:
    """Read the log, write the figure."""
    with Path(sys.argv[1]).open(newline="") as file:
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    rows.sort(key=lambda row: row["minutes"])
    last = max(row["minutes"] for row in rows)
    image = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(image)

    def place(minutes: float, value: float) -> tuple[float, float]:
        width, height = SIZE[0] - 2 * MARGIN, SIZE[1] - 2 * MARGIN
        return MARGIN + minutes / last * width, SIZE[1] - MARGIN - value * height

    for tenth in range(0, 11, 2):
        left, right = place(0, tenth / 10), place(last, tenth / 10)
        draw.line([left, right], fill="#dddddd")
        draw.text((left[0] - 28, left[1] - 6), f"{tenth / 10:.1f}", fill="black")
    for minutes in range(0, int(last) + 1, 10):
        x, y = place(minutes, 0)
        draw.text((x - 6, y + 8), str(minutes), fill="black")
    draw.text((SIZE[0] / 2 - 60, SIZE[1] - 22), "minutes of training", fill="black")
    for line, (key, color) in enumerate(COLORS.items()):
        if all(key in row for row in rows):
            draw.line([place(row["minutes"], row[key]) for row in rows], fill=color, width=2)
            where = (MARGIN + 160 * (line % ACROSS), 10 + 16 * (line // ACROSS))
            draw.text(where, f"mIoU {key.replace('_', ' ')}", fill=color)
    image.save(sys.argv[2], optimize=True)


if __name__ == "__main__":
    main()
