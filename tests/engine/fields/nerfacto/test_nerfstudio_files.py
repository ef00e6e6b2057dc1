"""Files of nerfstudio's runs that are missing, damaged, hostile or of another method."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from sa3d_blender.core.errors import UserError
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.nerfacto.inert_yaml import TAG, read_inert_yaml
from tests.support.plain_nerfacto import PlainNerfacto

CPU = torch.device("cpu")


def refused(path: Path, code: str) -> str:
    """The one sentence with which a path is refused."""
    with pytest.raises(UserError) as caught:
        load_field(path, FieldOptions(), device=CPU)
    sentence = str(caught.value)
    assert caught.value.code == code
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def with_config(folder: Path, text: str) -> Path:
    """A run's folder whose configuration is that text."""
    PlainNerfacto().save(folder)
    (folder / "config.yml").write_text(text, encoding="utf-8")
    return folder


def test_folder_without_config(tmp_path: Path) -> None:
    assert "is a folder without a config.yml" in refused(tmp_path, "not_a_checkpoint")


def test_run_without_checkpoint(tmp_path: Path) -> None:
    path = PlainNerfacto().save(tmp_path)
    path.unlink()
    assert "copy the run's whole folder" in refused(tmp_path, "missing_file")
    assert "step-*.ckpt" in refused(tmp_path / "config.yml", "missing_file")


@pytest.mark.parametrize(
    "payload",
    [
        "!!python/object/apply:os.system ['touch {marker}']",
        "!!python/object/new:os.system ['touch {marker}']",
        "!!python/object/apply:pathlib.Path.touch\n  - !!python/object/apply:pathlib.PosixPath "
        "['{marker}']",
        "!!python/object/new:type\n  args: [z, !!python/tuple [], "
        "{{extend: !!python/name:exec }}]\n  listitems: \"open('{marker}', 'w')\"",
        "!!python/module:this",
        "!<tag:yaml.org,2002:python/object/apply:subprocess.call> [[touch, '{marker}']]",
        "!evil [1, 2]",
    ],
)
def test_nothing_in_a_config_is_executed(tmp_path: Path, payload: str) -> None:
    marker = tmp_path / "ran"
    path = tmp_path / "config.yml"
    path.write_text(f"pipeline: 1\nhostile: {payload.format(marker=marker)}\n")
    read_inert_yaml(path)
    assert not marker.exists()
    run = with_config(tmp_path / "run", PlainNerfacto().config() + path.read_text()[12:])
    assert load_field(run, FieldOptions(), device=CPU).family == "nerfacto"
    assert not marker.exists()


def test_tags_are_notes_beside_plain_data(tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    path.write_text(
        "!!python/object:a.B\nx: !!python/tuple [1, 2]\ny: &id !!python/name:c.D ''\nz: *id\n"
    )
    assert read_inert_yaml(path) == {
        TAG: "object:a.B",
        "x": [1, 2],
        "y": "name:c.D",
        "z": "name:c.D",
    }


@pytest.mark.parametrize(
    "text",
    [
        "pipeline: [unclosed",
        "pipeline: {}\n\tx: 1",
        "pipeline: &a [*a]",
        "pipeline: &a !!python/tuple [*a]",
        "pipeline: " + "[" * 5000,
        "pipeline: {? [a] : b}",
        "pipeline: 2001-99-99",
        "method_name: nerfacto",
        "pipeline: 5",
        "pipeline: {}\nx: '" + "y" * 1_100_000 + "'",
    ],
)
def test_configs_that_are_none(tmp_path: Path, text: str) -> None:
    run = with_config(tmp_path, text)
    assert "is not a nerfstudio config.yml" in refused(run / "config.yml", "not_a_checkpoint")
    assert "is not a nerfstudio config.yml" in refused(run, "not_a_checkpoint")


def test_nested_merges_do_not_grow(tmp_path: Path) -> None:
    """Each line would merge ten copies of the one before."""
    lines = ["pipeline: {model: {}}", "a0: &a0 {k: v}"]
    lines += [f"a{i + 1}: &a{i + 1} {{<<: [{', '.join([f'*a{i}'] * 10)}]}}" for i in range(30)]
    path = tmp_path / "config.yml"
    path.write_text("\n".join(lines))
    assert read_inert_yaml(path)["pipeline"] == {"model": {}}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"transform": [[1, 0, 0]], "scale": 1}', '{"transform": 5}',
     '{"transform": [[0,0,0,0],[0,0,0,0],[0,0,0,0]], "scale": 1}',
     '{"transform": [[1,0,0,0],[0,1,0,0],[0,0,1,0]], "scale": NaN}', "[" * 100_000],
)  # fmt: skip
def test_damaged_transform(tmp_path: Path, text: str) -> None:
    PlainNerfacto().save(tmp_path)
    (tmp_path / "dataparser_transforms.json").write_text(text)
    assert "3x4 transform and a scale" in refused(tmp_path, "bad_weights")


def test_another_method(tmp_path: Path) -> None:
    plain = PlainNerfacto()
    plain.pipeline = {"gauss_params.means": torch.zeros(3, 3)}
    path = plain.save(tmp_path)
    config = plain.config().replace("method_name: nerfacto", "method_name: splatfacto")
    (tmp_path / "config.yml").write_text(config)
    assert "another method than nerfacto (splatfacto)" in refused(path, "unknown_format")
    assert "another method" in refused(tmp_path, "unknown_format")


@pytest.mark.parametrize("method", ["splatfacto", "tensorf", "mipnerf", "neus-facto", "generfacto"])
def test_another_method_is_named_before_its_checkpoint_is_asked_for(
    tmp_path: Path, method: str
) -> None:
    config = PlainNerfacto().config().replace("method_name: nerfacto", f"method_name: {method}")
    (tmp_path / "config.yml").write_text(config)
    for path in (tmp_path, tmp_path / "config.yml"):
        sentence = refused(path, "unknown_format")
        assert (
            f"config.yml is a nerfstudio run, but of another method than nerfacto ({method})"
            in (sentence)
        )


def test_a_transform_that_is_a_git_lfs_pointer_is_named(tmp_path: Path) -> None:
    PlainNerfacto().save(tmp_path)
    (tmp_path / "dataparser_transforms.json").write_text(
        "version https://git-lfs.github.com/spec/v1"
    )
    assert "dataparser_transforms.json is a Git LFS pointer" in refused(tmp_path, "lfs_pointer")


def test_hostile_pickle_beside_an_honest_config(tmp_path: Path) -> None:
    path = PlainNerfacto().save(tmp_path)
    marker = tmp_path / "ran"

    class Hostile:
        def __reduce__(self) -> tuple[object, ...]:
            return (os.system, (f"touch {marker}",))

    torch.save({"step": 1, "pipeline": {"_model.x": Hostile()}}, path)
    assert "program code" in refused(tmp_path, "unsafe")
    assert not marker.exists()


def test_huge_sizes_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    plain = PlainNerfacto()
    plain.pipeline["field.num_levels"] = torch.tensor(64)
    plain.pipeline["field.log2_hashmap_size"] = torch.tensor(28)
    assert "hash_table" in refused(plain.save(tmp_path), "bad_weights")
