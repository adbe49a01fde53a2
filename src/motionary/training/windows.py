"""Windows of a data set that are the same whenever they are asked for."""

from collections.abc import Iterator

import numpy as np

from motionary.datasets import ClipBatch, Clips

WINDOWS_PER_CLIP = 8
MOST_WINDOWS = 4096
"""Of a large data set no more are cut, but for one of each clip."""
BATCH = 128


def standing_windows(clips: Clips, seed: int) -> Iterator[ClipBatch]:
    """Windows from all over the data set, not varied, in batches."""
    rng = np.random.default_rng(seed)
    num_windows = min(WINDOWS_PER_CLIP * len(clips), max(len(clips), MOST_WINDOWS))
    indices = np.tile(np.arange(len(clips)), WINDOWS_PER_CLIP)[:num_windows]
    for start in range(0, num_windows, BATCH):
        yield clips.batch(indices[start : start + BATCH], rng)
