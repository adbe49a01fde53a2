"""Which frames, and in which order: ACTOR's published rules, draw for draw (Petrovich et al. 2021).

They are here to reproduce published numbers. Ours are in `motionary.datasets.clips`; docs/published.md lists
the differences.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Int
from numpy import ndarray

WHOLE, ANY_LENGTH = -1, -2
UNLIMITED = -1
WIDEST_STEP = -1


@dataclass
class ActorRandom:
    """The two streams that the published code draws from, seeded as its `fixseed` does."""

    seed: int
    python: random.Random = field(init=False)
    numpy: np.random.RandomState = field(init=False)

    def __post_init__(self) -> None:
        """Start both streams."""
        self.python = random.Random(self.seed)
        self.numpy = np.random.RandomState(self.seed)


@dataclass(frozen=True)
class ActorFrames:
    """The published options for cutting a window, under their published names and defaults."""

    num_frames: int = 60
    """-1: whole motions, up to max_len; -2: a random length between min_len and max_len."""
    sampling: Literal["conseq", "random_conseq", "random"] = "conseq"
    sampling_step: int = 1
    """Of conseq; -1 for the widest that fits."""
    min_len: int = -1
    max_len: int = UNLIMITED

    def __post_init__(self) -> None:
        """Refuse what the published code fails on, or cannot mean."""
        if self.num_frames == ANY_LENGTH and self.min_len < 1:
            raise ValueError(f"num_frames -2 needs a min_len of at least 1; got {self.min_len}.")
        if self.num_frames < ANY_LENGTH or self.num_frames == 0:
            raise ValueError(f"num_frames must be positive, -1 or -2; got {self.num_frames}.")

    def choose(self, available: int, rng: ActorRandom) -> Int[ndarray, "T"]:
        """Frame numbers of one window of a motion of `available` frames.

        Windows never start at the last frame where they would fit: the published bound is one too low.

        Raises:
            ValueError: If the window is one frame of a longer motion, where the published code divides by 0.
        """
        wanted = self._length(available, rng)
        whole = self.num_frames == WHOLE and wanted == available
        if whole or wanted > available:  # a window as long as its motion draws its start all the same
            return np.minimum(np.arange(wanted), available - 1)
        if self.sampling == "random":
            return np.sort(rng.numpy.choice(available, wanted, replace=False))
        if wanted == 1:
            raise ValueError("The published rule cuts no window of one frame; ours does.")
        widest = (available - 1) // (wanted - 1)
        if self.sampling == "random_conseq":
            step = rng.python.randint(1, widest)
        else:
            too_wide = self.sampling_step * (wanted - 1) >= available
            step = widest if self.sampling_step == WIDEST_STEP or too_wide else self.sampling_step
        last_start = available - step * (wanted - 1) - 2
        return rng.python.randint(0, max(0, last_start)) + step * np.arange(wanted)

    def _length(self, available: int, rng: ActorRandom) -> int:
        most = available if self.max_len == UNLIMITED else min(available, self.max_len)
        if self.num_frames == WHOLE:
            return most
        if self.num_frames == ANY_LENGTH:
            return rng.python.randint(self.min_len, max(most, self.min_len))
        return self.num_frames


class ActorOrder:
    """The order of a data set's items, which every shuffle starts from as the last one left it.

    The published `reset_shuffle` means to start anew but keeps no copy, so the order of a seed depends on all
    seeds before it. Ours depends on the seed alone.
    """

    def __init__(self, indices: Sequence[int]) -> None:
        self._indices = list(indices)

    def shuffle(self, rng: ActorRandom) -> list[int]:
        """The next order."""
        rng.python.shuffle(self._indices)
        return list(self._indices)
