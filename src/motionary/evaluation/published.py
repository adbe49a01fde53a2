"""ACTOR's evaluation as its published code runs it: the same draws, loops, means and files.

It compares generated motions with the very clips the model was trained on, lets the recogniser start from a
random state, and prints 1.96 times the variance as an interval. `motionary.evaluation.protocol` does
otherwise; this is for numbers that stand beside published ones.

With one worker the draws are the published ones bit for bit (its eight workers draw others on every machine).

B motions of a batch, T frames, N motions of a set.

Source: Petrovich et al. 2021, arXiv:2104.05670, and its published code, whose behaviour this follows.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from motionary.body.skeleton import NUM_JOINTS
from motionary.confusion import accuracy, confusion_matrix
from motionary.datasets import Dataset
from motionary.datasets.actions import SplitName
from motionary.datasets.actor_sampling import ActorFrames, ActorOrder, ActorRandom
from motionary.evaluation.metrics import (
    draw_pairs_as_published,
    draw_pairs_within_actions_as_published,
    frechet_distance,
    mean_pair_distance,
)
from motionary.evaluation.published_files import PublishedScores
from motionary.features import motion_to_features
from motionary.models import Model
from motionary.models.recognition import Recognition

NUM_FRAMES = 60
BATCH_SIZE = 64
MOST_MOTIONS = 3000
DIVERSITY_PAIRS = 200
MULTIMODALITY_PAIRS = 20

Watch = Callable[[Float[Tensor, "B T 25 6"], Bool[Tensor, "B T"], torch.Generator], Recognition]
"""Recognises motions in training features, y up; may draw its initial state from the generator."""

SetName = Literal["gen", "gt", "gt2"]

Part = SplitName | Literal["all"]


@dataclass(frozen=True)
class Loader:
    """A set of motions to fill: generated ones, or real ones of a data set instance."""

    name: SetName
    split: Part
    suffix: str = ""
    """Of the names of its numbers."""


@dataclass(frozen=True)
class Plan:
    """Which sets are filled, in that order. They are scored split by split: gen, gt, gt2."""

    loaders: tuple[Loader, ...]

    @property
    def splits(self) -> tuple[Part, ...]:
        """In order of appearance."""
        return tuple(dict.fromkeys(loader.split for loader in self.loaders))


def gru_plan(split: Part = "all") -> Plan:
    """For NTU13 and HumanAct12, of which the published code trains on everything and tests on the same.

    Args:
        split: What the model was trained on.
    """
    return Plan((Loader("gen", split), Loader("gt", split), Loader("gt2", split)))


STGCN_PLAN = Plan(
    (
        Loader("gt", "train", "_train"),
        Loader("gt", "test", "_test"),
        Loader("gen", "train", "_train"),
        Loader("gen", "test", "_test"),
    )
)
"""UESTC, where the second real sample is switched off."""


@dataclass(frozen=True)
class Streams:
    """The random streams that the published code seeds at every repetition."""

    items: ActorRandom
    """Orders and crops; its numpy stream gives the pairs of diversity and multimodality."""
    noise: torch.Generator
    """Latents and recogniser states."""

    @classmethod
    def seeded(cls, seed: int) -> "Streams":
        """All from one seed."""
        return cls(ActorRandom(seed), torch.Generator().manual_seed(seed))

    def start_loader(self) -> None:
        """Draw what a torch DataLoader draws, the seed of its workers, whenever it is gone through."""
        torch.empty((), dtype=torch.int64).random_(generator=self.noise)


@dataclass
class Instance:
    """One loaded copy of a split: its items in the order that shuffling has left them in."""

    features: list[Float[np.ndarray, "_ 25 6"]]
    """Whole clips."""
    labels: list[int]
    frames: ActorFrames = ActorFrames(NUM_FRAMES)  # noqa: RUF009 (frozen)
    most: int = MOST_MOTIONS
    order: list[int] = field(init=False)

    def __post_init__(self) -> None:
        """Start in the data set's order."""
        self.order = list(range(len(self.labels)))
        self._shuffler = ActorOrder(self.order)

    def shuffle(self, items: ActorRandom) -> None:
        """Shuffle the order that earlier repetitions left."""
        self.order = self._shuffler.shuffle(items)

    def batches(
        self, batch_size: int, items: ActorRandom
    ) -> Iterator[tuple[Float[Tensor, "B T 25 6"], Int[Tensor, "B"]]]:
        """Windows and labels of the first `most` items, cut anew."""
        chosen = self.order[: self.most]
        for start in range(0, len(chosen), batch_size):
            part = chosen[start : start + batch_size]
            windows = np.stack([self._window(index, items) for index in part])
            yield torch.from_numpy(windows), torch.tensor([self.labels[index] for index in part])

    def _window(self, index: int, items: ActorRandom) -> Float[np.ndarray, "T 25 6"]:
        clip = self.features[index]
        window = clip[self.frames.choose(len(clip), items)].copy()
        window[:, NUM_JOINTS, :3] -= window[0, NUM_JOINTS, :3].copy()
        return window


