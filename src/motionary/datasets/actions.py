"""Labels and splits: which clip shows which action, and which clips are held out."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

SplitName = Literal["train", "test"]


@dataclass(frozen=True)
class ClipRecord:
    """One Motion file of a data set."""

    path: str
    """Relative to the data set's folder, with forward slashes."""
    action: str
    num_frames: int
    fps: float
    split: SplitName = "train"
    subject: str | None = None
    coverage: float = 1.0
    """Share of frames that were observed rather than filled."""

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.num_frames / self.fps


@dataclass(frozen=True)
class Rejected:
    """A source that did not become a clip."""

    source: str
    reason: str


def stratified_split(
    clips: Sequence[ClipRecord], test_fraction: float, seed: int = 0
) -> tuple[ClipRecord, ...]:
    """Hold out a share of every action's clips, chosen by seed.

    An action with two clips or more keeps at least one on each side.

    Raises:
        ValueError: If test_fraction is not in [0, 1).
    """
    if not 0 <= test_fraction < 1:
        raise ValueError(f"test_fraction must be at least 0 and below 1; got {test_fraction}.")
    rng = np.random.default_rng(seed)
    by_action: dict[str, list[int]] = defaultdict(list)
    for index, clip in enumerate(clips):
        by_action[clip.action].append(index)
    held_out: set[int] = set()
    for action in sorted(by_action):
        members = by_action[action]
        count = round(test_fraction * len(members))
        if test_fraction > 0 and len(members) > 1:
            count = min(max(count, 1), len(members) - 1)
        held_out.update(rng.permutation(members)[:count].tolist())
    return tuple(replace(clip, split="test" if i in held_out else "train") for i, clip in enumerate(clips))


def subject_split(clips: Iterable[ClipRecord], test_subjects: Collection[str]) -> tuple[ClipRecord, ...]:
    """Hold out every clip of some subjects.

    Raises:
        ValueError: If no clip belongs to one of them.
    """
    clips = tuple(clips)
    known = sorted({clip.subject for clip in clips if clip.subject})
    unknown = sorted(set(test_subjects) - set(known))
    if unknown:
        raise ValueError(
            f"No clip of subject {', '.join(unknown)}; the subjects are: {', '.join(known) or 'none'}."
        )
    return tuple(replace(clip, split="test" if clip.subject in test_subjects else "train") for clip in clips)
