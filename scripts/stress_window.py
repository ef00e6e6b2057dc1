"""Random actions in a real Blender window, to find what makes it crash.

    python scripts/stress_window.py --folder /tmp/stress [--minutes 30] [--seed 1] [--suite sid]

Run it as root on Linux with the main environment's Python; the first time it makes a small Debian
with Blender, see ``tests/gui/tree.py``. What is done is in ``tests/gui/stress.py``; ``actions.log``
in the folder names each action before it is done. At the end come Blender's crash log, what its
console complained of, and its memory whenever a new file was opened. The exit code is 0 only if
Blender lived and answered to the end.

``--without-addon`` does the rest alone: what still crashes then is Blender's own. ``--only`` names
kinds of actions, ``--variable`` sets environment variables (``MALLOC_PERTURB_=165``), ``--blender``
gives Blender options (``debug-memory``).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scripts.build_extension import build
from tests.gui.stress import KINDS, Stress, report
from tests.gui.tree import ensure_tree, suites, why_impossible
from tests.gui.window import Window, fresh


def main() -> int:
    """Run and tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--suite", default=suites()[0])
    parser.add_argument("--folder", type=Path, required=True, help="emptied first")
    parser.add_argument("--without-addon", action="store_true")
    parser.add_argument("--only", nargs="*", default=[], choices=list(KINDS))
    parser.add_argument("--variable", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument("--blender", nargs="*", default=[], metavar="OPTION")
    given = parser.parse_args()
    why = why_impossible()
    if why:
        print(why)
        return 2
    folder = fresh(given.folder.resolve())
    variables = dict(pair.split("=", 1) for pair in given.variable)
    found = run(folder, given, variables)
    (folder / "report.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    print(json.dumps(found, indent=1).replace("\\n", "\n"))
    return 0 if found["ended"] == "lived to the end" else 1


def run(folder: Path, given: argparse.Namespace, variables: dict[str, str]) -> dict[str, Any]:
    """Open Blender and stress it."""
    temporary = folder / "tmp"  # Blender leaves its crash log there
    temporary.mkdir()
    variables["TMPDIR"] = str(temporary)
    with Window(ensure_tree(given.suite), folder, Path(sys.executable), **variables) as window:
        if not given.without_addon:
            install = ("extension", "install-file", "--repo", "user_default", "--enable")
            window.inside("blender", "--command", *install, str(build(folder)))
        window.open(*(f"--{word}" for word in given.blender))
        stress = Stress(window, given.seed, addon=not given.without_addon)
        return report(stress, stress.go(60 * given.minutes, given.only))


if __name__ == "__main__":
    sys.exit(main())
