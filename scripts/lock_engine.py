"""Lock the engine's packages: one file per platform and backend, with addresses, sizes and hashes.

    .venv/bin/python scripts/lock_engine.py

Writes ``sa3d_blender/assets/requirements/TARGET.toml`` from ``scripts/requirements/engine.txt``
with ``uv pip compile``, in the standard format of locks (pylock.toml, PEP 751). The table
``tool.sa3d`` adds the Python's version, the wheel of uv itself, and the archive with Python that
this uv downloads, for engine packs.

PyPI has torch for CUDA on Linux, for the CPU on Windows and for macOS; the other builds are on
PyTorch's own index. Those are named in `TORCH_BUILDS`, so that no index but PyPI is needed here.
There is no target for ROCm, as nobody could check its hashes.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tarfile
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from environment import ENVIRONMENTS, REQUIREMENTS, ROOT

OUT = ROOT / "sa3d_blender" / "assets" / "requirements"
PYTHON = "3.11"
UV = "uv==0.13.9"


@dataclass(frozen=True)
class Build:
    """A wheel of torch that is not on PyPI."""

    url: str
    sha256: str
    size: int | None
    """Bytes; None where nobody who checked the hash also said the size."""
    about: int
    """Bytes, roughly; for the artist to know what to expect."""


@dataclass(frozen=True)
class Target:
    """A platform and backend that the engine can be set up for."""

    name: str
    platform: str
    """uv's word for it."""
    python: str
    """uv's word for it where it downloads a Python."""
    torch: Build | None = None


PYTORCH = "https://download.pytorch.org/whl"
TORCH_BUILDS = {
    # Measured on the file itself.
    "linux-x86_64-cpu": Build(
        f"{PYTORCH}/cpu/torch-2.13.0%2Bcpu-cp311-cp311-manylinux_2_28_x86_64.whl",
        "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b",
        191794682,
        191794682,
    ),
    # As two independent projects locked it.
    "windows-x86_64-cuda": Build(
        f"{PYTORCH}/cu130/torch-2.13.0%2Bcu130-cp311-cp311-win_amd64.whl",
        "45e97bd9bc0416f4f4190b5098c55119a389fa5a7c8bbf2639f08f1d04e0a0dc",
        None,
        2_600_000_000,
    ),
}
TORCH_NEEDS = (
    "filelock",
    "typing-extensions>=4.10.0",
    "setuptools>=77.0.3",
    "sympy>=1.13.3",
    "networkx>=2.5.1",
    "jinja2",
    "fsspec>=0.8.5",
)
"""What the builds in `TORCH_BUILDS` say they require."""
TARGETS = (
    Target(
        "linux-x86_64-cpu",
        "x86_64-manylinux_2_28",
        "linux-x86_64-gnu",
        TORCH_BUILDS["linux-x86_64-cpu"],
    ),
    Target("linux-x86_64-cuda", "x86_64-manylinux_2_28", "linux-x86_64-gnu"),
    Target("windows-x86_64-cpu", "x86_64-pc-windows-msvc", "windows-x86_64-none"),
    Target(
        "windows-x86_64-cuda",
        "x86_64-pc-windows-msvc",
        "windows-x86_64-none",
        TORCH_BUILDS["windows-x86_64-cuda"],
    ),
    Target("macos-arm64-mps", "aarch64-apple-darwin", "macos-aarch64-none"),
)


def main() -> None:
    """Write all locks."""
    OUT.mkdir(parents=True, exist_ok=True)
    lines = [
        line
        for line in (REQUIREMENTS / "engine.txt").read_text(encoding="utf-8").splitlines()
        if line.strip() and not line.startswith("#")
    ]
    for target in TARGETS:
        path = OUT / f"{target.name}.toml"
        path.write_text(lock(target, lines), encoding="utf-8")
        packages = tomllib.loads(path.read_text(encoding="utf-8"))["packages"]
        print(f"{target.name:20} {len(packages)} packages")


