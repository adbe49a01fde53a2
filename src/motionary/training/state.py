"""What a run needs to go on where it stopped, in one safetensors file.

Every epoch draws from streams of its own, seeded by the run's seed and the epoch's number: how far they have
come is kept only where a run was saved midway through an epoch.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from safetensors.torch import save
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from motionary.atomic import write_atomically
from motionary.body.assets import load_body
from motionary.datasets import Clips, Dataset
from motionary.documents import check_version, parse_json
from motionary.models.actor import Actor
from motionary.models.points import BodyPoints
from motionary.models.tensor_files import check_sizes, read_safetensors
from motionary.training.config import TrainConfig
from motionary.training.processes import own_device
from motionary.training.windows import MOST_WINDOWS, standing_windows

STATE_FILE = "training_state.safetensors"
FORMAT_VERSION = 2
"""Of states saved midway through an epoch; others have format 1."""
LOSSES, DROPOUT = "begun.losses", "begun.dropout."
"""Names of tensors of an epoch that is not over."""
HEADER = "motionary_training"
"""Key of the header entry that holds our JSON."""


@dataclass(frozen=True)
class Begun:
    """Steps of an epoch that is not over."""

    losses: Float[Tensor, "S 4"]
    """Of each step so far."""
    dropout: dict[str, UInt8[Tensor, "_"]]
    """Where torch's streams are, by device: dropout draws from them."""

    @classmethod
    def now(cls, losses: Sequence[Float[Tensor, "4"]], device: torch.device) -> "Begun":
        """After the steps with these losses."""
        streams = {"cpu": torch.get_rng_state()}
        if device.type == "cuda":
            streams["cuda"] = torch.cuda.get_rng_state(device)
        return cls(torch.stack(list(losses)).cpu(), streams)

    def resume_dropout(self, device: torch.device) -> None:
        """Let torch's streams go on where they were."""
        torch.set_rng_state(self.dropout["cpu"])
        if device.type == "cuda" and "cuda" in self.dropout:
            torch.cuda.set_rng_state(self.dropout["cuda"], device)

    def tensors(self) -> dict[str, Tensor]:
        """As a state holds them."""
        return {LOSSES: self.losses} | {DROPOUT + name: stream for name, stream in self.dropout.items()}

    @classmethod
    def of_tensors(cls, tensors: dict[str, Tensor]) -> "Begun | None":
        """Out of a state's tensors; None where it was saved at an epoch's end."""
        return cls(tensors[LOSSES], _under(tensors, DROPOUT)) if LOSSES in tensors else None