@dataclass(frozen=True)
class Seen:
    """What a recogniser made of a set of motions."""

    features: Float[np.ndarray, "N K"]
    labels: Int[np.ndarray, "N"]
    predicted: Int[np.ndarray, "N"]


def score_sets(
    sets: Mapping[SetName, Seen], num_actions: int, pairs: np.random.RandomState, suffix: str = ""
) -> dict[str, float]:
    """Numbers of one repetition, by the names of the published files.

    Args:
        sets: In the order they share the stream of pairs; FIDs are to "gt".
        num_actions: Of the data set.
        pairs: Gives diversity's and multimodality's pairs.
        suffix: Put behind every name.
    """
    scores: dict[str, float] = {}
    for name, seen in sets.items():
        confusion = confusion_matrix(seen.labels, seen.predicted, num_actions)
        scores[f"accuracy_{name}{suffix}"] = accuracy(confusion)
        every = draw_pairs_as_published(len(seen.labels), DIVERSITY_PAIRS, pairs)
        scores[f"diversity_{name}{suffix}"] = mean_pair_distance(seen.features, every)
        alike = draw_pairs_within_actions_as_published(seen.labels, MULTIMODALITY_PAIRS, pairs)
        scores[f"multimodality_{name}{suffix}"] = mean_pair_distance(seen.features, alike)
    for name, seen in sets.items():
        scores[f"fid_{name}{suffix}"] = frechet_distance(sets["gt"].features, seen.features)
    return scores


