"""Real motions as a recogniser sees them, to be scored against; small enough to ship instead of the data set.

N windows, K features.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from safetensors.numpy import save
from torch import Tensor

from motionary.atomic import write_atomically
from motionary.datasets import Dataset
from motionary.datasets.actions import SplitName
from motionary.documents import check_version, parse_json
from motionary.evaluation.physical import MEASURES, ActionHabits
from motionary.evaluation.windows import Cutter, habits_of, measure_all, recognise
from motionary.models.recognisers import Recogniser
from motionary.models.tensor_files import read_safetensors
from motionary.recognition import RecognisedWindows

FORMAT_VERSION = 1
HEADER = "motionary_real_features"
"""Key of the header entry that holds our JSON."""


@dataclass(frozen=True)
class RealPhysics:
    """Physical numbers of real motion, and what generated motion is measured against."""

    habits: ActionHabits
    """Of the training clips where there are some, or else of the compared ones."""
    measures: Float[ndarray, "N M"]
    """Of every compared window, in the order of `physical.MEASURES`."""


@dataclass(frozen=True)
class RealSample:
    """What one seed of an evaluation compares with."""

    compared: RecognisedWindows
    second: RecognisedWindows | None
    """Another real sample of the same actions, to compare the compared one with."""
    measures: Float[ndarray, "S M"] | None
    """Physical numbers of `compared`."""


@dataclass(frozen=True)
class RealFeatures:
    """Windows of real motions: those that are compared with, and another real sample to compare them with."""

    actions: tuple[str, ...]
    windows: RecognisedWindows
    """Of the clips that generated motions are compared with."""
    others: RecognisedWindows | None
    """Of the data set's other split; None if it has none."""
    split: str
    """Which split `windows` come from."""
    recogniser_digest: str
    """Features are those of this recogniser and of no other."""
    physics: RealPhysics | None = None
    """None in files of older versions."""

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        recogniser: Recogniser,
        *,
        split: SplitName = "test",
        seed: int = 0,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> "RealFeatures":
        """Recognise a data set's clips.

        Args:
            dataset: With at least two clips in the split.
            recogniser: For the same actions.
            split: What to compare with; the test split unless stated otherwise.
            seed: Chooses where windows start.
            on_progress: Called with the windows done and to do.

        Raises:
            ValueError: If the actions differ or the split holds fewer than two clips.
        """
        check_same_actions(data_set=dataset.actions, recogniser=recogniser.actions)
        compared, other = dataset.split(split), dataset.split("train" if split == "test" else "test")
        if len(compared) < 2:
            raise ValueError(
                f"Scoring needs at least two clips in the {split} split; {dataset.root} has {len(compared)}. "
                "Import it again with a larger test fraction."
            )
        cutter = Cutter.of(compared, recogniser, seed)
        other_cutter = Cutter.of(other, recogniser, seed) if len(other) else None
        total = len(cutter) + (len(other_cutter) if other_cutter else 0)
        windows = recognise(recogniser, cutter, lambda done: on_progress(done, total))
        others = None
        if other_cutter:
            others = recognise(recogniser, other_cutter, lambda done: on_progress(len(cutter) + done, total))
        habits = habits_of(recogniser, other_cutter if other_cutter and split == "test" else cutter)
        physics = RealPhysics(habits, measure_all(recogniser, cutter, habits))
        return cls(dataset.actions, windows, others, split, recogniser.digest, physics)

    def save(self, path: Path | str) -> None:
        """Write one .safetensors file, whole or not at all."""
        header = {
            "format_version": FORMAT_VERSION,
            "actions": self.actions,
            "split": self.split,
            "recogniser_digest": self.recogniser_digest,
            "measures": list(MEASURES),
        }
        parts = {"windows": self.windows} | ({"others": self.others} if self.others else {})
        arrays = {f"{part}.{name}": array for part, own in parts.items() for name, array in vars(own).items()}
        if self.physics:
            arrays |= {
                "physics.range_m": self.physics.habits.range_m.numpy(),
                "physics.speed": self.physics.habits.speed.numpy(),
                "physics.measures": self.physics.measures,
            }
        write_atomically(Path(path), save(arrays, metadata={HEADER: json.dumps(header)}))

    @classmethod
    def load(cls, path: Path | str) -> "RealFeatures":
        """Read a file written by `save`.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is something else, or of a newer format.
        """
        tensors, metadata = read_safetensors(Path(path))
        try:
            header = parse_json(metadata[HEADER], "its header")
            check_version(header["format_version"], FORMAT_VERSION)
            return cls(
                actions=tuple(header["actions"]),
                windows=_windows(tensors, "windows"),
                others=_windows(tensors, "others") if "others.features" in tensors else None,
                split=header["split"],
                recogniser_digest=header["recogniser_digest"],
                physics=_physics(tensors) if header.get("measures") == list(MEASURES) else None,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is not a readable file of real features ({error}).") from None

    def draw(self, most: int, rng: np.random.Generator) -> RealSample:
        """One window of every clip, and a second sample with as many windows of every action.

        The second sample comes from the other split; without one, from other windows of the same clips as in
        the published protocol, which flatters it. None if there are no others.

        Args:
            most: Clips at most, chosen at random.
            rng: Draws clips and windows.
        """
        clips = np.unique(self.windows.clip)
        first = _one_of_each(self.windows, rng.permutation(clips)[:most], rng)
        compared = take(self.windows, first)
        left = np.setdiff1d(np.arange(len(self.windows.clip)), first)
        pool = self.others or (take(self.windows, left) if len(left) else None)
        second = take(pool, _like(pool, compared.labels, rng)) if pool else None
        return RealSample(compared, second, self.physics.measures[first] if self.physics else None)

    def draw_with_replacement(self, num: int, rng: np.random.Generator) -> RealSample:
        """Windows of clips drawn at random, twice, any clip as often as it comes up (Action2Motion)."""
        clips = np.unique(self.windows.clip)
        first, second = (_one_of_each(self.windows, rng.choice(clips, num), rng) for _ in range(2))
        measures = self.physics.measures[first] if self.physics else None
        return RealSample(take(self.windows, first), take(self.windows, second), measures)

    def training(self) -> RecognisedWindows | None:
        """Windows that models may have learned from, where they are known."""
        return self.others if self.split == "test" else self.windows


def take(windows: RecognisedWindows, indices: Int[ndarray, "M"]) -> RecognisedWindows:
    """Some of the windows."""
    return RecognisedWindows(**{name: array[indices] for name, array in vars(windows).items()})


def check_same_actions(**actions: tuple[str, ...]) -> None:
    """Check that action lists, given by whose they are, agree in names and order.

    Raises:
        ValueError: If they do not; both lists are in the message.
    """
    (first, expected), *others = actions.items()
    for name, given in others:
        if tuple(given) != tuple(expected):
            raise ValueError(
                f"The {first.replace('_', ' ')} has the actions [{', '.join(expected)}] but the "
                f"{name.replace('_', ' ')} has [{', '.join(given)}]; they must be the same, in one order."
            )


def _physics(tensors: dict[str, Tensor]) -> RealPhysics | None:
    if "physics.measures" not in tensors:
        return None
    habits = ActionHabits(tensors["physics.range_m"], tensors["physics.speed"])
    return RealPhysics(habits, tensors["physics.measures"].numpy())


def _windows(tensors: dict[str, Tensor], part: str) -> RecognisedWindows:
    return RecognisedWindows(
        **{f.name: tensors[f"{part}.{f.name}"].numpy() for f in fields(RecognisedWindows)}
    )


def _one_of_each(
    pool: RecognisedWindows, clips: Int[ndarray, "M"], rng: np.random.Generator
) -> Int[ndarray, "M"]:
    """A random window of each of the clips, as an index into the pool."""
    order = np.argsort(pool.clip, kind="stable")
    start = np.searchsorted(pool.clip[order], clips, side="left")
    stop = np.searchsorted(pool.clip[order], clips, side="right")
    return order[rng.integers(start, stop)]


def _like(pool: RecognisedWindows, labels: Int[ndarray, "N"], rng: np.random.Generator) -> Int[ndarray, "M"]:
    """Windows with the given labels, no clip more often than need be; actions the pool lacks are left out."""
    chosen = [np.zeros(0, np.int64)]
    for action, count in zip(*np.unique(labels, return_counts=True), strict=True):
        clips = np.unique(pool.clip[pool.labels == action])
        if len(clips):
            chosen.append(_one_of_each(pool, np.resize(rng.permutation(clips), count), rng))
    return np.concatenate(chosen)
