"""An engine of one tiny package, with the real uv: what is set up in a test within a second."""

from __future__ import annotations

import base64
import hashlib
import sys
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import uv

from sa3d_blender.core.installation.engine_lock import EngineLock, Wheel, read_lock
from sa3d_blender.core.installation.engine_setup import SetUp
from sa3d_blender.core.installation.engine_store import EngineState, engine_status
from sa3d_blender.core.remote_file import RemoteFile

TARGET = "linux-x86_64-cpu"
MODULE = b"value = 42\n"


@dataclass(frozen=True)
class SmallEngine:
    """A pack and the lock that fits it."""

    pack: Path
    lock: EngineLock

    def served_from(self, address: str) -> EngineLock:
        """The lock with all files at an address, such as ``http://127.0.0.1:8000/``."""

        def move(file: RemoteFile) -> RemoteFile:
            return replace(file, url=address + file.name)

        wheels = tuple(replace(wheel, file=move(wheel.file)) for wheel in self.lock.wheels)
        return replace(self.lock, uv=move(self.lock.uv), wheels=wheels)

    def set_up(self, root: Path) -> SetUp:
        """How to set it up without a network."""
        return SetUp(root, self.lock, pack=self.pack, other_pythons=(Path(sys.executable),))


def make_small_engine(folder: Path) -> SmallEngine:
    """Write the wheels and return what they are."""
    folder.mkdir(parents=True)
    inner = "uv.exe" if sys.platform == "win32" else "uv"
    installer = folder / "uv-1.0-py3-none-any.whl"
    with zipfile.ZipFile(installer, "w") as archive:
        archive.write(uv.find_uv_bin(), f"uv-1.0.data/scripts/{inner}")
    tiny = make_wheel(folder, "tiny_thing", "2.0")
    lock = EngineLock(
        target=TARGET,
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        uv=remote(installer),
        wheels=(Wheel("tiny-thing", "2.0", remote(tiny)),),
        unknown_bytes=0,
        fingerprint=read_lock(TARGET).fingerprint,
    )
    return SmallEngine(folder, lock)


def make_wheel(folder: Path, name: str, version: str) -> Path:
    """A wheel with one module."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": MODULE,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    for inside, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append(f"{inside},sha256={digest},{len(data)}\n")
    files[f"{info}/RECORD"] = "".join([*rows, f"{info}/RECORD,,\n"]).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for inside, data in files.items():
            archive.writestr(inside, data)
    return path


def remote(path: Path) -> RemoteFile:
    """A file as a lock names it."""
    data = path.read_bytes()
    address = f"https://example.invalid/{path.name}"
    return RemoteFile(address, hashlib.sha256(data).hexdigest(), len(data))


def environments(root: Path) -> list[str]:
    """The names of all environments below an engine's folder, whole or not."""
    return sorted(path.name for path in root.glob("environment-*"))


def state(root: Path) -> EngineState:
    """What the engine's folder says of it."""
    return engine_status(root).state
