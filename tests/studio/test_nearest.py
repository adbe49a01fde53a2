"""The nearest real clip is the one that does the same, wherever and however fast it is done."""

import numpy as np
import pytest

from motionary.body.assets import load_body
from motionary.studio.nearest import RealClips


def test_the_same_motion_elsewhere_is_nearest(dataset, make_motion):
    real = RealClips(dataset, load_body())
    moved = make_motion(10, 0.1, "walk").turn(1.0)
    moved.translation[:] += np.float32([3, 0, -2])
    found = real.nearest(moved, 5)
    assert [clip.record.path for clip in found] == ["walk_1.npz", "walk_0.npz", "walk_2.npz"]
    assert found[0].distance_m == pytest.approx(0, abs=1e-4)
    assert found[0].distance_m < found[1].distance_m < found[2].distance_m


def test_speed_does_not_count_and_an_unknown_action_is_sought_everywhere(dataset, make_motion):
    real = RealClips(dataset, load_body())
    slower = make_motion(19, 0.05, "walk")
    assert real.nearest(slower, 1)[0].record.path == "walk_1.npz"
    still = make_motion(4, 0.0, "stand")
    assert real.nearest(still, 4)[0].record.path == "jump.npz"
    assert len(real.nearest(still, 9)) == 4
