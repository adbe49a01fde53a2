"""Windows of real motion as a scoring sees them: recognised, measured, and as examples of their action.

B windows of a batch, T frames, N windows, M physical numbers.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from motionary.body.skeleton import NUM_JOINTS
from motionary.datasets import ClipBatch, ClipConfig, Clips, Dataset
from motionary.evaluation.physical import MEASURES, ActionHabits, measure, ranges, speeds
from motionary.models.recognisers import Recogniser, joints_seen
from motionary.recognition import RecognisedWindows
from motionary.rotations import rotation_6d_to_matrix

WINDOWS_PER_CLIP = 8
"""Every seed of an evaluation takes one of them."""

WINDOWS_AT_ONCE = 256


@dataclass(frozen=True)
class Cutter:
    """Cuts the same windows of a data set's clips, of a recogniser's length and rate, time and again."""

    clips: Clips
    per_clip: int
    seed: int

    @classmethod
    def of(cls, dataset: Dataset, recogniser: Recogniser, seed: int) -> "Cutter":
        """Whole clips (num_frames -1) are taken once."""
        config = ClipConfig(num_frames=recogniser.num_frames, fps=recogniser.fps)
        return cls(Clips(dataset, config), 1 if recogniser.num_frames == -1 else WINDOWS_PER_CLIP, seed)

    def __len__(self) -> int:
        return self.per_clip * len(self.clips)

    def __iter__(self) -> Iterator[ClipBatch]:
        rng = np.random.default_rng(self.seed)
        indices = np.tile(np.arange(len(self.clips)), self.per_clip)
        for start in range(0, len(indices), WINDOWS_AT_ONCE):
            yield self.clips.batch(indices[start : start + WINDOWS_AT_ONCE], rng)


def recognise(
    recogniser: Recogniser, cutter: Cutter, on_progress: Callable[[int], None] = lambda done: None
) -> RecognisedWindows:
    """What the recogniser makes of all windows."""
    parts, done = [], 0
    for batch in cutter:
        found = recogniser.recognise(batch.features, batch.mask)
        parts.append((found.features, found.logits.argmax(1), batch.action, batch.mask.sum(1), batch.clip))
        done += len(batch.action)
        on_progress(done)
    features, predicted, labels, lengths, clip = (
        torch.cat(part).numpy() for part in zip(*parts, strict=True)
    )
    return RecognisedWindows(features, labels, predicted, lengths, clip)


def habits_of(recogniser: Recogniser, cutter: Cutter) -> ActionHabits:
    """How the windows' actions move, on the recogniser's body."""
    parts = []
    for batch in cutter:
        for members, features in by_length(batch.features, batch.mask):
            joints = joints_seen(features, recogniser.skeleton, "forward")
            mean_speed = speeds(joints, recogniser.fps).mean(-2).nan_to_num(0.0)
            parts.append((ranges(joints), mean_speed, batch.action[members]))
    range_m, speed, labels = (torch.cat(part) for part in zip(*parts, strict=True))
    return ActionHabits.of(range_m, speed, labels, len(recogniser.actions))


def measure_windows(
    features: Float[Tensor, "B T 25 6"],
    mask: Bool[Tensor, "B T"],
    action: Int[Tensor, "B"],
    recogniser: Recogniser,
    habits: ActionHabits,
) -> Float[Tensor, "B M"]:
    """Physical numbers of motions in training features, on the recogniser's body; see `MEASURES`."""
    found = torch.empty(len(features), len(MEASURES))
    for members, own in by_length(features, mask):
        joints = joints_seen(own, recogniser.skeleton, "forward")
        rotations = rotation_6d_to_matrix(own[..., :NUM_JOINTS, :])
        found[members] = measure(joints, rotations, action[members], recogniser.fps, habits)
    return found


def measure_all(recogniser: Recogniser, cutter: Cutter, habits: ActionHabits) -> Float[np.ndarray, "N M"]:
    """`measure_windows` of all windows."""
    parts = [
        measure_windows(batch.features, batch.mask, batch.action, recogniser, habits) for batch in cutter
    ]
    return torch.cat(parts).numpy()


def by_length(
    features: Float[Tensor, "B T 25 6"], mask: Bool[Tensor, "B T"]
) -> Iterator[tuple[Int[Tensor, "_"], Float[Tensor, "_ _ 25 6"]]]:
    """Motions of one length at a time, without padding, and which they are."""
    lengths = mask.sum(1)
    for length in lengths.unique().tolist():
        members = (lengths == length).nonzero().squeeze(1)
        yield members, features[members, :length]
