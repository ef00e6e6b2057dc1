"""What nerfacto's ``config.yml`` says about a model, and nerfstudio's defaults for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....core.settings import FieldOptions
from ..components.hash_grid import (
    MAX_FEATURES,
    MAX_LEVELS,
    MAX_LOG2_ROWS,
    MAX_RESOLUTION,
    GridShape,
)
from ..files.checkpoint_file import Checkpoint, bad_weights
from ..files.checkpoint_numbers import Numbers
from .nerfstudio_run import RunConfig, other_method

MAX_SAMPLES = 4096
MAX_PROPOSALS = 8
DEFAULTS: dict[str, Any] = {
    "average_init_density": 1.0,
    "base_res": 16,
    "far_plane": 1000.0,
    "features_per_level": 2,
    "log2_hashmap_size": 19,
    "max_res": 2048,
    "num_levels": 16,
    "num_nerf_samples_per_ray": 48,
    "num_proposal_iterations": 2,
    "num_proposal_samples_per_ray": [256, 96],
}
PROPOSAL_DEFAULTS: dict[str, Any] = {"log2_hashmap_size": 17, "num_levels": 5, "max_res": 256}
UNSAID_DENSITY = 0.01
"""Average initial density of the nerfacto presets since January 2024."""
BACKGROUNDS = {"white": 1.0, "black": 0.0, "random": 0.0}
"""Grey levels; a model trained on random backgrounds is rendered on black."""
LAST_SAMPLE = "last_sample"


@dataclass(frozen=True)
class NerfactoSettings:
    """What the weights do not say."""

    proposal_samples: tuple[int, ...]
    samples: int
    """Bins of the last round, in which the field itself is asked."""
    far: float
    piecewise: bool
    contracted: bool
    density_factor: float
    average_appearance: bool
    """Whether pictures look like the mean of the training's; else like no training picture."""
    background: float
    extends_last_sample: bool
    """Whether a ray's last sample stands for all that is behind it."""
    tables: tuple[dict[str, Any], ...]
    """Sizes of the hash grids, the field's and then the proposals', where the file says nothing."""
    notes: tuple[str, ...]

    def shape(self, number: int, said: dict[str, Any], path: Path) -> GridShape:
        """The shape of hash grid ``number``: 0 the field's, then the proposals'.

        Args:
            said: what the checkpoint itself says about it.
            path: the file, for messages.
        """
        numbers = Numbers({**self.tables[number], **said}, path)
        base = numbers.whole("base_res", low=1, high=MAX_RESOLUTION)
        return GridShape.between(
            numbers.whole("num_levels", low=1, high=MAX_LEVELS),
            numbers.whole("features_per_level", low=1, high=MAX_FEATURES),
            numbers.whole("log2_hashmap_size", low=1, high=MAX_LOG2_ROWS),
            base,
            numbers.whole("max_res", low=base, high=MAX_RESOLUTION),
        )


def choose_settings(
    checkpoint: Checkpoint, config: RunConfig | None, options: FieldOptions, proposals: int
) -> NerfactoSettings:
    """Follow the options, then the run's ``config.yml``; assume nerfstudio's defaults for the rest.

    Args:
        checkpoint: the file, for messages.
        config: of its run; None where it is missing.
        proposals: how many proposal networks the file holds.

    Raises:
        UserError: code ``bad_weights``, a number that makes no sense; ``unknown_format``, a model
            of another method.
    """
    table, notes = _model_table(config)
    numbers = Numbers(table, checkpoint.path)
    rounds = numbers.whole("num_proposal_iterations", low=1, high=MAX_PROPOSALS)
    if proposals not in (1, rounds):
        raise bad_weights(checkpoint.path, f"it holds {proposals} proposal networks, not {rounds}")
    counts = numbers.many("num_proposal_samples_per_ray", rounds, low=2.0, high=float(MAX_SAMPLES))
    background, extends = _background(table, options)
    return NerfactoSettings(
        proposal_samples=tuple(map(int, counts)),
        samples=numbers.whole("num_nerf_samples_per_ray", low=2, high=MAX_SAMPLES),
        far=numbers.one("far_plane", low=1e-3, high=1e9),
        piecewise=table.get("proposal_initial_sampler") != "uniform",
        contracted=not table.get("disable_scene_contraction"),
        density_factor=numbers.one("average_init_density", low=1e-9, high=1e9),
        average_appearance=bool(table.get("use_average_appearance_embedding", True)),
        background=background,
        extends_last_sample=extends,
        tables=(table, *_proposal_tables(table, proposals)),
        notes=notes,
    )


def check_method(checkpoint: Checkpoint, config: RunConfig | None, keys: set[str]) -> None:
    """Raise UserError (``unknown_format``) unless the weights are a nerfacto model's.

    Args:
        keys: names of the weights, without prefix.
    """
    has_field = any(key.startswith(("field.mlp_base", "field.mlp_base_grid")) for key in keys)
    if has_field and any(key.startswith("proposal_networks.0.") for key in keys):
        return
    raise other_method(checkpoint.path, config)


def _model_table(config: RunConfig | None) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The model's options, completed, and what was assumed."""
    if config is None:
        note = (
            "There is no config.yml of the training beside the file; put it there if the picture "
            "is wrong."
        )
        return {**DEFAULTS, "average_init_density": UNSAID_DENSITY}, (note,)
    model = config.table("pipeline", "model")
    table = {**DEFAULTS, **{name: value for name, value in model.items() if value is not None}}
    counts, rounds = table["num_proposal_samples_per_ray"], table["num_proposal_iterations"]
    if isinstance(counts, list) and isinstance(rounds, int):  # further ones are never used
        table["num_proposal_samples_per_ray"] = counts[:rounds]
    return table, ()


def _background(table: dict[str, Any], options: FieldOptions) -> tuple[float, bool]:
    """Grey level, and whether the last sample covers it anyway."""
    if options.background != "auto":
        return BACKGROUNDS[options.background], False
    name = table.get("background_color", LAST_SAMPLE)
    if isinstance(name, str) and name in BACKGROUNDS:
        return BACKGROUNDS[name], False
    return 0.0, True


def _proposal_tables(table: dict[str, Any], proposals: int) -> list[dict[str, Any]]:
    """The proposals' sizes; those that are not listed are like the last that is."""
    listed = table.get("proposal_net_args_list")
    listed = [entry for entry in listed if isinstance(entry, dict)] if listed else []
    base = {"base_res": 16, "features_per_level": 2, **PROPOSAL_DEFAULTS}
    entries = [listed[min(i, len(listed) - 1)] if listed else {} for i in range(proposals)]
    return [{**base, **entry} for entry in entries]
