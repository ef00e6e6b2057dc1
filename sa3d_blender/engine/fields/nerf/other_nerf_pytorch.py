"""Krishna Murthy's nerf-pytorch has its name in common with Lin Yen-Chen's, and little else.

Its networks have other layers and encodings, so its files are refused by their name.
"""

from __future__ import annotations

from ....core.errors import UserError
from ..files.chosen_file import ChosenFile

NETWORK = "model_coarse_state_dict"
"""The table of the coarse network's weights in its ``.ckpt`` files."""


def refuse_other_nerf_pytorch(chosen: ChosenFile) -> None:
    """Raise UserError (``unknown_format``) of a checkpoint of krrish94's nerf-pytorch."""
    checkpoint = chosen.torch_checkpoint
    if checkpoint is None or not isinstance(checkpoint.data, dict):
        return
    if NETWORK in checkpoint.data:
        raise UserError(
            f"{chosen.path} is of krrish94's nerf-pytorch, whose networks are not read; train the "
            "scene with the nerf-pytorch that is, yenchenlin's.",
            code="unknown_format",
        )
