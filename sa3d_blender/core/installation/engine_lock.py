"""Which packages make an engine: locks for each platform and backend, made by scripts/lock_engine.

A lock is a ``pylock.toml`` (PEP 751) whose packages have one wheel each, pinned by its hash.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..connection.engine_command import PACKAGE
from ..errors import UserError
from ..remote_file import RemoteFile

Backend = Literal["cpu", "cuda", "mps"]
BACKENDS: dict[Backend, str] = {"cpu": "CPU", "cuda": "NVIDIA GPU", "mps": "Apple GPU"}
FOLDER = PACKAGE / "assets" / "requirements"
UNPACKED = {"cpu": 3.6, "mps": 3.6, "cuda": 1.8}
"""Bytes on disk for each byte of wheels. Measured on Linux: 1053 MB from 298 MB for the CPU, and
5077 MB from 2837 MB with CUDA, whose libraries are packed less tightly."""
BANDWIDTH = 50e6 / 8
"""Bytes a second that the stated time assumes: 50 Mbit/s."""
UNPACKING = 20e6
"""Bytes of wheels that are installed in a second."""


@dataclass(frozen=True)
class Wheel:
    """One package of the engine."""

    package: str
    version: str
    file: RemoteFile


@dataclass(frozen=True)
class EngineLock:
    """Everything that an engine consists of."""

    target: str
    """Platform and backend, such as ``linux-x86_64-cpu``."""
    python: str
    """Version of Python, such as ``3.11``."""
    uv: RemoteFile
    """The wheel with uv, the installer."""
    wheels: tuple[Wheel, ...]
    unknown_bytes: int
    """Roughly what the files weigh whose size the lock does not know."""
    fingerprint: str
    """Changes when anything in the lock does."""
    interpreter: RemoteFile | None = None
    """The archive with the Python that uv downloads, for engine packs."""

    @property
    def files(self) -> tuple[RemoteFile, ...]:
        """All files, uv's first."""
        return (self.uv, *(wheel.file for wheel in self.wheels))

    @property
    def download_bytes(self) -> int:
        """Roughly what is downloaded."""
        return sum(file.size or 0 for file in self.files) + self.unknown_bytes

    @property
    def disk_bytes(self) -> int:
        """Roughly what the engine takes on the disk, in the end."""
        return int(self.download_bytes * UNPACKED[self.target.rpartition("-")[2]])

    @property
    def minutes(self) -> int:
        """Roughly how long it takes at 50 Mbit/s."""
        seconds = self.download_bytes / BANDWIDTH + self.download_bytes / UNPACKING
        return max(1, round(seconds / 60))


def read_lock(target: str) -> EngineLock:
    """The lock of a platform and backend.

    Raises:
        UserError: there is none (``no_lock``), or it is damaged.
    """
    path = FOLDER / f"{target}.toml"
    if target not in targets():
        raise UserError(
            f"The engine cannot be set up for {target} by itself; choose another device, or choose "
            "a Python that has the engine's packages in Preferences > Add-ons > SA3D.",
            code="no_lock",
        )
    data = path.read_bytes()
    try:
        content = tomllib.loads(data.decode())
        extra = content["tool"]["sa3d"]
        wheels = (
            Wheel(str(entry["name"]), str(entry["version"]), _remote(entry["wheels"][0]))
            for entry in content["packages"]
        )
        return EngineLock(
            target=str(extra["target"]),
            python=str(extra["python"]),
            uv=_remote(extra["uv"]),
            wheels=tuple(wheels),
            unknown_bytes=int(extra["bytes-of-unknown-size"]),
            fingerprint=hashlib.sha256(data).hexdigest(),
            interpreter=_remote(extra["interpreter"]),
        )
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise UserError(f"{path} is damaged; install the add-on again.", code="bad_lock") from error


def _remote(wheel: dict[str, Any]) -> RemoteFile:
    size = wheel.get("size")
    digest = str(wheel["hashes"]["sha256"])
    return RemoteFile(str(wheel["url"]), digest, None if size is None else int(size))


def targets() -> tuple[str, ...]:
    """All platforms and backends that have a lock."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def backends() -> tuple[Backend, ...]:
    """The backends that an engine can be set up for on this machine; may be empty."""
    here = _platform()
    return tuple(backend for backend in BACKENDS if f"{here}-{backend}" in targets())


def target_here(backend: str = "auto") -> str:
    """This machine's platform with a backend, ``auto`` for the fastest that it has.

    Raises:
        UserError: there is no lock for it (``no_lock``).
    """
    if backend == "auto":
        backend = best_backend() or "cpu"
    target = f"{_platform()}-{backend}"
    if target not in targets():
        offered = ", ".join(BACKENDS[name] for name in backends())
        cure = f"choose {offered}, or choose" if offered else "choose"
        raise UserError(
            f"The engine cannot set itself up for {target}; {cure} a Python that has the engine's "
            "packages in Preferences > Add-ons > SA3D.",
            code="no_lock",
        )
    return target


def best_backend() -> Backend | None:
    """The fastest backend that this machine can use; None where no engine can be set up."""
    offered = backends()
    if "mps" in offered:
        return "mps"
    if "cuda" in offered and _has_nvidia_gpu():
        return "cuda"
    return "cpu" if "cpu" in offered else None


def _platform() -> str:
    system = {"win32": "windows", "darwin": "macos"}.get(sys.platform, sys.platform)
    machine = platform.machine().lower()
    machine = {"amd64": "x86_64", "aarch64": "arm64"}.get(machine, machine)
    return f"{system}-{machine}"


def _has_nvidia_gpu() -> bool:
    """Whether NVIDIA's driver is there; nothing is started to find out."""
    places = ("/proc/driver/nvidia/version", r"C:\Windows\System32\nvcuda.dll")
    return any(Path(place).exists() for place in places) or bool(shutil.which("nvidia-smi"))
