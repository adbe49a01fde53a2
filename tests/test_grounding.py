"""The ground lies where feet stand, not where a toe dips once."""

from dataclasses import replace

import numpy as np
import pytest

from motionary.body.assets import default_body
from motionary.grounding import with_feet_on_ground
from motionary.motion import Motion


@pytest.fixture
def body():
    return default_body()


@pytest.fixture
def standing(body):
    pose = np.zeros((40, 24, 3), np.float32)
    return Motion(pose, np.zeros((40, 3), np.float32), fps=20.0).on_ground(body)


def lowest_m(motion, body):
    return motion.vertices(body)[..., 1].min(1)


def test_a_dip_does_not_lift_the_frames_that_stand(standing, body):
    dip = standing.translation.copy()
    dip[18:24, 1] -= 0.05
    grounded = with_feet_on_ground(replace(standing, translation=dip + np.float32([0, 0.7, 0])), body)
    np.testing.assert_allclose(lowest_m(grounded, body)[:17], 0, atol=2e-3)


def test_frames_that_nobody_saw_do_not_count(standing, body):
    away, valid = standing.translation.copy(), np.ones(40, bool)
    away[25:, 1] -= 1.0
    valid[25:] = False
    grounded = with_feet_on_ground(replace(standing, translation=away, valid=valid), body)
    np.testing.assert_allclose(lowest_m(grounded, body)[:25], 0, atol=2e-3)


def test_hands_carry_a_handstand(standing, body):
    pose = standing.pose.copy()
    pose[:, 0] = (np.pi, 0, 0)
    grounded = with_feet_on_ground(replace(standing, pose=pose), body)
    np.testing.assert_allclose(lowest_m(grounded, body), 0, atol=2e-2)


@pytest.mark.parametrize("frames", [1, 2, 40])
def test_standing_stays_where_it_stands(frames, standing, body):
    grounded = with_feet_on_ground(standing.crop(0, frames), body)
    np.testing.assert_allclose(lowest_m(grounded, body), 0, atol=2e-3)