def lock(target: Target, requirements: list[str]) -> str:
    """The text of one target's lock."""
    version = next(line for line in requirements if line.startswith("torch==")).partition("==")[2]
    if target.torch:
        requirements = [line for line in requirements if not line.startswith("torch==")]
        requirements += TORCH_NEEDS
    packages = compile_packages(target, requirements)
    if target.torch:
        packages.append(torch_package(target.torch, version))
    uv = compile_packages(target, [UV])[0]
    about = target.torch.about if target.torch and target.torch.size is None else 0
    head = [
        "# Made by scripts/lock_engine.py; do not edit.",
        'lock-version = "1.0"',
        f'requires-python = "~={PYTHON}.0"',
        'created-by = "sa3d"',
        "",
        "[tool.sa3d]",
        f'target = "{target.name}"',
        f'python = "{PYTHON}"',
        f"bytes-of-unknown-size = {about}",
        f"uv = {{ {wheel_fields(uv['wheels'][0])} }}",
        f"interpreter = {{ {wheel_fields(interpreter(target))} }}",
    ]
    entries = [
        f'\n[[packages]]\nname = "{package["name"]}"\nversion = "{package["version"]}"\n'
        f"wheels = [{{ {wheel_fields(package['wheels'][0])} }}]"
        for package in sorted(packages, key=lambda package: package["name"])
    ]
    return "\n".join([*head, *entries]) + "\n"


def compile_packages(target: Target, requirements: list[str]) -> list[dict[str, Any]]:
    """What uv chooses for a target: one wheel for each package.

    Raises:
        SystemExit: uv found no solution.
    """
    with tempfile.TemporaryDirectory() as folder:
        wanted, found = Path(folder) / "wanted.in", Path(folder) / "pylock.toml"
        wanted.write_text("\n".join(requirements), encoding="utf-8")
        command = [ENVIRONMENTS["main"].python, "-m", "uv", "pip", "compile", wanted]
        command += ["--no-config", "--only-binary", ":all:", "--format", "pylock.toml"]
        command += ["--python-version", PYTHON, "--python-platform", target.platform, "-o", found]
        done = subprocess.run(
            [str(part) for part in command],
            # torch's wheels for macOS need 14; uv would take an older one for granted.
            env=os.environ | {"MACOSX_DEPLOYMENT_TARGET": "14.0"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{target.name} cannot be locked:\n{done.stderr}")
        packages: list[dict[str, Any]] = tomllib.loads(found.read_text("utf-8"))["packages"]
    for package in packages:
        # All fit; the one for the newest macOS comes last in the alphabet.
        package["wheels"] = [max(package["wheels"], key=file_name)]
    return packages


def interpreter(target: Target) -> dict[str, Any]:
    """The archive of the Python that uv downloads for a target, as an entry of a lock.

    uv tells the address, and the hash that it wants when it gets another archive.

    Raises:
        SystemExit: uv knows no such Python.
    """
    uv = [ENVIRONMENTS["main"].python, "-m", "uv", "python", "--no-config"]
    ask = [
        *uv,
        "list",
        PYTHON,
        "--all-platforms",
        "--all-arches",
        "--only-downloads",
        "--output-format",
        "json",
    ]
    told = subprocess.run(ask, capture_output=True, check=True, text=True)
    ending = f"-{target.python}"
    found = [
        build
        for build in json.loads(told.stdout)
        if build["implementation"] == "cpython" and build["key"].endswith(ending)
    ]
    if not found:
        raise SystemExit(f"uv has no Python {PYTHON} for {target.name}.")
    address = found[0]["url"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, *unquote(address).split("/")[-2:])
        path.parent.mkdir()
        with tarfile.open(path, "w:gz") as empty:
            empty.addfile(tarfile.TarInfo("python/none"))
        get = [*uv, "install", found[0]["key"], "--mirror", Path(folder).as_uri(), "--no-bin"]
        refused = subprocess.run(
            get,
            env=os.environ | {"UV_PYTHON_INSTALL_DIR": folder, "UV_HTTP_RETRIES": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
    digest = re.search(r"Expected:\s+([0-9a-f]{64})", refused.stderr)
    if digest is None:
        raise SystemExit(f"uv does not tell the hash of {address}:\n{refused.stderr}")
    return {"url": address, "hashes": {"sha256": digest[1]}}


def file_name(wheel: dict[str, Any]) -> str:
    """A wheel's name."""
    return str(wheel["url"]).rpartition("/")[2]


def torch_package(build: Build, version: str) -> dict[str, Any]:
    """torch as it would stand in a lock."""
    local = build.url.partition("%2B")[2].partition("-")[0]
    wheel: dict[str, Any] = {"url": build.url, "hashes": {"sha256": build.sha256}}
    if build.size is not None:
        wheel["size"] = build.size
    return {"name": "torch", "version": f"{version}+{local}", "wheels": [wheel]}


def wheel_fields(wheel: dict[str, Any]) -> str:
    """A wheel as the inside of a TOML inline table."""
    size = f"size = {wheel['size']}, " if "size" in wheel else ""
    return f'url = "{wheel["url"]}", {size}hashes = {{ sha256 = "{wheel["hashes"]["sha256"]}" }}'


if __name__ == "__main__":
    main()
