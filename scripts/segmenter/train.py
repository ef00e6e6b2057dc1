"""Train the bundled segmenter, Segment Anything's way: clicks that correct the largest error.

    python scripts/segmenter/data/render_scenes.py --out data/scenes --scenes 1000 --seed 1
    python scripts/segmenter/train.py --data data/scenes --photographs PHOTOGRAPHS --out data/run
        --minutes 75 --start sa3d_blender/assets/segmenter.safetensors

Starts from the weights given with ``--start``, or from MobileSAM's official file given with
``--mobile-sam``: at half its resolution, with what `surface_encoder` adds, which is nothing at
first. Layers that saw enough stay as they are (`FROZEN`). Resumes from ``OUT/last.pt`` when it
exists. ``OUT/log.csv`` holds the curve; the exponential average of the weights goes to
``OUT/segmenter.safetensors`` whenever validation is run.
"""

from __future__ import annotations

import argparse
import csv
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

sys.path.insert(0, str(Path(__file__).parents[1]))
from sa3d_blender.engine.segmenters.bundled import (
    BundledModel,
    BundledShape,
    load_weights,
    save_weights,
)
from sa3d_blender.engine.segmenters.promptable import PIXEL_MEAN, PIXEL_STD
from segmenter.data.pictures import SIDE, Pictures
from segmenter.training.answers import use_fast_attention
from segmenter.training.dialogue import dialogue_loss
from segmenter.training.grouping import Grouping
from segmenter.training.precision import MasterWeights
from segmenter.training.start import started_from_mobile_sam
from segmenter.training.validation import validate

SHAPE = BundledShape(input_side=SIDE)
PICTURES, PROMPTS = 5, 5
"""Per step, and per picture."""
FIELDS = ("image", "masks", "objects", "relief")
GROUPING_WEIGHT = 0.5
WARM_UP_STEPS = 100
IMAGE, SURFACE = "image_encoder.image.", "image_encoder.surface."
FROZEN = (
    f"{IMAGE}patch_embed.",
    *(f"{IMAGE}layers.{i}." for i in range(3)),
    *(f"{SURFACE}{part}." for part in ("stem", "relief_stem", "stages.0")),
)
"""Beginnings of the names of what is not trained: edges, corners and surfaces are known."""
LEARNT = (IMAGE, "mask_decoder.", "prompt_encoder.")
LEARNT_RATE = 0.3
"""Learning rate of what MobileSAM knows, over that of the rest."""
AVERAGE_DECAY = 0.998
CHECK_EVERY = 1200.0
"""Seconds of training between validations."""


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--photographs", type=Path, help="photographs with masks")
    parser.add_argument("--start", type=Path, help="weights of this kind to begin with")
    parser.add_argument("--mobile-sam", type=Path, help="else: MobileSAM's official file")
    parser.add_argument("--surfaces", type=Path, help="and weights that know relief")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=75, help="length of the whole schedule")
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--steps", type=int, help="stop after this many steps of this call")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args(arguments)


class Batches(IterableDataset):  # type: ignore[type-arg]
    """Endless training examples, made in a process of their own; the folder may grow."""

    def __init__(self, folder: Path, photographs: Path | None) -> None:
        self._folder = folder
        self._photographs = photographs

    def __iter__(self) -> Iterator[tuple[np.ndarray, ...]]:
        """Pictures uint8 [b s s 3], masks bool [b k s s], objects uint8 [b s s] and relief."""
        torch.set_num_threads(1)
        pictures = Pictures(self._folder, validation=False, photographs=self._photographs)
        read = time.time()
        rng = np.random.default_rng(int(read))
        while True:
            examples = [pictures.example(rng, PROMPTS) for _ in range(PICTURES)]
            yield tuple(np.stack([getattr(e, k) for e in examples]) for k in FIELDS)
            if time.time() - read > CHECK_EVERY:
                pictures.refresh()
                read = time.time()
                print(f"{len(pictures.names)} training pictures", flush=True)


