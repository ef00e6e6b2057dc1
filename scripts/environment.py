"""The virtual environments of this repository, made with the standard library alone.

    python3.11 scripts/environment.py [NAME ...]

Without names, the main one: ``.venv`` with the engine, the checks and Blender 4.5 (as bpy).
``bpy42``, ``bpy50`` and ``bpy52`` hold other Blenders for the tests. What is up to date is kept.
"""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "scripts" / "requirements"
STAMP = "sa3d_stamp.txt"
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
SYSTEM_LIBRARIES = (
    "libx11-6 libxext6 libxi6 libxrender1 libxfixes3 libxxf86vm1 libxkbcommon0 libsm6 libice6 "
    "libgl1 libgomp1 libegl1"
).split()
"""What bpy needs beyond a bare Debian."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment of this repository."""

    folder: str
    version: str
    """Of Python."""
    requirements: tuple[str, ...]
    blender: str

    @property
    def python(self) -> Path:
        """Its interpreter."""
        inner = "Scripts/python.exe" if os.name == "nt" else "bin/python"
        return ROOT / self.folder / inner


ENVIRONMENTS = {
    "main": Environment(
        ".venv", "3.11", ("bpy45.txt", "engine.txt", "batch.txt", "dev.txt"), "4.5"
    ),
    "bpy42": Environment(".venv-bpy42", "3.11", ("bpy42.txt",), "4.2"),
    "bpy50": Environment(".venv-bpy50", "3.11", ("bpy50.txt",), "5.0"),
    "bpy52": Environment(".venv-bpy52", "3.13", ("bpy52.txt",), "5.2"),
}


def main() -> None:
    """Make the environments that are named."""
    for name in sys.argv[1:] or ["main"]:
        if name not in ENVIRONMENTS:
            raise SystemExit(f"There is no environment {name!r}; choose {', '.join(ENVIRONMENTS)}.")
        print(ensure(ENVIRONMENTS[name]))


def ensure(environment: Environment) -> Path:
    """Make an environment unless it is up to date; returns its Python.

    Raises:
        SystemExit: its Python is missing or a package cannot be installed.
    """
    stamp = ROOT / environment.folder / STAMP
    wanted = fingerprint(environment)
    if stamp.is_file() and stamp.read_text() == wanted and runs(environment.python):
        return environment.python
    base = find_python(environment.version)
    if base is None:
        raise SystemExit(f"Python {environment.version} is needed; install it and run again.")
    print(f"Making {environment.folder} ...", flush=True)
    if not runs(environment.python):
        shutil.rmtree(ROOT / environment.folder, ignore_errors=True)
        run(base, "-m", "venv", str(ROOT / environment.folder))
    if "engine.txt" in environment.requirements:
        install_torch(environment.python)
    arguments = [part for name in environment.requirements for part in ("-r", REQUIREMENTS / name)]
    run(environment.python, "-m", "pip", "install", "-q", *arguments)
    if "engine.txt" in environment.requirements:
        here = ("--no-deps", "--no-build-isolation", "-e", ROOT)
        run(environment.python, "-m", "pip", "install", "-q", *here)
    check_blender(environment.python)
    stamp.write_text(wanted)
    return environment.python


def fingerprint(environment: Environment) -> str:
    """Changes when what an environment should hold changes."""
    digest = hashlib.sha256(environment.version.encode())
    for name in environment.requirements:
        digest.update((REQUIREMENTS / name).read_bytes())
    if "engine.txt" in environment.requirements:
        digest.update((ROOT / "pyproject.toml").read_bytes())
    return digest.hexdigest()


def install_torch(python: Path) -> None:
    """Install torch; on Linux without its gigabytes of GPU libraries where possible."""
    lines = (REQUIREMENTS / "engine.txt").read_text().splitlines()
    torch = next(line for line in lines if line.startswith("torch=="))
    have = subprocess.run(
        [python, "-c", "import torch; print('torch==' + torch.__version__)"],
        capture_output=True,
        text=True,
        check=False,
    )
    if have.stdout.strip().split("+")[0] == torch:
        return
    tries: list[tuple[str, ...]] = [(torch,)]
    if sys.platform == "linux":
        quick = ("--retries", "1", "--timeout", "20")
        tries = [
            (f"{torch}+cpu", *quick),
            (f"{torch}+cpu", *quick, "--extra-index-url", TORCH_CPU_INDEX),
            *tries,
        ]
    for arguments in tries[:-1]:
        pip = (python, "-m", "pip", "install", "-q", *arguments)
        if subprocess.run(pip, check=False, stderr=subprocess.DEVNULL).returncode == 0:
            return
    run(python, "-m", "pip", "install", "-q", *tries[-1])


def check_blender(python: Path) -> None:
    """Install the shared libraries that bpy lacks, or say how.

    Raises:
        SystemExit: bpy cannot be imported.
    """
    error = import_error(python)
    if "cannot open shared object file" in error:
        apt = ["apt-get", "install", "-y", "--no-install-recommends", *SYSTEM_LIBRARIES]
        is_root = hasattr(os, "geteuid") and os.geteuid() == 0
        if not is_root or not shutil.which("apt-get"):
            raise SystemExit(f"Blender lacks shared libraries; run\n  sudo {' '.join(apt)}")
        run("apt-get", "update", "-q")
        run(*apt)
        error = import_error(python)
    if error:
        raise SystemExit(f"Blender's module cannot be imported:\n{error}")


def import_error(python: Path) -> str:
    """Why bpy cannot be imported; empty when it can."""
    done = subprocess.run([python, "-c", "import bpy"], capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


def find_python(version: str) -> Path | None:
    """A Python of that version: this one, on PATH, or pyenv's."""
    if sys.version.startswith(f"{version}."):
        return Path(getattr(sys, "_base_executable", sys.executable))
    pyenv = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    candidates = [
        shutil.which(f"python{version}"),
        *sorted(glob.glob(f"{pyenv}/versions/{version}.*/bin/python{version}"), reverse=True),
        f"/usr/bin/python{version}",
        f"/usr/local/bin/python{version}",
    ]
    return next((Path(found) for found in candidates if found and runs(Path(found))), None)


def runs(python: Path) -> bool:
    """Whether an interpreter is there and starts; a pyenv shim may be there and not start."""
    try:
        done = subprocess.run([python, "-c", ""], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


def run(*command: str | Path) -> None:
    """Run a command. Raises SystemExit when it fails."""
    if subprocess.run([str(part) for part in command], cwd=ROOT, check=False).returncode:
        raise SystemExit(f"This failed: {' '.join(str(part) for part in command)}")


if __name__ == "__main__":
    main()
