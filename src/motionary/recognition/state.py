"""A recogniser's training as it was at the end of an epoch, in memory and in one safetensors file.

A training that was stopped goes on from there as if it had never been.
"""

import json
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn

from motionary.documents import parse_json
from motionary.models.tensor_files import read_safetensors

STATE_FILE = "training_state.safetensors"
"""There only while a training is not finished."""
FORMAT_VERSION = 1
HEADER = "motionary_recogniser_training"


@dataclass(frozen=True)
class Epoch:
    """One line of the log; NaN without a held-out part."""

    epoch: int
    train_loss: float
    held_out_loss: float
    held_out_accuracy: float


@dataclass
class Fit:
    """A training in memory."""

    network: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    rng: np.random.Generator
    """Of batches, windows and their variation; dropout draws from torch's global stream."""
    about: dict[str, Any]
    """What it is a training of, as JSON holds it: another one does not go on from its snapshots."""
    log: list[Epoch] = field(default_factory=list)
    best: int = 0
    """Epoch with the lowest held-out loss."""
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    def note(self, epoch: Epoch) -> None:
        """Add an epoch to the log, and keep its weights where they are the best so far."""
        self.log.append(epoch)
        if not epoch.held_out_loss >= self.log[self.best].held_out_loss or len(self.log) == 1:
            self.best, self.best_weights = epoch.epoch, deepcopy(self.network.state_dict())

    def snapshot(self) -> bytes:
        """All of it, as a file's content."""
        optimizer = self.optimizer.state_dict()
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best_weights.items()}
        for index, moments in optimizer["state"].items():
            tensors |= {f"optimizer.{index}.{name}": tensor for name, tensor in moments.items()}
        tensors["dropout"] = torch.get_rng_state()
        seeds = self.rng.bit_generator.seed_seq
        described = {
            "format_version": FORMAT_VERSION,
            "about": self.about,
            "log": [asdict(epoch) for epoch in self.log],
            "best": self.best,
            "rng": self.rng.bit_generator.state,
            "seed": seeds.entropy,  # type: ignore[attr-defined]
            "spawned": seeds.n_children_spawned,  # type: ignore[attr-defined]
            "schedule": self.schedule.state_dict(),
            "groups": optimizer["param_groups"],
        }
        content = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
        return save(content, metadata={HEADER: json.dumps(described)})

    def resume(self, path: Path) -> None:
        """Go back to a snapshot in a file; nothing happens where there is none.

        Raises:
            ValueError: If it is damaged, or of another training.
        """
        if not path.exists():
            return
        tensors, header = read_safetensors(path)
        try:
            described = parse_json(header[HEADER], path)
            if described["about"] != self.about or described["format_version"] > FORMAT_VERSION:
                raise ValueError(
                    f"{path} is of an unfinished training with other settings, clips or a newer version: "
                    "finish that one, remove the file to begin anew, or name another folder."
                )
            self._restore(tensors, described)
        except (KeyError, TypeError, RuntimeError) as error:
            raise ValueError(
                f"{path} is not a readable training state ({error}); remove it to begin anew."
            ) from None

    def _restore(self, tensors: dict[str, Tensor], described: dict[str, Any]) -> None:
        self.network.load_state_dict(_under(tensors, "network."))
        self.best_weights = _under(tensors, "best.")
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _under(tensors, "optimizer.").items():
            index, _, moment = name.partition(".")
            state.setdefault(int(index), {})[moment] = tensor
        self.optimizer.load_state_dict({"state": state, "param_groups": described["groups"]})
        self.schedule.load_state_dict(described["schedule"])
        torch.set_rng_state(tensors["dropout"])
        spawned = np.random.SeedSequence(described["seed"], n_children_spawned=described["spawned"])
        self.rng = np.random.default_rng(spawned)
        self.rng.bit_generator.state = described["rng"]
        self.log = [Epoch(**epoch) for epoch in described["log"]]
        self.best = described["best"]

    def is_over(self, epochs: int, patience: int) -> bool:
        """Whether it has had its epochs, or gained nothing for so many."""
        return len(self.log) >= epochs or (bool(self.log) and len(self.log) - 1 - self.best >= patience)


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