def evaluate_as_published(
    model: Model,
    dataset: Dataset,
    watch: Watch,
    seeds: int = 20,
    *,
    plan: Plan,
    batch_size: int = BATCH_SIZE,
    num_frames: int = NUM_FRAMES,
    most: int = MOST_MOTIONS,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> PublishedScores:
    """Run the published protocol.

    Args:
        model: Its actions and frame rate must be the data set's.
        dataset: With clips in every split of the plan.
        watch: A recogniser; see `motionary.evaluation.watching`.
        seeds: Repetitions, of seeds 0, 1, ...
        plan: `gru_plan`, or `STGCN_PLAN` for a data set with a test split.
        batch_size: Decides which random numbers a motion gets, as in the published code.
        num_frames: Frames of every motion.
        most: Motions of each set at most.
        on_progress: Called with the repetitions done and to do.

    Raises:
        ValueError: If the model does not fit the data set or a split has fewer than two clips.
    """
    if seeds < 1:
        raise ValueError(f"An evaluation needs at least one seed; got {seeds}.")
    _check_fit(model, dataset, plan)
    instances = _instances(dataset, plan, ActorFrames(num_frames), most)
    repetitions = []
    for seed in range(seeds):
        repetitions.append(_repetition(model, instances, watch, plan, batch_size, Streams.seeded(seed)))
        on_progress(seed + 1, seeds)
    return PublishedScores({name: tuple(scores[name] for scores in repetitions) for name in repetitions[0]})


Batches = list[tuple[Float[Tensor, "_ _ 25 6"], Int[Tensor, "_"]]]
"""Features and labels of a set, batch by batch."""


def fill(model: Model, loader: Loader, instance: Instance, batch_size: int, streams: Streams) -> Batches:
    """The motions of one set: real windows, or generated ones of the same labels."""
    streams.start_loader()
    batches = []
    for features, labels in instance.batches(batch_size, streams.items):
        if loader.name == "gen":
            z = torch.randn(len(labels), model.network.config.latent_dim, generator=streams.noise)
            features = decode(model, z, labels, features.shape[1])
        batches.append((features, labels))
    return batches


def see(batches: Batches, watch: Watch, noise: torch.Generator) -> Seen:
    """Recognise a set twice, once for the actions and once for the features, as the published code does."""
    with torch.inference_mode():
        predicted = [watch(x, _every_frame(x), noise).logits.argmax(1) for x, _ in batches]
        features = [watch(x, _every_frame(x), noise).features for x, _ in batches]
    labels = torch.cat([labels for _, labels in batches])
    return Seen(torch.cat(features).numpy(), labels.numpy(), torch.cat(predicted).numpy())


def decode(
    model: Model, z: Float[Tensor, "B Z"], labels: Int[Tensor, "B"], num_frames: int
) -> Float[Tensor, "B T 25 6"]:
    """Motions of latents, y up."""
    model.network.eval()
    mask = torch.ones(len(z), num_frames, dtype=torch.bool)
    with torch.inference_mode():
        return model.decode(z, labels, mask)


def _repetition(
    model: Model,
    instances: Mapping[tuple[str, bool], Instance],
    watch: Watch,
    plan: Plan,
    batch_size: int,
    streams: Streams,
) -> dict[str, float]:
    for instance in instances.values():
        instance.shuffle(streams.items)
    filled = {
        loader: fill(model, loader, instances[_instance_of(loader)], batch_size, streams)
        for loader in plan.loaders
    }
    scores: dict[str, float] = {}
    for split in plan.splits:
        own = sorted((loader for loader in filled if loader.split == split), key=_scoring_order)
        seen = {}
        for loader in own:
            seen[loader.name] = see(filled[loader], watch, streams.noise)
        scores |= score_sets(seen, len(model.actions), streams.items.numpy, own[0].suffix)
    return scores


def _instances(
    dataset: Dataset, plan: Plan, frames: ActorFrames, most: int
) -> dict[tuple[str, bool], Instance]:
    """The loaded copies that the plan's sets are cut from, in the order they are shuffled."""
    loaded: dict[str, list[Float[np.ndarray, "_ 25 6"]]] = {}
    instances: dict[tuple[str, bool], Instance] = {}
    for loader in plan.loaders:
        part = dataset.split(loader.split)
        if loader.split not in loaded:
            loaded[loader.split] = [motion_to_features(motion) for motion in part.motions()]
        if _instance_of(loader) not in instances:
            labels = [dataset.label(clip.action) for clip in part.clips]
            instances[_instance_of(loader)] = Instance(loaded[loader.split], labels, frames, most)
    return instances


def _instance_of(loader: Loader) -> tuple[str, bool]:
    """The second real sample has a copy of the data set to itself."""
    return loader.split, loader.name == "gt2"


def _scoring_order(loader: Loader) -> int:
    return ("gen", "gt", "gt2").index(loader.name)


def _every_frame(features: Float[Tensor, "B T 25 6"]) -> Bool[Tensor, "B T"]:
    """Held last frames count as real ones."""
    return torch.ones(features.shape[:2], dtype=torch.bool)


def _check_fit(model: Model, dataset: Dataset, plan: Plan) -> None:
    if tuple(model.actions) != tuple(dataset.actions):
        raise ValueError(
            f"The model has the actions [{', '.join(model.actions)}] but the data set has "
            f"[{', '.join(dataset.actions)}]; they must be the same, in one order."
        )
    if others := {clip.fps for clip in dataset.clips if not np.isclose(model.fps, clip.fps)}:
        rates = ", ".join(f"{fps:g}" for fps in sorted(others))
        raise ValueError(
            f"The model makes {model.fps:g} frames/s but the data set has clips at {rates}: "
            f"the published protocol resamples nothing. Import them with --fps {model.fps:g}."
        )
    for split in plan.splits:
        if (count := len(dataset.split(split).clips)) < 2:
            raise ValueError(f"The published protocol needs two clips in the {split} split; it has {count}.")
