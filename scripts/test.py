"""Run every check from an empty clone: lint, types, and the tests in every Blender.

    python3.11 scripts/test.py [--fast] [--window]

Makes the virtual environments and the engine pack that it needs. ``--fast`` keeps to the main one
and to quick tests. ``--window`` also uses the add-on in Blenders with their windows, with real
mouse and keys (Linux, root, 2.6 GB, many minutes).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from environment import ENVIRONMENTS, ROOT, ensure, find_python

TYPED = "--jaxtyping-packages=sa3d_blender.engine,beartype.beartype"
EXAMPLES = ("sa3d_blender/core", "sa3d_blender/engine")
ENGINE_TESTS = ("tests/core", "tests/engine", "tests/test_boundaries.py")


@dataclass(frozen=True)
class Outcome:
    """How one check went."""

    name: str
    state: str
    """``passed``, ``FAILED`` or why it was skipped."""
    seconds: float


def main() -> int:
    """Run everything; the exit code is the number of failed checks, at most 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="one Blender, no slow tests")
    parser.add_argument("--window", action="store_true", help="also Blenders with their windows")
    arguments = parser.parse_args()
    fast = arguments.fast
    python = ensure(ENVIRONMENTS["main"])
    pack = "" if fast else engine_pack(python)
    skip_slow = ("-m", "not slow") if fast else ()
    engine_checks = [
        lambda: check("lint", python, "-m", "ruff", "check", "."),
        lambda: check("format", python, "-m", "ruff", "format", "--check", "."),
        lambda: check("types", python, "-m", "mypy"),
        lambda: check("layers", python.with_name("lint-imports"), "--no-cache"),
        lambda: check("examples", python, "-m", "pytest", "--doctest-modules", *EXAMPLES),
        lambda: check("engine", python, "-m", "pytest", *ENGINE_TESTS, TYPED, *skip_slow),
    ]
    # A set-up takes a minute: in the main Blender, and in the one with another Python.
    packs = {"main": pack, "bpy52": pack}
    blender_checks = [
        lambda name=name: blender(name, python, *skip_slow, pack=packs.get(name, ""))
        for name in (["main"] if fast else ENVIRONMENTS)
    ]
    outcomes = at_once(engine_checks, blender_checks)
    if arguments.window:
        variables = {
            "SA3D_TEST_ENGINE": str(python),
            "SA3D_TEST_PACK": pack,
            "SA3D_WINDOW": "1",
        }
        window = check("window", python, "-m", "pytest", "tests/gui", "-rs", variables=variables)
        outcomes.append(window)
    return report(outcomes)


def engine_pack(python: Path) -> str:
    """The folder of wheels for the test that sets an engine up; empty when it cannot be had."""
    print("\n=== engine pack", flush=True)
    command = [str(python), "scripts/engine_pack.py", "--no-python"]
    made = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True)
    return "" if made.returncode else made.stdout.strip()


def at_once(*lanes: Sequence[Callable[[], Outcome]]) -> list[Outcome]:
    """All checks' outcomes: lanes side by side, the checks of a lane one after the other.

    With one thread each for torch, two lanes take two cores and half the time.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ThreadPoolExecutor(len(lanes)) as pool:
        done = list(pool.map(lambda lane: [run() for run in lane], lanes))
    return [outcome for lane in done for outcome in lane]


def blender(name: str, engine: Path, *arguments: str, pack: str = "") -> Outcome:
    """The add-on's tests in one Blender, with the main environment's Python for the engine."""
    environment = ENVIRONMENTS[name]
    title = f"Blender {environment.blender}"
    if find_python(environment.version) is None:
        return Outcome(title, f"skipped, as there is no Python {environment.version}", 0.0)
    variables = {"SA3D_TEST_ENGINE": str(engine), "SA3D_TEST_PACK": pack}
    command = (ensure(environment), "-m", "pytest", "tests/blender", *arguments)
    return check(title, *command, variables=variables)


def check(name: str, *command: str | Path, variables: Mapping[str, str] | None = None) -> Outcome:
    """Run one command and time it; what it prints comes when it is done."""
    print(f"--- {name} begins", flush=True)
    began = time.monotonic()
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        check=False,
        env=os.environ | dict(variables or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    print(f"\n=== {name}\n{done.stdout}", flush=True)
    state = "FAILED" if done.returncode else "passed"
    return Outcome(name, state, time.monotonic() - began)


def report(outcomes: list[Outcome]) -> int:
    """Print the summary; returns the exit code."""
    print("\n=== summary")
    for outcome in outcomes:
        print(f"{outcome.name:12} {outcome.state} ({outcome.seconds:.0f} s)")
    return int(any(outcome.state == "FAILED" for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