@dataclass
class Run:
    """A training run in memory."""

    config: TrainConfig
    dataset: Dataset
    device: torch.device
    network: Actor
    average: AveragedModel | None
    """Exponential average of the network over steps, if the config asks for one."""
    optimizer: torch.optim.AdamW
    points: BodyPoints
    epoch: int = 0
    """Epochs done."""
    begun: Begun | None = None
    """The next one, where it was saved midway."""

    @classmethod
    def start(cls, dataset: Dataset, config: TrainConfig) -> "Run":
        """A run before its first step; the network is drawn from the config's seed."""
        network = _network(dataset, config)
        if config.spectrum:
            network.start(_windows(dataset, config), config.loss.kl * config.batch_size)
        return cls._of(network, dataset, config)

    @classmethod
    def _of(cls, network: Actor, dataset: Dataset, config: TrainConfig) -> "Run":
        """A run of a network that has learned nothing yet."""
        device = own_device()
        network = network.to(device)
        average = None
        if config.average_decay > 0:
            average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(config.average_decay))
        return cls(
            config=config,
            dataset=dataset,
            device=device,
            network=network,
            average=average,
            optimizer=_optimizer(network, config, device),
            points=BodyPoints(load_body(config.body), config.points, travel=config.points_travel).to(device),
        )

    def set_learning_rate(self, rate: float) -> None:
        """Let the next steps be of this size."""
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):  # which a recorded step reads
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    @property
    def result(self) -> Actor:
        """The network as it would be used: the average where there is one."""
        return self.average.module if self.average is not None else self.network  # type: ignore[return-value]

    def save(self, out: Path) -> None:
        """Write the state into the run's folder, whole or not at all.

        Raises:
            DiskFull: If there is no room; the state of before stays.
        """
        tensors = {f"network.{name}": t for name, t in self.network.state_dict().items()}
        if self.average is not None:
            tensors |= {f"average.{name}": t for name, t in self.average.state_dict().items()}
        for index, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": t for name, t in moments.items()}
        if self.begun:
            tensors |= self.begun.tensors()
        header = {
            "format_version": FORMAT_VERSION if self.begun else 1,
            "epoch": self.epoch,
            "config": self.config.to_dict(),
            "dataset": str(self.dataset.root.resolve()),
            "clips": clip_paths(self.dataset),
        }
        content = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
        write_atomically(out / STATE_FILE, save(content, metadata={HEADER: json.dumps(header)}))

    @classmethod
    def load(cls, out: Path, *, epochs: int | None = None) -> "Run":
        """Read the state in a run's folder.

        Args:
            out: The run.
            epochs: Length of the run from now on; as planned when None.

        Raises:
            FileNotFoundError: If the folder holds no run, or its data set is gone.
            ValueError: If the state is damaged, or the data set is not the one the run started with.
        """
        path = out / STATE_FILE
        if not path.is_file():
            raise FileNotFoundError(
                f"{out} holds no training run to resume: it has no {STATE_FILE}. A run that was "
                "killed before it was first saved has to be started anew."
            )
        tensors, header = read_safetensors(path)
        try:
            saved = parse_json(header[HEADER], "its header")
            check_version(saved["format_version"], FORMAT_VERSION)
            config = TrainConfig.from_dict(saved["config"])
            root, epoch, paths = Path(saved["dataset"]), int(saved["epoch"]), saved["clips"]
            config.actor(1)
            check_sizes(saved["config"], len(tensors))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, ZeroDivisionError) as error:
            raise ValueError(f"{path} is not a readable training state ({error}).") from None
        try:
            dataset = Dataset.load(root)
        except FileNotFoundError as error:
            raise FileNotFoundError(f"{path} was trained on a data set that is gone: {error}") from None
        if clip_paths(dataset) != paths:
            raise ValueError(f"The data set {root} has other clips than when {out} was started.")
        try:
            config = replace(config, epochs=epochs or config.epochs)
            run = cls._of(_network(dataset, config), dataset, config)
        except (ValueError, FileNotFoundError) as error:
            raise type(error)(f"{path} cannot go on here: {error}") from None
        run.epoch, run.begun = epoch, Begun.of_tensors(tensors)
        run._fill(tensors, path)
        return run

    def _fill(self, tensors: dict[str, Tensor], path: Path) -> None:
        try:
            self.network.load_state_dict(_under(tensors, "network."))
            if self.average is not None:
                self.average.load_state_dict(_under(tensors, "average."))
            state: dict[int, dict[str, Any]] = {}
            for name, tensor in _under(tensors, "optimizer.").items():
                index, _, moment = name.partition(".")
                state.setdefault(int(index), {})[moment] = tensor
            groups = self.optimizer.state_dict()["param_groups"]
            self.optimizer.load_state_dict({"state": state, "param_groups": groups})
        except (RuntimeError, ValueError, KeyError, IndexError) as error:
            raise ValueError(f"{path} does not fit its own config ({str(error).splitlines()[0]}).") from None


def clip_paths(dataset: Dataset) -> list[str]:
    """What a run's data set is recognised by."""
    return [f"{clip.split}:{clip.action}:{clip.path}" for clip in dataset.clips]


def seed_epoch(seed: int, epoch: int, rank: int) -> tuple[np.random.Generator, np.random.Generator]:
    """Generators of one epoch's batches and of its latents' noise, the same in all processes.

    Torch's global stream, which dropout draws from, is seeded for this process.
    """
    batches, noise, dropout = np.random.SeedSequence([seed, epoch]).spawn(3)
    torch.manual_seed(int(dropout.spawn(rank + 1)[rank].generate_state(1, np.uint64)[0]))
    return np.random.default_rng(batches), np.random.default_rng(noise)


def _optimizer(network: Actor, config: TrainConfig, device: torch.device) -> torch.optim.AdamW:
    """AdamW in one pass over the weights; on a GPU such that a recorded step can hold it."""
    on_gpu = device.type == "cuda"
    rate = torch.tensor(config.learning_rate, device=device) if on_gpu else config.learning_rate
    return torch.optim.AdamW(
        network.parameters(), lr=rate, weight_decay=config.weight_decay, fused=True, capturable=on_gpu
    )


def _network(dataset: Dataset, config: TrainConfig) -> Actor:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return Actor(config.actor(len(dataset.actions)))


def _windows(dataset: Dataset, config: TrainConfig) -> Float[Tensor, "N T 25 6"]:
    clips = Clips(dataset.split("train"), config.clips())
    batches = standing_windows(clips, config.seed, most_clips=MOST_WINDOWS)  # all are in memory at once
    return torch.cat([batch.features for batch in batches])


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
