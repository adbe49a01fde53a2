"""What is made a stretch at a time is what is made at once."""

import numpy as np
import pytest
from scipy.ndimage import uniform_filter1d

from motionary.stretches import FRAMES_AT_ONCE, frame_by_frame, from_frames_around

LENGTHS = [1, FRAMES_AT_ONCE - 1, FRAMES_AT_ONCE, FRAMES_AT_ONCE + 1, 3 * FRAMES_AT_ONCE + 2]


@pytest.mark.parametrize("length", LENGTHS)
def test_every_frame_is_worked_on_once_and_never_too_many_together(length):
    given, seen = np.arange(2.0 * length).reshape(length, 2), []

    def work(rows, others):
        seen.append(len(rows))
        return rows.sum(1) * others

    made = frame_by_frame(work, given, given[:, 1])
    np.testing.assert_array_equal(made, given.sum(1) * given[:, 1])
    assert sum(seen) == length
    assert max(seen) <= FRAMES_AT_ONCE


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("radius", [0, 3, FRAMES_AT_ONCE + 5])
def test_frames_around_are_seen_across_stretches(length, radius):
    given = np.random.default_rng(0).normal(size=(length, 3))

    def mean(rows):
        return uniform_filter1d(rows, 2 * radius + 1, axis=0, mode="constant")

    made = from_frames_around(lambda wanted, rows: mean(rows)[wanted], radius, given)
    np.testing.assert_allclose(made, mean(given), atol=1e-12)
