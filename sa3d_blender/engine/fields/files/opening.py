"""From whatever the user chose to a checkpoint's content: recognised by bytes, not by name."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from ..gaussian_splats import is_splat_head, is_splat_training, splat_refused
from ..instant_ngp.snapshot import is_snapshot_head, read_snapshot
from ..nerfacto.nerfstudio_run import RunConfig, config_in_folder, newest_checkpoint, read_config
from ..plenoxels.checkpoint import is_plenoxels_archive
from .checkpoint_file import Checkpoint, first_bytes, read_checkpoint
from .npz_arrays import array_names, open_npz

HEAD = 4096
"""Bytes that tell what a file is."""
YAML_LINE = re.compile(r"^(!!python/|method_name:|pipeline:)", re.MULTILINE)
"""What one of the first lines of nerfstudio's configurations begins with."""


def open_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint file, or the one that belongs to a nerfstudio run's folder or config.yml.

    Raises:
        UserError: code ``missing_file``, ``not_a_checkpoint``, ``truncated``,
            ``unsafe`` or ``unknown_format``.
    """
    path = Path(path)
    if path.is_dir():
        return _of_run(config_in_folder(path))
    head = first_bytes(path, HEAD)
    if is_splat_head(head):
        raise splat_refused(path)
    if is_snapshot_head(head):
        return read_snapshot(path)
    if is_plenoxels_archive(array_names(path, head)):
        return Checkpoint(path, open_npz(path))
    if YAML_LINE.search(_as_text(head)):
        return _of_run(read_config(path))
    checkpoint = read_checkpoint(path)
    if is_splat_training(checkpoint.data):
        raise splat_refused(path)
    return checkpoint


def _of_run(config: RunConfig) -> Checkpoint:
    return replace(read_checkpoint(newest_checkpoint(config)), config=config)


def _as_text(head: bytes) -> str:
    """The bytes as text; empty if they are none."""
    return "" if b"\0" in head else head.decode("utf-8", errors="ignore")