class Training:
    """The state of a run."""

    def __init__(self, options: argparse.Namespace) -> None:
        use_fast_attention()
        self.options = options
        self.device = torch.device(options.device)
        examples = Batches(options.data, options.photographs)
        self.batches = iter(DataLoader(examples, batch_size=None, num_workers=1, prefetch_factor=4))
        self.model = BundledModel(SHAPE).to(self.device)
        if options.start:
            self.model.load_state_dict(load_weights(options.start).state_dict())
        elif options.mobile_sam:
            state = started_from_mobile_sam(options.mobile_sam, SHAPE, options.surfaces)
            self.model.load_state_dict(state)
        self.masters = MasterWeights.of(self.model, AVERAGE_DECAY)
        self.optimizer = torch.optim.AdamW(
            self._groups(), lr=options.rate, weight_decay=0.03, betas=(0.9, 0.98), fused=True
        )
        self.grouping = Grouping(SHAPE.image.out_channels).to(self.device)
        self.side_optimizer = torch.optim.Adam(self.grouping.parameters(), lr=options.rate)
        self.step, self.spent = 0, 0.0
        path = options.out / "last.pt"
        if path.exists():
            state = torch.load(path, map_location=self.device, weights_only=True)
            self.masters.restore(state["masters"])
            shares = [group["share"] for group in self.optimizer.param_groups]
            self.optimizer.load_state_dict(state["optimizer"])
            for group, share in zip(self.optimizer.param_groups, shares, strict=True):
                group["share"] = share
            if "grouping" in state and "code.2.weight" in state["grouping"]:
                self.grouping.load_state_dict(state["grouping"])
            self.step, self.spent = state["step"], state["spent"]

    def _groups(self) -> list[dict[str, object]]:
        """The optimiser's weights: MobileSAM's and the others; frozen ones get no gradients."""
        learnt, others = [], []
        for (name, own), master in zip(
            self.model.named_parameters(), self.masters.weights, strict=True
        ):
            own.requires_grad_(not name.startswith(FROZEN))
            (learnt if name.startswith(LEARNT) else others).append(master)
        return [{"params": others, "share": 1.0}, {"params": learnt, "share": LEARNT_RATE}]

    def _train_mode(self) -> None:
        """Batch norms of frozen layers stay as they are."""
        self.model.train()
        for name, module in self.model.named_modules():
            if f"{name}.".startswith(FROZEN):
                module.eval()

    def save(self) -> None:
        """Everything needed to go on."""
        state = {
            "masters": self.masters.state(),
            "optimizer": self.optimizer.state_dict(),
            "grouping": self.grouping.state_dict(),
            "step": self.step,
            "spent": self.spent,
        }
        torch.save(state, self.options.out / "last.tmp")
        os.replace(self.options.out / "last.tmp", self.options.out / "last.pt")

    def work(self) -> None:
        """Steps, with validation every few minutes."""
        rng = np.random.default_rng(int(time.time()))
        length = self.options.minutes * 60.0
        signal.signal(signal.SIGTERM, lambda *_: self.save() or sys.exit(0))
        next_check, last_step = self.spent + CHECK_EVERY, self.step + (self.options.steps or 10**9)
        recent: list[tuple[float, float, float]] = []
        while self.spent < length and self.step < last_step:
            begin = time.time()
            self._set_rate(self.spent / length)
            recent.append(self.train_step(rng))
            self.spent += time.time() - begin
            if self.step % 20 == 0:
                loss, groups, iou = np.mean(recent, axis=0)
                recent = []
                print(
                    f"{self.step} {self.spent / 60:.1f} min loss {loss:.3f} groups {groups:.3f} "
                    f"iou {iou:.3f} last step {time.time() - begin:.2f} s",
                    flush=True,
                )
            if self.spent > next_check:
                self.check()
                next_check = self.spent + CHECK_EVERY
        self.check()

    def check(self) -> None:
        """Checkpoint, validation, log line, exported weights, new pictures."""
        self.save()
        figures = validate(
            self.masters.average,
            Pictures(self.options.data, validation=True),
            self.options.photographs,
        )
        print(f"validation at step {self.step}: {figures}", flush=True)
        log_line(self.options.out / "log.csv", self.step, self.spent / 60, figures)
        notes = {"steps": str(self.step), **{k: f"{v:.4f}" for k, v in figures.items()}}
        save_weights(self.masters.average, self.options.out / "segmenter.safetensors", notes)

    def _set_rate(self, progress: float) -> None:
        warm = min(1.0, (self.step + 1) / WARM_UP_STEPS)
        falling = 0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * min(1.0, progress)))
        for group in self.optimizer.param_groups:
            group["lr"] = float(self.options.rate * warm * falling * group["share"])

    def _bfloat16(self, values: np.ndarray | Tensor) -> Tensor:
        moved = torch.as_tensor(values).to(self.device, torch.bfloat16)
        return moved.contiguous(memory_format=torch.channels_last)

    def train_step(self, rng: np.random.Generator) -> tuple[float, float, float]:
        """One batch; its losses (main, side task) and the mean IoU of the first answers."""
        self._train_mode()
        pictures, masks, objects, relief = next(self.batches)
        features, fine = self.model.encode(
            normalised(pictures, self.device), self._bfloat16(relief)
        )
        rounds = int(rng.choice([1, 2, 3], p=[0.45, 0.35, 0.2]))
        loss, iou = dialogue_loss(self.model, features, fine, np.asarray(masks), rng, rounds)
        groups = self.grouping(
            self.model.mask_decoder, features, torch.as_tensor(objects).to(self.device)
        )
        (loss + GROUPING_WEIGHT * groups).backward()
        self.masters.take_gradients(1.0)
        self.optimizer.step()
        self.side_optimizer.step()
        self.side_optimizer.zero_grad()
        self.masters.publish(self.step)
        self.step += 1
        return float(loss.detach()), float(groups.detach()), iou


def normalised(pictures: np.ndarray | Tensor, device: torch.device) -> Tensor:
    """Pictures (bytes [b SIDE SIDE 3]) as the encoder wants them: bfloat16 [b 3 SIDE SIDE]."""
    pixels = torch.as_tensor(pictures).permute(0, 3, 1, 2).float()
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (PIXEL_MEAN, PIXEL_STD))
    scaled = ((pixels - mean) / std).bfloat16().to(device)
    return scaled.contiguous(memory_format=torch.channels_last)


def log_line(path: Path, step: int, minutes: float, figures: dict[str, float]) -> None:
    """Append a validation to the curve."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(["step", "minutes", *figures])
        writer.writerow([step, f"{minutes:.1f}", *[f"{v:.4f}" for v in figures.values()]])


def main() -> None:
    """Train until the time is over."""
    options = options_of()
    options.out.mkdir(parents=True, exist_ok=True)
    Training(options).work()


if __name__ == "__main__":
    main()
