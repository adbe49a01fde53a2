"""Features of a whole data set at one frame rate, and batches made ahead of time.

F frames of all motions, N motions.
"""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor

from motionary.body.skeleton import NUM_JOINTS
from motionary.datasets.folder import Dataset
from motionary.datasets.packed import PackedMotions, Piece, open_packed
from motionary.features import NUM_FEATURES, NUM_ROWS, headings_rad, motion_to_features
from motionary.motion import Motion, resampled_length
from motionary.threads import in_order

FRAMES_AT_ONCE = 4096
"""Of joined motions; bounds the memory for what is computed on the way."""

AHEAD_PER_WORKER = 2
"""Batches made ahead of time."""

Job = TypeVar("Job")
Result = TypeVar("Result")


MOST_IN_MEMORY_BYTES = 1 << 28
"""Of features; four hours at 30 frames a second. Those of larger data sets wait in a file."""


class StoredFeatures:
    """Features in a file without a name, which goes when nobody reads it any more."""

    def __init__(self, folder: Path) -> None:
        self._file = TemporaryFile(dir=folder)  # noqa: SIM115 (open as long as this object lives)

    def append(self, features: Float[ndarray, "F 25 6"]) -> None:
        """Add rows."""
        self._file.write(features.tobytes())
        self._file.flush()

    def windows(self, rows: Int[ndarray, "B T"], device: torch.device) -> Float[Any, "B T 25 6"]:
        """Windows, beside a device; what lies between a window's first and last row is read in one go."""
        windows = np.empty((*rows.shape, NUM_ROWS, NUM_FEATURES), np.float32)
        size = windows[0, 0].nbytes
        for window, wanted in zip(windows, rows, strict=True):
            first, last = int(wanted.min()), int(wanted.max())
            content = os.pread(self._file.fileno(), (last + 1 - first) * size, first * size)
            window[:] = np.frombuffer(content, np.float32).reshape(-1, *window.shape[1:])[wanted - first]
        return beside(device, windows)


class FeaturesInMemory:
    """Features in an array, or on the GPU that asks for windows, from then on."""

    def __init__(self, num_frames: int) -> None:
        self._array: Any = np.empty((num_frames, NUM_ROWS, NUM_FEATURES), np.float32)
        self._filled = 0

    def append(self, features: Float[ndarray, "F 25 6"]) -> None:
        """Add rows."""
        self._array[self._filled : self._filled + len(features)] = features
        self._filled += len(features)

    def windows(self, rows: Int[ndarray, "B T"], device: torch.device) -> Float[Any, "B T 25 6"]:
        """Windows, beside a device."""
        self._array = beside(device, self._array)
        return self._array[beside(device, rows)]


@dataclass(frozen=True)
class LoadedFeatures:
    """Motions one after the other."""

    features: StoredFeatures | FeaturesInMemory
    """Of F frames."""
    headings_rad: Float[ndarray, "F"]
    starts: Int[ndarray, "N"]
    lengths: Int[ndarray, "N"]


def load_features(dataset: Dataset, fps: float) -> LoadedFeatures:
    """Features of every clip in order, each resampled from its own rate to this one."""
    packed = open_packed(dataset)
    pieces = [packed.piece(clip.path) for clip in dataset.clips]
    lengths = np.array([resampled_length(piece.num_frames, piece.fps, fps) for piece in pieces], np.int64)
    starts = np.cumsum(lengths) - lengths
    features = _room(int(lengths.sum()), dataset.root)
    headings = np.empty(int(lengths.sum()))
    for first, stop in _runs(pieces):
        motion = _joined(packed, pieces[first:stop], fps)
        rows = motion_to_features(motion)
        places = starts[first:stop] - starts[first]
        rows[:, NUM_JOINTS, :3] -= np.repeat(rows[places, NUM_JOINTS, :3], lengths[first:stop], axis=0)
        features.append(rows)
        headings[starts[first] : starts[first] + len(rows)] = headings_rad(motion)
    return LoadedFeatures(features, headings, starts, lengths)


def _room(num_frames: int, root: Path) -> StoredFeatures | FeaturesInMemory:
    """Where features of so many frames go: a file beside the motions where they are many."""
    if num_frames * NUM_ROWS * NUM_FEATURES * 4 > MOST_IN_MEMORY_BYTES:
        try:
            return StoredFeatures(root)
        except OSError as error:
            logging.getLogger(__name__).info("features of %s stay in memory: %s", root, error)
    return FeaturesInMemory(num_frames)


def _runs(pieces: Sequence[Piece]) -> Iterator[tuple[int, int]]:
    """(first, stop) of neighbours of one rate that are few enough frames to work on at once."""
    first, frames = 0, 0
    for place, piece in enumerate(pieces):
        if place > first and (piece.fps != pieces[first].fps or frames + piece.num_frames > FRAMES_AT_ONCE):
            yield first, place
            first, frames = place, 0
        frames += piece.num_frames
    if pieces:
        yield first, len(pieces)


def _joined(packed: PackedMotions, pieces: Sequence[Piece], fps: float) -> Motion:
    """Motions of one rate one after the other, each resampled by itself: many at once are much faster."""
    own_fps = pieces[0].fps
    motion = packed.joined(pieces)
    if own_fps == fps:
        return motion
    first, positions = 0, []
    for piece in pieces:
        count = resampled_length(piece.num_frames, own_fps, fps)
        positions.append(first + np.minimum(np.arange(count) / fps * own_fps, piece.num_frames - 1))
        first += piece.num_frames
    return motion.at_times(np.concatenate(positions) / own_fps, fps)


def beside(device: torch.device, array: Any) -> Any:
    """An array as what works beside a device: as it is for a CPU, a tensor there for another."""
    return array if device.type == "cpu" else put(torch.as_tensor(array), device)


def put(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on a device; a GPU fetches it from pinned memory while work goes on here."""
    if device.type != "cuda" or tensor.is_cuda:
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def ahead(jobs: Sequence[Job], make: Callable[[Job], Result], workers: int) -> Iterator[Result]:
    """Results of jobs in their order, made by threads a few ahead of the one who takes them."""
    if workers == 0:
        yield from map(make, jobs)
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="loader") as pool:
        yield from in_order(pool, make, jobs, AHEAD_PER_WORKER * workers)
