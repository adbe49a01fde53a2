"""Clips: windows of features cut from a data set's motions, in batches for learning.

B batch, T frames. Masks are True on real frames.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from torch import Tensor

from motionary.body.skeleton import NUM_JOINTS
from motionary.datasets.augmentation import (
    MIRROR_SIGNS,
    Augmentation,
    Variation,
    blend_features,
    mirror_features,
    turn_features,
)
from motionary.datasets.folder import Dataset
from motionary.datasets.loading import ahead, beside, load_features

Facing = Literal["as_recorded", "forward"]
Draw = tuple[Int[ndarray, "_"], np.random.Generator]


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


class Clips:
    """All of a data set's features, one motion after the other, cut into windows on demand.

    They lie on the device that windows are asked for on, unless they are so many that they wait in a file.
    """

    def __init__(
        self,
        dataset: Dataset,
        config: ClipConfig,
        augmentation: Augmentation | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        if config.num_frames == 0 or config.num_frames < -1:
            raise ValueError(
                f"num_frames must be positive, or -1 for whole motions; got {config.num_frames}."
            )
        self.config = config
        self.device = torch.device(device)
        self.augmentation = augmentation or Augmentation()
        self.actions = dataset.actions
        self.labels: Int[ndarray, "N"] = np.array(
            [dataset.label(clip.action) for clip in dataset.clips], np.int64
        )
        mirrored = dataset.mirrored_actions()
        self.mirrored_labels: Int[ndarray, "A"] = np.array(
            [-1 if (other := mirrored[action]) is None else dataset.label(other) for action in self.actions],
            np.int64,
        )
        """Label of each label's mirror image; -1 where there is none."""
        loaded = load_features(dataset, config.fps)
        self.features = loaded.features
        """Of every motion, one after the other."""
        self.headings_rad: Float[ndarray, "F"] = loaded.headings_rad
        self.starts: Int[ndarray, "N"] = loaded.starts
        """First row of each motion."""
        self.lengths: Int[ndarray, "N"] = loaded.lengths
        """Frames of each motion at the configured rate."""

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(self, indices: Sequence[int] | Int[ndarray, "B"], rng: np.random.Generator) -> ClipBatch:
        """One window of each motion in indices as it was recorded; rng chooses where they start."""
        return self._batch(np.asarray(indices, np.int64), Variation.none(len(indices)), rng)

    def varied_batch(self, indices: Sequence[int] | Int[ndarray, "B"], rng: np.random.Generator) -> ClipBatch:
        """One window of each motion, varied as the augmentation says; rng chooses how."""
        if self.augmentation == Augmentation():
            return self.batch(indices, rng)
        variation = Variation.draw(len(indices), self.augmentation, rng)
        return self._batch(np.asarray(indices, np.int64), variation, rng)

    def epoch(self, batch_size: int, rng: np.random.Generator, workers: int = 0) -> Iterator[ClipBatch]:
        """Every motion once, shuffled and varied; the last batch may be smaller.

        Args:
            batch_size: Windows in a batch.
            rng: Chooses order and windows. Every batch has a generator of its own, drawn from this one:
                whatever the number of workers, the batches are the same.
            workers: Threads that make batches ahead of time; 0 makes each when it is asked for.
        """
        return self.batches(self.draws(batch_size, rng), workers)

    def draws(self, batch_size: int, rng: np.random.Generator) -> list[Draw]:
        """What each batch of an epoch is made from: the motions, and what chooses their windows."""
        order = rng.permutation(len(self))
        parts = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
        return list(zip(parts, rng.spawn(len(parts)), strict=True))

    def batches(self, draws: Sequence[Draw], workers: int = 0) -> Iterator[ClipBatch]:
        """The batches of an epoch, or those of them that are still to come."""
        return ahead(draws, lambda draw: self.varied_batch(*draw), workers)

    def _batch(self, index: Int[ndarray, "B"], variation: Variation, rng: np.random.Generator) -> ClipBatch:
        position, mask = self._positions(index, variation.speed, rng)
        before = np.floor(position).astype(np.int64)
        part = (position - before).astype(np.float32)
        rows = self.starts[index][:, None] + before
        features = self.features.windows(rows, self.device)
        if part.any():
            after = np.minimum(before + 1, self.lengths[index][:, None] - 1)
            following = self.features.windows(self.starts[index][:, None] + after, self.device)
            features = blend_features(features, following, self._beside(part))
        if self.config.facing == "forward":
            self._turn(features, -self.headings_rad[rows[:, :1]])
        features[:, :, NUM_JOINTS, :3] -= features[:, :1, NUM_JOINTS, :3] * 1  # times 1: a copy
        labels = self._vary(features, index, variation)
        if not mask.all():
            features *= self._beside(mask)[..., None, None]
        return ClipBatch(*map(torch.as_tensor, (features, *map(self._beside, (labels, mask, index)))))

    def _beside(self, array: ndarray) -> Any:
        return beside(self.device, array)

    def _turn(self, features: Float[Any, "B T 25 6"], angle_rad: Float[ndarray, "B 1"]) -> None:
        angle = np.asarray(angle_rad, np.float32)
        turn_features(features, self._beside(np.cos(angle)), self._beside(np.sin(angle)))

    def _positions(
        self, index: Int[ndarray, "B"], speed: Float[ndarray, "B"], rng: np.random.Generator
    ) -> tuple[Float[ndarray, "B T"], Bool[ndarray, "B T"]]:
        """Where each window's frames lie in its motion, between frames where speed is not 1; and the mask."""
        lasts = self.lengths[index] - 1
        available = np.floor(lasts / speed + 1e-6).astype(np.int64) + 1
        windows = [window_frames(int(count), self.config, rng) for count in available]
        longest = max(map(len, windows))
        position = np.zeros((len(windows), longest))
        mask = np.zeros((len(windows), longest), bool)
        for row, window in enumerate(windows):
            position[row, : len(window)] = window
            mask[row, : len(window)] = True
        return np.minimum(position * speed[:, None], lasts[:, None]), mask

    def _vary(
        self, features: Float[Any, "B T 25 6"], index: Int[ndarray, "B"], variation: Variation
    ) -> Int[ndarray, "B"]:
        """Mirror, turn and size windows in place; gives their labels."""
        labels = self.labels[index]
        mirrored = variation.mirrored & (self.mirrored_labels[labels] >= 0)
        if mirrored.any():
            chosen = self._beside(np.flatnonzero(mirrored))  # numbers: a mask would wait for the device
            features[chosen] = mirror_features(features[chosen], self._beside(MIRROR_SIGNS))
            labels = np.where(mirrored, self.mirrored_labels[labels], labels)
        if variation.yaw_rad.any():
            self._turn(features, variation.yaw_rad[:, None])
        if (variation.size != 1).any():
            features[:, :, NUM_JOINTS, :3] *= self._beside(variation.size.astype(np.float32))[:, None, None]
        return labels


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
