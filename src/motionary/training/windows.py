"""Windows of a data set that are the same whenever they are asked for."""

from collections.abc import Iterator

import numpy as np

from motionary.datasets import ClipBatch, Clips

WINDOWS_PER_CLIP = 8
MOST_WINDOWS = 4096
"""Of a large data set no more are cut, but for one of each clip."""
BATCH = 128


def standing_windows(clips: Clips, seed: int, most_clips: int | None = None) -> Iterator[ClipBatch]:
    """Windows from all over the data set, not varied, in batches; of so many clips at most, at random."""
    rng = np.random.default_rng(seed)
    chosen = np.arange(len(clips))
    if most_clips is not None and len(clips) > most_clips:
        chosen = np.sort(rng.choice(len(clips), most_clips, replace=False))
    num_windows = min(WINDOWS_PER_CLIP * len(chosen), max(len(chosen), MOST_WINDOWS))
    indices = np.tile(chosen, WINDOWS_PER_CLIP)[:num_windows]
    for start in range(0, num_windows, BATCH):
        yield clips.batch(indices[start : start + BATCH], rng)
