"""The files of a nerfstudio training: which belong together, and what ``config.yml`` says.

What a run's folder holds is in `files.nerfstudio_files`.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ....core.errors import UserError
from ..files.checkpoint_file import Checkpoint, read_checkpoint
from ..files.chosen_file import ChosenFile
from ..files.nerfstudio_files import CHECKPOINTS, CONFIG, TRANSFORMS, of_run
from .inert_yaml import read_inert_yaml

METHODS = ("nerfacto", "nerfacto-big", "nerfacto-huge", "depth-nerfacto")
"""nerfstudio's methods whose checkpoints hold nerfacto's networks."""
YAML_LINE = re.compile(r"^(!!python/|method_name:|pipeline:)", re.MULTILINE)
"""What one of the first lines of a configuration begins with."""
STEP = re.compile(r"step-(\d+)\.ckpt")


@dataclass(frozen=True)
class RunConfig:
    """What a ``config.yml`` says."""

    path: Path
    data: dict[str, Any]

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.path.parent

    def table(self, *names: str) -> dict[str, Any]:
        """A nested table by the names that lead to it; empty where there is none."""
        found: Any = self.data
        for name in names:
            found = found.get(name) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}


def open_run(chosen: ChosenFile) -> Checkpoint | None:
    """A checkpoint of nerfstudio's trainer with its run's `RunConfig` or None, from any of them.

    Args:
        chosen: a run's folder, its ``config.yml`` or a checkpoint; of any other file, None comes.

    Raises:
        UserError: code ``missing_file``, ``not_a_checkpoint`` or ``unknown_format``.
    """
    path = chosen.path
    config = config_in_folder(path) if path.is_dir() else None
    if YAML_LINE.search(chosen.text):
        config = read_config(path)
    if config is None:
        found = chosen.torch_checkpoint
        if found is None or not _is_of_trainer(found):
            return None
        return replace(found, config=config_of_checkpoint(path))
    found = read_checkpoint(newest_checkpoint(config))
    if not _is_of_trainer(found):
        raise UserError(
            f"{found.path} is not a checkpoint of nerfstudio's; copy the run's whole folder again.",
            code="unknown_format",
        )
    return replace(found, config=config)


def other_method(path: Path, config: RunConfig | None) -> UserError:
    """The error for a run of nerfstudio's of a method that is not read.

    Args:
        path: what the sentence is about: the checkpoint or the configuration.
        config: of the run, which names the method.
    """
    method = config.data.get("method_name") if config else None
    named = f" ({method})" if isinstance(method, str) and method.isprintable() else ""
    what = "run" if config is not None and path == config.path else "checkpoint"
    return UserError(
        f"{path} is a nerfstudio {what}, but of another method than nerfacto{named[:60]}; train "
        "the scene with ns-train nerfacto.",
        code="unknown_format",
    )


def _is_of_trainer(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint has the tables of nerfstudio's trainer."""
    data = checkpoint.data
    return isinstance(data, dict) and isinstance(data.get("pipeline"), dict) and "step" in data


def read_config(path: Path) -> RunConfig:
    """Read a ``config.yml`` of whatever name.

    Raises:
        UserError: code ``not_a_checkpoint``.
    """
    config = RunConfig(path, read_inert_yaml(path))
    if not config.table("pipeline"):
        raise UserError(
            f"{path} is not a nerfstudio config.yml; choose the file that the training wrote.",
            code="not_a_checkpoint",
        )
    return config


def config_in_folder(folder: Path) -> RunConfig:
    """The configuration of a run's folder, or of the run whose folder of checkpoints it is.

    Raises:
        UserError: code ``not_a_checkpoint``.
    """
    for place in (folder, folder.parent) if folder.name == CHECKPOINTS else (folder,):
        if (place / CONFIG).is_file():
            return read_config(place / CONFIG)
    raise UserError(
        f"{folder} is a folder without a config.yml of nerfstudio in it; choose the checkpoint "
        "file itself (e.g. its .th file).",
        code="not_a_checkpoint",
    )


def config_of_checkpoint(path: Path) -> RunConfig | None:
    """The configuration of the run that a checkpoint file belongs to; None if it is not there.

    Raises:
        UserError: code ``not_a_checkpoint``; it is there and unreadable.
    """
    found = of_run(path, CONFIG)
    return None if found is None else read_config(found)


def run_files(chosen: Path) -> tuple[Path, ...]:
    """The files of a run that loading it from a folder, a configuration or a checkpoint looks for.

    A checkpoint that was chosen itself does not depend on the others.
    """
    places = [chosen, chosen.parent, chosen.parent.parent]
    found = [place / name for place in places for name in (CONFIG, TRANSFORMS)]
    if not STEP.fullmatch(chosen.name):
        with suppress(OSError):
            for place in (*places[:2], chosen / CHECKPOINTS, chosen.parent / CHECKPOINTS):
                found += sorted(place.glob("step-*.ckpt"))
    return tuple(found)


def newest_checkpoint(config: RunConfig) -> Path:
    """The run's checkpoint of the highest step.

    Raises:
        UserError: code ``missing_file``; or ``unknown_format`` where there is none and it would
            not be of nerfacto: copying it would be of no use.
    """
    steps: dict[int, Path] = {}
    for folder in (config.folder / CHECKPOINTS, config.folder):
        for path in sorted(folder.glob("step-*.ckpt")):
            match = STEP.fullmatch(path.name)
            if match:
                steps.setdefault(int(match[1]), path)
    if not steps and config.data.get("method_name", METHODS[0]) not in METHODS:
        raise other_method(config.path, config)
    if not steps:
        raise UserError(
            f"There is no {CHECKPOINTS}/step-*.ckpt beside {config.path}; copy the run's whole "
            "folder.",
            code="missing_file",
        )
    return steps[max(steps)]
