"""Clips: windows of features cut from a data set's motions, in batches for learning.

B batch, T frames. Masks are True on real frames.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from torch import Tensor

from motionary.body.skeleton import NUM_JOINTS
from motionary.datasets.folder import Dataset
from motionary.features import NUM_FEATURES, NUM_ROWS, headings_rad, motion_to_features

Facing = Literal["as_recorded", "forward"]


@dataclass(frozen=True)
class ClipConfig:
    """How windows are cut."""

    num_frames: int = 60
    """Frames per window; -1 takes whole motions, padded to the longest of a batch."""
    fps: float = 30.0
    """Motions are resampled to this rate."""
    sampling: Literal["consecutive", "random_step"] = "consecutive"
    """random_step skips up to as many frames as the motion's length allows."""
    facing: Facing = "as_recorded"
    """forward turns each window so that its first frame faces +z."""


@dataclass(frozen=True)
class ClipBatch:
    """Windows of one batch."""

    features: Float[Tensor, "B T 25 6"]
    action: Int[Tensor, "B"]
    mask: Bool[Tensor, "B T"]
    clip: Int[Tensor, "B"]
    """Position of each window's motion in the data set."""

    def to(self, device: torch.device | str) -> "ClipBatch":
        """The same batch on another device."""
        return ClipBatch(
            self.features.to(device), self.action.to(device), self.mask.to(device), self.clip.to(device)
        )


class Clips:
    """All of a data set's features in memory, cut into windows on demand."""

    def __init__(self, dataset: Dataset, config: ClipConfig) -> None:
        if config.num_frames == 0 or config.num_frames < -1:
            raise ValueError(
                f"num_frames must be positive, or -1 for whole motions; got {config.num_frames}."
            )
        self.config = config
        self.actions = dataset.actions
        self.labels: Int[ndarray, "N"] = np.array(
            [dataset.label(clip.action) for clip in dataset.clips], np.int64
        )
        self._features: list[Float[ndarray, "T 25 6"]] = []
        self._headings_rad: list[Float[ndarray, "T"]] = []
        for clip in dataset.clips:
            motion = dataset.motion(clip).resample(config.fps)
            self._features.append(motion_to_features(motion))
            self._headings_rad.append(headings_rad(motion))

    def __len__(self) -> int:
        return len(self._features)

    @property
    def lengths(self) -> Int[ndarray, "N"]:
        """Frames of each motion at the configured rate."""
        return np.array([len(features) for features in self._features], np.int64)

    def batch(self, indices: Sequence[int] | Int[ndarray, "B"], rng: np.random.Generator) -> ClipBatch:
        """One window of each motion in indices; rng chooses where they start."""
        windows = [self._window(int(index), rng) for index in indices]
        longest = max(len(window) for window in windows)
        features = np.zeros((len(windows), longest, NUM_ROWS, NUM_FEATURES), np.float32)
        mask = np.zeros((len(windows), longest), bool)
        for row, window in enumerate(windows):
            features[row, : len(window)] = window
            mask[row, : len(window)] = True
        index = torch.as_tensor(np.asarray(indices, np.int64))
        return ClipBatch(
            torch.from_numpy(features), torch.from_numpy(self.labels)[index], torch.from_numpy(mask), index
        )

    def epoch(self, batch_size: int, rng: np.random.Generator) -> Iterator[ClipBatch]:
        """Every motion once, shuffled; the last batch may be smaller."""
        order = rng.permutation(len(self))
        for start in range(0, len(order), batch_size):
            yield self.batch(order[start : start + batch_size], rng)

    def _window(self, index: int, rng: np.random.Generator) -> Float[ndarray, "T 25 6"]:
        frames = window_frames(len(self._features[index]), self.config, rng)
        window = self._features[index][frames].copy()
        if self.config.facing == "forward":
            turn_features(window, -float(self._headings_rad[index][frames[0]]))
        window[:, NUM_JOINTS, :3] -= window[0, NUM_JOINTS, :3].copy()
        return window


def window_frames(available: int, config: ClipConfig, rng: np.random.Generator) -> Int[ndarray, "T"]:
    """Frame numbers of one window.

    A motion shorter than the window is taken whole and its last frame held, as the published code does
    (Petrovich et al. 2021), so that a generated motion ends as the recorded ones do.
    """
    wanted = config.num_frames
    if wanted == -1:
        return np.arange(available)
    if available <= wanted:
        return np.minimum(np.arange(wanted), available - 1)
    step = 1
    if config.sampling == "random_step" and wanted > 1:
        step = int(rng.integers(1, (available - 1) // (wanted - 1) + 1))
    last_start = available - 1 - step * (wanted - 1)
    return int(rng.integers(0, last_start + 1)) + step * np.arange(wanted)


def turn_features(features: Float[ndarray, "T 25 6"], angle_rad: float) -> None:
    """Turn features about the vertical, in place; positive turns +z towards +x."""
    cosine, sine = np.float32(np.cos(angle_rad)), np.float32(np.sin(angle_rad))
    row_0, row_1 = features[:, 0, :3].copy(), features[:, 0, 3:]
    row_2 = np.cross(row_0, row_1)
    features[:, 0, :3] = cosine * row_0 + sine * row_2  # rows of R_y(angle) @ R; the middle row stays
    x, z = features[:, NUM_JOINTS, 0].copy(), features[:, NUM_JOINTS, 2].copy()
    features[:, NUM_JOINTS, 0] = cosine * x + sine * z
    features[:, NUM_JOINTS, 2] = cosine * z - sine * x
