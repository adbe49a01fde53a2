"""Work on every frame of hours of motion, a stretch at a time: beside its results memory holds little."""

from collections.abc import Callable

import numpy as np
from numpy import ndarray

FRAMES_AT_ONCE = 64
"""All vertices of a body in so many poses are 74 MB on the way."""


def frame_by_frame(work: Callable[..., ndarray], *series: ndarray) -> ndarray:
    """What some work makes of each frame on its own.

    Args:
        work: Makes as many rows as it is given, each of the same rows of all series.
        series: As many rows each, at least one.
    """
    return from_frames_around(lambda _, *stretches: work(*stretches), 0, *series)


def from_frames_around(work: Callable[..., ndarray], radius: int, *series: ndarray) -> ndarray:
    """What some work makes of each frame and those around it.

    Args:
        work: Takes which rows are wanted and stretches that begin and end so many frames beside them, or
            where the series do; makes the rows wanted.
        radius: Frames on either side that it looks at.
        series: As many rows each, at least one.
    """
    num_frames, out = len(series[0]), None
    for start in range(0, num_frames, FRAMES_AT_ONCE):
        stop, first = min(start + FRAMES_AT_ONCE, num_frames), max(start - radius, 0)
        stretches = [rows[first : stop + radius] for rows in series]
        made = work(slice(start - first, stop - first), *stretches)
        if out is None:
            out = np.empty((num_frames, *made.shape[1:]), made.dtype)
        out[start:stop] = made
    assert out is not None
    return out
