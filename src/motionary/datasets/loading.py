"""Features of a whole data set at one frame rate, and batches made ahead of time.

F frames of all motions, N motions.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from motionary.body.skeleton import NUM_JOINTS
from motionary.datasets.folder import Dataset
from motionary.datasets.packed import PackedMotions, Piece, open_packed
from motionary.features import NUM_FEATURES, NUM_ROWS, headings_rad, motion_to_features
from motionary.motion import Motion, resampled_length

FRAMES_AT_ONCE = 4096
"""Of joined motions; bounds the memory for what is computed on the way."""

AHEAD_PER_WORKER = 2
"""Batches made ahead of time."""

Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True)
class LoadedFeatures:
    """Motions one after the other."""

    features: Float[ndarray, "F 25 6"]
    headings_rad: Float[ndarray, "F"]
    starts: Int[ndarray, "N"]
    lengths: Int[ndarray, "N"]


def load_features(dataset: Dataset, fps: float) -> LoadedFeatures:
    """Features of every clip in order, each resampled from its own rate to this one."""
    packed = open_packed(dataset)
    pieces = [packed.piece(clip.path) for clip in dataset.clips]
    lengths = np.array([resampled_length(piece.num_frames, piece.fps, fps) for piece in pieces], np.int64)
    starts = np.cumsum(lengths) - lengths
    features = np.empty((int(lengths.sum()), NUM_ROWS, NUM_FEATURES), np.float32)
    headings = np.empty(len(features))
    for first, stop in _runs(pieces):
        motion = _joined(packed, pieces[first:stop], fps)
        rows = slice(starts[first], starts[stop - 1] + lengths[stop - 1])
        features[rows] = motion_to_features(motion)
        headings[rows] = headings_rad(motion)
    if len(features):
        features[:, NUM_JOINTS, :3] -= np.repeat(features[starts, NUM_JOINTS, :3], lengths, axis=0)
    return LoadedFeatures(features, headings, starts, lengths)


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


def ahead(jobs: Sequence[Job], make: Callable[[Job], Result], workers: int) -> Iterator[Result]:
    """Results of jobs in their order, made by threads a few ahead of the one who takes them."""
    if workers == 0:
        yield from map(make, jobs)
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="loader") as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for job in jobs:
                waiting.append(pool.submit(make, job))
                if len(waiting) > AHEAD_PER_WORKER * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
