"""bfloat16 training with float32 master weights and a running average of them."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


def as_bfloat16(model: nn.Module) -> nn.Module:
    """The model with bfloat16 weights, except batch norms and positional encodings."""
    model.bfloat16()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.float()
        if hasattr(module, "positional_encoding_gaussian_matrix"):
            module.float()
    return model.to(memory_format=torch.channels_last)


class MasterWeights:
    """A float32 copy of a model that an optimiser works on, and its exponential average."""

    def __init__(self, model: nn.Module, average: nn.Module, decay: float) -> None:
        """Begin with the model's weights as they are.

        Args:
            model: trained, in any precision.
            average: float32, same architecture; updated in place.
        """
        self.model, self.average, self._decay = model, average, decay
        self.weights = [p.detach().float().clone().requires_grad_() for p in model.parameters()]
        self._averages = list(average.parameters())

    @classmethod
    def of(cls, model: nn.Module, decay: float) -> MasterWeights:
        """Masters of a float32 model, which is turned into a bfloat16 one."""
        average = copy.deepcopy(model).eval().requires_grad_(False)
        masters = [p.detach().clone().requires_grad_() for p in model.parameters()]
        made = cls(as_bfloat16(model), average, decay)
        made.weights = masters
        return made

    def take_gradients(self, largest_norm: float) -> float:
        """Move the model's gradients to the masters, clipped; returns their norm."""
        for master, own in zip(self.weights, self.model.parameters(), strict=True):
            master.grad = None if own.grad is None else own.grad.float().contiguous()
            own.grad = None
        return float(nn.utils.clip_grad_norm_(self.weights, largest_norm))

    @torch.no_grad()
    def publish(self, step: int) -> None:
        """Copy the masters into the model and update the average (weights and batch norms)."""
        torch._foreach_copy_(list(self.model.parameters()), self.weights)
        share = 1 - min(self._decay, (step + 1) / (step + 20))
        torch._foreach_lerp_(self._averages, self.weights, share)
        for old, new in zip(self.average.buffers(), self.model.buffers(), strict=True):
            if old.is_floating_point():
                old.lerp_(new.float(), share)

    def state(self) -> dict[str, list[Tensor] | dict[str, Tensor]]:
        """For a checkpoint."""
        return {
            "weights": [w.detach() for w in self.weights],
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
        }

    @torch.no_grad()
    def restore(self, state: dict) -> None:  # type: ignore[type-arg]
        """From a checkpoint."""
        for weight, saved in zip(self.weights, state["weights"], strict=True):
            weight.copy_(saved)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
