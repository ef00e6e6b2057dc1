"""Which part may import which: blender -> core <- engine, and no part in a circle."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "sa3d_blender"
HEAVY = {"torch", "segment_anything", "skimage", "trimesh", "scipy", "PIL", "jaxtyping", "tqdm"}
HEAVY |= {"psutil"}
BLENDER = {"bpy", "mathutils", "bpy_extras", "gpu", "bmesh"}
FORBIDDEN = {
    "core": HEAVY | BLENDER | {"sa3d_blender.blender", "sa3d_blender.engine"},
    "blender": HEAVY | {"sa3d_blender.engine"},
    "engine": BLENDER | {"sa3d_blender.blender"},
}
FILES = sorted(PACKAGE.rglob("*.py"))
FOLDERS = [
    p
    for part in ("core", "engine", "blender")
    for p in (PACKAGE / part, *(PACKAGE / part).rglob("*/"))
]


def imported(path: Path) -> Iterator[str]:
    """Absolute names of the modules that a file imports."""
    package = ("sa3d_blender", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else ()
            name = ".".join((*base, *((node.module,) if node.module else ())))
            yield name
            yield from (f"{name}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_parts_import_only_what_they_may(path: Path) -> None:
    part = path.relative_to(PACKAGE).parts[0]
    forbidden = FORBIDDEN.get(part, HEAVY | BLENDER)
    for name in imported(path):
        hits = [f for f in forbidden if name == f or name.startswith(f + ".")]
        assert not hits, f"{path} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_imports_within_the_package_are_relative(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level:
            assert not (node.module or "").startswith("sa3d_blender")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_no_files_or_folders_import_each_other_in_a_circle(folder: Path) -> None:
    here = folder.relative_to(PACKAGE.parent).parts
    neighbours = {path.stem for path in folder.iterdir()} - {"__init__"}
    imports: dict[str, set[str]] = {}
    for path in folder.rglob("*.py"):
        own = path.relative_to(folder).with_suffix("").parts[0]
        names = [tuple(name.split(".")) for name in imported(path)]
        found = {name[len(here)] for name in names if name[: len(here)] == here != name}
        imports.setdefault(own, set()).update(found & neighbours - {own})
    TopologicalSorter(imports).prepare()  # raises CycleError, which names the circle


def test_importing_the_package_imports_neither_blender_nor_torch() -> None:
    code = (
        "import sys; sys.path.append(sys.argv[1]); import sa3d_blender;"
        "import sa3d_blender.core.connection.engine_process;"
        "assert not {'bpy', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-I", "-c", code, str(PACKAGE.parent)], check=True)


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "docs/*.md"])
def test_documents_name_files_that_are_there(document: str) -> None:
    root = PACKAGE.parent
    for page in root.glob(document):
        text = page.read_text(encoding="utf-8")
        for name in re.findall(r"`([a-z_0-9]+/[a-z_0-9/]*(?:/|\.py))`", text):
            bases = (root, PACKAGE, PACKAGE / "engine", PACKAGE / "engine" / "fields")
            places = [base / name for base in bases]
            assert any(place.exists() for place in places), f"{page.name} names {name}"


@pytest.mark.parametrize("part", ["core", "engine", "blender"])
def test_every_folder_has_its_tests(part: str) -> None:
    for folder in (PACKAGE / part).rglob("*/"):
        tests = Path(__file__).parent / folder.relative_to(PACKAGE)
        assert folder.name.startswith("__") or any(tests.rglob("test_*.py")), f"{tests} is empty"
