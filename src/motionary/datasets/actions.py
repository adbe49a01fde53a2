"""What a data set's index says of its clips: action, split, where each came from; and what was rejected."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from motionary.labels import plain

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
    source: str | None = None
    """Recording or video it was cut from, relative to what was imported; clips that share it stay together
    when a data set is split."""
    start_s: float = 0.0
    """Where it starts in its source, seconds."""
    person: int | None = None
    """Number of whom it shows in its video's estimate; None where nobody is numbered."""
    trust: float | None = None
    """How far its frames are to be believed on average, 0 to 1; None where nobody noted it."""
    verdict: str | None = None
    """What its estimator thought of it; None for motion capture and estimators that do not say."""
    suspect: str | None = None
    """What looked wrong when it was imported; None where nothing did, or nobody looked."""

    def __post_init__(self) -> None:
        """Take names for what can be written of them; the path is a file's own."""
        for name in ("action", "subject", "source", "verdict", "suspect"):
            if isinstance(text := getattr(self, name), str):
                object.__setattr__(self, name, plain(text))

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.num_frames / self.fps


@dataclass(frozen=True)
class Rejected:
    """A source that did not become a clip."""

    source: str
    reason: str

    def __post_init__(self) -> None:
        """Take both for what can be written of them."""
        object.__setattr__(self, "source", plain(self.source))
        object.__setattr__(self, "reason", plain(self.reason))


def usual_fps(clips: Iterable[ClipRecord]) -> float:
    """The frame rate of most clips; of those as frequent, the highest."""
    counts = Counter(clip.fps for clip in clips)
    return max(counts, key=lambda fps: (counts[fps], fps))
