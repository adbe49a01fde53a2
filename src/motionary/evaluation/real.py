"""Real motions as a recogniser sees them, to be scored against; small enough to ship instead of the data set.

N windows, K features.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from jaxtyping import Int
from numpy import ndarray
from safetensors.numpy import save
from torch import Tensor

from motionary.atomic import write_atomically
from motionary.datasets import Dataset
from motionary.datasets.actions import SplitName
from motionary.models.checkpoint import read_safetensors
from motionary.models.recognisers import Recogniser
from motionary.recognition import RecognisedWindows, recognise_windows

FORMAT_VERSION = 1
HEADER = "motionary_real_features"
"""Key of the header entry that holds our JSON."""
WINDOWS_PER_CLIP = 8
"""Every seed of an evaluation takes one of them."""


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
        total = WINDOWS_PER_CLIP * (len(compared) + len(other))
        done_before = WINDOWS_PER_CLIP * len(compared)
        windows = recognise_windows(
            recogniser,
            compared,
            per_clip=WINDOWS_PER_CLIP,
            seed=seed,
            on_progress=lambda done, _: on_progress(done, total),
        )
        others = (
            recognise_windows(
                recogniser,
                other,
                per_clip=WINDOWS_PER_CLIP,
                seed=seed,
                on_progress=lambda done, _: on_progress(done_before + done, total),
            )
            if len(other)
            else None
        )
        return cls(dataset.actions, windows, others, split, recogniser.digest)

    def save(self, path: Path | str) -> None:
        """Write one .safetensors file, whole or not at all."""
        header = {
            "format_version": FORMAT_VERSION,
            "actions": self.actions,
            "split": self.split,
            "recogniser_digest": self.recogniser_digest,
        }
        parts = {"windows": self.windows} | ({"others": self.others} if self.others else {})
        arrays = {f"{part}.{name}": array for part, own in parts.items() for name, array in vars(own).items()}
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
            header = json.loads(metadata[HEADER])
            if header["format_version"] > FORMAT_VERSION:
                raise ValueError(f"it has format {header['format_version']}: update motionary")
            return cls(
                actions=tuple(header["actions"]),
                windows=_windows(tensors, "windows"),
                others=_windows(tensors, "others") if "others.features" in tensors else None,
                split=header["split"],
                recogniser_digest=header["recogniser_digest"],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is not a readable file of real features ({error}).") from None

    def draw(self, most: int, rng: np.random.Generator) -> tuple[RecognisedWindows, RecognisedWindows | None]:
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
        if self.others is not None:
            return compared, take(self.others, _like(self.others, compared.labels, rng))
        left = np.setdiff1d(np.arange(len(self.windows.clip)), first)
        if not len(left):
            return compared, None
        rest = take(self.windows, left)
        return compared, take(rest, _like(rest, compared.labels, rng))


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
