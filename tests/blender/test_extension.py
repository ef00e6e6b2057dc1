"""Install, enable, disable, remove; and the package without an extension around it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

LIFE = """
import bpy, sys, atexit, os
name = "bl_ext.user_default.sa3d_blender"
def there():
    return hasattr(bpy.types.Object, "sa3d"), hasattr(bpy.ops.sa3d.segment, "poll") and (
        "SA3D_OT_segment" in dir(bpy.types))
def import_entries():
    return len(bpy.types.TOPBAR_MT_file_import._dyn_ui_initialize())
handlers, entries = len(bpy.app.handlers.load_post), import_entries()
bpy.ops.extensions.package_install_files(
    filepath=sys.argv[1], repo="user_default", enable_on_install=True)
assert there() == (True, True)
for _ in range(2):
    bpy.ops.preferences.addon_disable(module=name)
    assert there() == (False, False), there()
    assert len(bpy.app.handlers.load_post) == handlers
    assert import_entries() == entries
    bpy.ops.preferences.addon_enable(module=name)
    assert there() == (True, True)
assert not [m for m in sys.modules if m.split(".")[0] in ("torch", "scipy", "PIL")]
repo = next(i for i, r in enumerate(bpy.context.preferences.extensions.repos)
            if r.module == "user_default")
bpy.ops.extensions.package_uninstall(repo_index=repo, pkg_id="sa3d_blender")
assert there() == (False, False)
assert name not in bpy.context.preferences.addons
print("LIFE OK")
"""

DIRECT = """
import sys
sys.path.append(sys.argv[1])
import bpy, sa3d_blender
from pathlib import Path
sa3d_blender.register()
try:
    from sa3d_blender.blender import api, session
    session.engine_command = lambda python: [sys.executable, sys.argv[2]]
    nerf = api.load_nerf(sys.argv[3])
    api.add_prompt(nerf, x=900, y=500, object_name="mug")
    print([thing.name for thing in api.segment(nerf)], "DIRECT OK")
finally:
    sa3d_blender.unregister()
"""


def run_blender(code: str, tmp_path: Path, *arguments: str) -> str:
    """What a Blender of its own prints while it runs some code."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=os.environ | {"BLENDER_USER_RESOURCES": str(tmp_path / "user")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_installs_disables_and_goes_away(extension_zip: Path, tmp_path: Path) -> None:
    assert "LIFE OK" in run_blender(LIFE, tmp_path, str(extension_zip))


def test_the_package_registers_without_being_an_extension(tmp_path: Path) -> None:
    checkpoint = tmp_path / "scene.th"
    checkpoint.write_bytes(b"x")
    fake = ROOT / "tests" / "fake_engine.py"
    printed = run_blender(DIRECT, tmp_path, str(ROOT), str(fake), str(checkpoint))
    assert "['mug'] DIRECT OK" in printed


@pytest.mark.parametrize(
    "name",
    [
        "blender_manifest.toml",
        "LICENSE",
        "__init__.py",
        "engine/commands/server.py",
        "core/connection/messages.py",
        "assets/requirements/windows-x86_64-cuda.toml",
    ],
)
def test_the_zip_holds_what_it_needs(extension_zip: Path, name: str) -> None:
    with zipfile.ZipFile(extension_zip) as archive:
        assert name in archive.namelist()


def test_the_zip_holds_nothing_else(extension_zip: Path) -> None:
    with zipfile.ZipFile(extension_zip) as archive:
        names = archive.namelist()
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
    assert sum(1 for name in names if name.startswith("tests")) == 0
