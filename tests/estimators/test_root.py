import numpy as np
import pytest

from motionary.estimators.fitting import SOLES, forward
from motionary.estimators.root import RootConfig, level_camera, lock_feet, standing, upright

CONFIG = RootConfig()
UP = np.array([0.0, 1.0, 0.0])
FPS = 30.0


def standing_person(rest, attachments, num_frames=45):
    identity = np.tile(np.eye(3), (num_frames, 24, 1, 1))
    root = np.tile([0.2, 0.0, -4.0], (num_frames, 1))
    R_world, joints = forward(identity, root, rest)
    return root, joints, attachments.positions(R_world, joints)[:, SOLES]


def test_a_person_at_rest_stands_and_a_raised_foot_does_not(rest, attachments):
    _, _, soles = standing_person(rest, attachments)
    assert standing(soles, FPS, UP, CONFIG).all()
    soles[:, :2, 1] += 0.3
    assert (standing(soles, FPS, UP, CONFIG) == [False, False, True, True]).all()


def test_a_sliding_foot_does_not_stand(rest, attachments):
    _, _, soles = standing_person(rest, attachments)
    soles[:, :2, 0] += np.arange(45)[:, None] / FPS  # one metre per second
    assert (standing(soles, FPS, UP, CONFIG) == [False, False, True, True]).all()


@pytest.mark.parametrize("tilt_deg", [-25, 0, 12, 30])
def test_a_tilted_camera_is_levelled_by_who_stands_before_it(rest, attachments, tilt_deg):
    _, joints, soles = standing_person(rest, attachments, 300)
    c, s = np.cos(np.radians(tilt_deg)), np.sin(np.radians(tilt_deg))
    R_camera_world = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    up = upright(joints @ R_camera_world.T, soles @ R_camera_world.T, FPS, CONFIG)
    off_deg = np.degrees(np.arccos(np.clip(up @ R_camera_world @ UP, -1, 1)))
    assert off_deg < 5
    np.testing.assert_allclose(level_camera(up) @ up, UP, atol=1e-9)


def test_nobody_standing_leaves_the_camera_level(rest, attachments):
    _, joints, soles = standing_person(rest, attachments)
    run = 2 * np.arange(45)[:, None, None] / FPS * np.array([1.0, 0, 0])
    np.testing.assert_allclose(upright(joints + run, soles + run, FPS, CONFIG), UP)


def sliding(stands):
    """A root that sways and drifts in depth while the feet should stand; feet move with the root."""
    t = np.arange(len(stands)) / FPS
    root = np.stack([0.01 * np.sin(9 * t), 0.01 * np.cos(7 * t) + 0.9, -3 + 0.1 * np.sin(3 * t)], -1)
    soles = root[:, None] + np.array([[0.1, -0.9, 0], [0.1, -0.9, 0.2], [-0.1, -0.9, 0], [-0.1, -0.9, 0.2]])
    sight = np.tile([0.0, 0.0, -1.0], (len(t), 1))
    return root, soles, sight


def test_standing_feet_do_not_slide_after_locking():
    stands = np.ones((60, 4), bool)
    root, soles, sight = sliding(stands)
    moved = lock_feet(root, soles, stands, sight, FPS, CONFIG)
    feet = soles + (moved - root)[:, None]
    speed = np.linalg.norm(np.diff(feet, axis=0), axis=-1) * FPS
    assert np.median(speed) < 0.01
    assert np.median(np.linalg.norm(np.diff(soles, axis=0), axis=-1) * FPS) > 0.1
    assert np.abs(moved - root)[:, :2].max() < 0.05


def test_without_standing_feet_the_path_is_kept_and_does_not_lag():
    t = np.arange(90) / FPS
    root = np.stack([0.5 * np.sin(2 * np.pi * 0.5 * t), 0 * t, -3 + 0 * t], -1)
    _, soles, sight = sliding(np.zeros((90, 4)))
    moved = lock_feet(root, soles, np.zeros((90, 4), bool), sight, FPS, CONFIG)
    np.testing.assert_allclose(moved, root, atol=0.02)
    lags = [np.mean((np.roll(moved[:, 0], -k) - root[:, 0])[10:-10] ** 2) for k in (-2, -1, 0, 1, 2)]
    assert np.argmin(lags) == 2


def test_very_short_tracks_are_left_alone():
    root = np.zeros((2, 3))
    assert lock_feet(root, np.zeros((2, 4, 3)), np.ones((2, 4), bool), root, FPS, CONFIG) is root
