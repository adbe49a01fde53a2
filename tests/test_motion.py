import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from motionary.body.skeleton import JOINT_INDEX, MIRROR, NUM_JOINTS
from motionary.body.smpl import BodyArrays, BodyModel
from motionary.motion import Motion, gaps
from motionary.rotations import axis_angle_to_matrix, geodesic_distance


def random_motion(frames: int = 12, seed: int = 0, size: float = 0.5, fps: float = 30.0) -> Motion:
    """Smooth enough that neighbouring frames are less than a half turn apart."""
    rng = np.random.default_rng(seed)
    pose = rng.normal(0, size, (1, NUM_JOINTS, 3)) + rng.normal(0, 0.2, (frames, NUM_JOINTS, 3)).cumsum(0)
    return Motion(
        pose=pose,
        translation=rng.normal(0, 1, (frames, 3)),
        fps=fps,
        betas=rng.normal(0, 1, 10),
        action="wave",
    )


@pytest.fixture(scope="module")
def body() -> BodyModel:
    """A mirror-symmetric body whose vertices are its joints."""
    joints = torch.randn(NUM_JOINTS, 3, generator=torch.Generator().manual_seed(3))
    flip = torch.tensor([-1.0, 1.0, 1.0])
    joints = (joints + flip * joints[list(MIRROR)]) / 2
    none = torch.zeros(NUM_JOINTS, 3, 10)
    return BodyModel(BodyArrays(joints, torch.tensor([[0, 1, 2]]), torch.eye(NUM_JOINTS), joints, none, none))


def turned_by(a: Motion, b: Motion) -> float:
    """Largest angle in radians between two motions' joint rotations."""
    matrices = [axis_angle_to_matrix(torch.from_numpy(motion.pose)) for motion in (a, b)]
    return float(geodesic_distance(*matrices).max())


def assert_same(a: Motion, b: Motion, atol: float = 1e-5) -> None:
    assert len(a) == len(b)
    assert turned_by(a, b) < max(atol, 2e-3)  # float32 quaternions resolve angles to about 1e-3
    assert_allclose(a.translation, b.translation, atol=atol)
    assert_array_equal(a.valid, b.valid)
    assert a.fps == pytest.approx(b.fps)


# Construction


def test_arrays_are_brought_to_their_types():
    motion = Motion(pose=np.zeros((2, 24, 3)), translation=np.zeros((2, 3)), fps=25.0)
    assert motion.pose.dtype == motion.translation.dtype == motion.betas.dtype == np.float32
    assert motion.valid.dtype == bool
    assert motion.valid.all()
    assert_array_equal(motion.betas, np.zeros(10))
    assert len(motion) == 2
    assert motion.duration_s == pytest.approx(0.08)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"translation": np.zeros((3, 3))}, r"translation must have shape \(4, 3\)"),
        ({"pose": np.zeros((4, 23, 3))}, r"pose must have shape \(4, 24, 3\)"),
        (
            {"pose": np.zeros((0, 24, 3)), "translation": np.zeros((0, 3)), "valid": np.zeros(0, bool)},
            "at least one",
        ),
        ({"betas": np.zeros(16)}, r"betas must have shape \(10,\)"),
        ({"valid": np.ones(3, bool)}, r"valid must have shape \(4,\)"),
        ({"trust": np.ones(3)}, r"trust must have shape \(4,\)"),
        ({"trust": np.array([0, 1, 2, 0])}, "trust must be 0 to 1; got 0 to 2"),
        ({"pose": np.full((4, 24, 3), np.nan)}, "pose must be finite"),
        ({"translation": np.full((4, 3), np.inf)}, "translation must be finite"),
        ({"fps": 0.0}, "fps must be a positive"),
        ({"fps": -30.0}, "fps must be a positive"),
        ({"fps": math.nan}, "fps must be a positive"),
    ],
)
def test_what_does_not_fit_is_named(change, words, monkeypatch):
    monkeypatch.setattr(
        "jaxtyping.config.jaxtyping_disable", True
    )  # as for users, who run without shape checks
    with pytest.raises(ValueError, match=words):
        replace(random_motion(4), **change)


# Time


def test_resampling_to_the_same_rate_changes_nothing():
    motion = random_motion()
    assert motion.resample(30.0) is motion


@pytest.mark.parametrize("factor", [2, 3, 7])
def test_resampling_up_and_down_again_changes_nothing(factor):
    motion = replace(random_motion(), valid=np.arange(12) != 5)
    assert_same(motion.resample(30.0 * factor).resample(30.0), motion)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.floats(5, 240), st.floats(5, 240), st.integers(1, 40))
def test_resampling_keeps_first_frame_and_span(fps, new_fps, frames):
    motion = random_motion(frames, fps=fps)
    resampled = motion.resample(new_fps)
    assert resampled.fps == new_fps
    span_s, new_span_s = (len(motion) - 1) / fps, (len(resampled) - 1) / new_fps
    assert new_span_s <= span_s + 1e-6
    assert span_s - new_span_s < 1 / new_fps + 1e-6
    assert_same(resampled.crop(0, 1), replace(motion.crop(0, 1), fps=new_fps))


def test_steady_turning_and_walking_are_steady_at_any_rate():
    pose = np.zeros((11, 24, 3))
    pose[:, 0, 1] = np.arange(11) * 0.2
    motion = Motion(pose=pose, translation=np.outer(np.arange(11), [0.1, 0, 0.2]), fps=10.0)
    resampled = motion.resample(24.0)
    times_s = np.arange(len(resampled)) / 24
    assert_allclose(resampled.pose[:, 0, 1], times_s * 2, atol=1e-5)
    assert_allclose(resampled.translation, np.outer(times_s, [1, 0, 2]), atol=1e-5)


def test_times_out_of_the_motion_hold_its_ends():
    motion = random_motion()
    held = motion.at_times(np.array([-1.0, 99.0]), 30.0)
    assert_same(held, replace(motion.crop(0, 12), **{k: getattr(motion, k)[[0, -1]] for k in ARRAYS}))


ARRAYS = ("pose", "translation", "valid", "trust")


def test_trust_is_that_of_valid_frames_where_nothing_else_is_said():
    still = random_motion(4)
    motion = Motion(still.pose, still.translation, 30.0, valid=np.array([True, False, True, True]))
    assert motion.trust.tolist() == [1, 0, 1, 1]


def test_trust_follows_its_frames():
    motion = replace(random_motion(4), trust=np.array([0.2, 0.4, 0.6, 0.8]))
    np.testing.assert_allclose(motion.crop(1, 3).trust, [0.4, 0.6], atol=1e-6)
    np.testing.assert_allclose(motion.resample(60.0).trust, np.linspace(0.2, 0.8, 7), atol=1e-6)


def test_a_file_that_says_nothing_of_trust_is_read(tmp_path):
    still = random_motion(4)
    motion = Motion(still.pose, still.translation, 30.0, valid=np.array([True, False, True, True]))
    motion.save(tmp_path / "with.npz")
    arrays = dict(np.load(tmp_path / "with.npz"))
    del arrays["trust"]
    np.savez(tmp_path / "without.npz", **arrays)
    assert Motion.load(tmp_path / "without.npz").trust.tolist() == [1, 0, 1, 1]


def test_frames_made_from_an_invalid_one_are_invalid():
    motion = replace(random_motion(4), valid=np.array([True, False, True, True]))
    assert motion.resample(60.0).valid.tolist() == [True, False, False, False, True, True, True]


@pytest.mark.parametrize("fps", [0.0, -1.0, math.nan, math.inf])
def test_an_impossible_rate_is_refused(fps):
    with pytest.raises(ValueError, match="fps must be a positive"):
        random_motion().resample(fps)


def test_smoothing_takes_noise_away_and_does_not_lag():
    times_s = np.arange(120) / 30
    clean = np.zeros((120, 24, 3))
    clean[:, 18, 0] = np.sin(2 * np.pi * 0.5 * times_s)
    noise = np.random.default_rng(0).normal(0, 0.1, clean.shape)
    motion = Motion(pose=clean + noise, translation=clean[:, 18] + noise[:, 0], fps=30.0)
    smooth = motion.smooth(0.1)
    middle = slice(15, -15)
    assert np.abs(smooth.pose - clean)[middle].mean() < 0.5 * np.abs(motion.pose - clean)[middle].mean()
    error = [
        np.abs(smooth.translation[15 + lag : 105 + lag, 0] - clean[middle, 18, 0]).mean()
        for lag in range(-4, 5)
    ]
    assert np.argmin(error) == 4


def test_smoothing_the_same_motion_backwards_is_smoothing_backwards():
    motion = random_motion(30)
    backwards = replace(motion, **{name: getattr(motion, name)[::-1].copy() for name in ARRAYS})
    smooth = motion.smooth(0.05)
    assert_same(
        backwards.smooth(0.05), replace(smooth, **{n: getattr(smooth, n)[::-1].copy() for n in ARRAYS})
    )


def test_smoothing_does_not_see_where_rotation_vectors_wrap_around():
    angle = np.linspace(3.0, 3.4, 20)  # past a half turn the shortest vector points the other way
    wrapped = np.where(angle > np.pi, angle - 2 * np.pi, angle)
    pose = np.zeros((20, 24, 3))
    pose[:, 0, 1] = wrapped
    motion = Motion(pose=pose, translation=np.zeros((20, 3)), fps=30.0)
    smooth = motion.smooth(0.03)
    assert turned_by(smooth.crop(3, 17), motion.crop(3, 17)) < 0.01


def test_smoothing_by_nothing_changes_nothing_and_by_less_is_refused():
    motion = random_motion()
    assert motion.smooth(0.0) is motion
    assert_same(random_motion(1).smooth(1.0), random_motion(1))
    with pytest.raises(ValueError, match="sigma_s"):
        motion.smooth(-0.1)


# Space


def test_mirroring_twice_changes_nothing():
    motion = random_motion()
    assert_array_equal(motion.mirror().mirror().pose, motion.pose)
    assert_array_equal(motion.mirror().mirror().translation, motion.translation)


def test_mirroring_flips_positions_and_swaps_sides(body):
    motion = random_motion()
    expected = motion.joint_positions(body)[:, list(MIRROR)] * [-1, 1, 1]
    assert_allclose(motion.mirror().joint_positions(body), expected, atol=1e-5)


def test_mirroring_moves_the_other_hand():
    pose = np.zeros((1, 24, 3))
    pose[0, JOINT_INDEX["left_elbow"]] = [0.1, 0.2, 0.3]
    mirrored = Motion(pose=pose, translation=np.zeros((1, 3)), fps=30.0).mirror().pose[0]
    assert_allclose(mirrored[JOINT_INDEX["right_elbow"]], [0.1, -0.2, -0.3], atol=1e-6)
    assert not mirrored[JOINT_INDEX["left_elbow"]].any()


@pytest.mark.parametrize("angle", [0.0, 0.7, -2.5, math.pi])
def test_turning_turns_positions_about_the_first_pelvis(body, angle):
    motion = random_motion()
    joints = motion.joint_positions(body)
    R = axis_angle_to_matrix(torch.tensor([0.0, angle, 0.0])).numpy()
    expected = (joints - joints[0, 0]) @ R.T + joints[0, 0]
    assert_allclose(motion.turn(angle).joint_positions(body), expected, atol=2e-5)


def test_a_quarter_turn_takes_z_to_x():
    walk = Motion(pose=np.zeros((2, 24, 3)), translation=np.array([[0, 0, 0], [0, 0, 1.0]]), fps=30.0)
    assert_allclose(walk.turn(math.pi / 2).translation[1], [1, 0, 0], atol=1e-6)


def test_on_the_ground_the_lowest_point_is_at_zero(body):
    motion = random_motion(1)
    grounded = motion.on_ground(body)
    assert grounded.vertices(body)[..., 1].min() == pytest.approx(0, abs=1e-5)
    assert_array_equal(grounded.translation[:, [0, 2]], motion.translation[:, [0, 2]])


def test_a_bad_frame_does_not_lift_the_rest_off_the_ground(body):
    still = Motion(pose=np.zeros((100, 24, 3)), translation=np.zeros((100, 3)), fps=30.0)
    bad = still.translation.copy()
    bad[7, 1] = -5
    lowest = replace(still, translation=bad).on_ground(body).vertices(body)[..., 1].min(1)
    assert np.median(lowest) == pytest.approx(0, abs=1e-4)


def test_vertices_of_a_long_motion_are_those_of_its_frames(body):
    motion = random_motion(150)
    assert_allclose(motion.vertices(body)[130], motion.crop(130, 131).vertices(body)[0], atol=1e-6)
    assert_allclose(
        motion.vertices(body), motion.joint_positions(body), atol=1e-5
    )  # the body's vertices are its joints


# Gaps


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_gaps_are_the_runs_of_invalid_frames(valid):
    marked = np.ones(len(valid), bool)
    for start, stop in gaps(np.array(valid)):
        assert start < stop
        assert marked[max(start - 1, 0)] or start == 0  # runs do not touch
        marked[start:stop] = False
    assert_array_equal(marked, valid)


def with_gap(start: int, stop: int, frames: int = 30) -> Motion:
    """A steady turn and walk, wrong in the frames of the gap."""
    pose = np.zeros((frames, 24, 3))
    pose[:, 0, 1] = np.arange(frames) * 0.05
    translation = np.outer(np.arange(frames), [0.0, 0.0, 0.1])
    valid = np.ones(frames, bool)
    pose[start:stop], translation[start:stop], valid[start:stop] = 1.0, 9.0, False
    return Motion(pose=pose, translation=translation, fps=30.0, valid=valid)


def test_a_short_gap_is_filled_along_the_shortest_way():
    motion = with_gap(10, 15)
    filled = motion.fill_gaps(0.5)
    assert_allclose(filled.pose[:, 0, 1], np.arange(30) * 0.05, atol=1e-5)
    assert_allclose(filled.translation[:, 2], np.arange(30) * 0.1, atol=1e-5)
    assert not filled.pose[:, 1:].any()
    assert_array_equal(filled.valid, motion.valid)


@pytest.mark.parametrize(("start", "stop"), [(10, 26), (0, 5), (25, 30), (0, 30)])
def test_long_gaps_and_those_at_an_end_stay(start, stop):
    motion = with_gap(start, stop)
    assert_array_equal(motion.fill_gaps(0.5).pose, motion.pose)


def test_a_long_gap_splits_the_motion():
    motion = with_gap(10, 16)
    pieces = motion.split_gaps(longest_s=0.1)
    assert [len(piece) for piece in pieces] == [10, 14]
    assert_array_equal(pieces[1].pose, motion.pose[16:])
    assert all(piece.valid.all() for piece in pieces)


def test_a_short_gap_does_not_split_the_motion():
    (piece,) = with_gap(10, 13).split_gaps(longest_s=0.1)
    assert len(piece) == 30
    assert_allclose(piece.translation[:, 2], np.arange(30) * 0.1, atol=1e-5)


@pytest.mark.parametrize(("start", "stop", "left"), [(0, 4, 26), (26, 30, 26), (0, 20, 10)])
def test_invalid_ends_are_cut_off(start, stop, left):
    assert [len(piece) for piece in with_gap(start, stop).split_gaps()] == [left]


def test_a_motion_never_observed_has_no_pieces():
    assert with_gap(0, 30).split_gaps() == []
    assert with_gap(0, 3, frames=3).split_gaps() == []


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.booleans(), min_size=1, max_size=40), st.sampled_from([0.0, 0.05, 0.1, 0.5]))
def test_pieces_hold_every_valid_frame_once_in_order(valid, longest_s):
    motion = replace(random_motion(len(valid)), valid=np.array(valid))
    pieces = motion.split_gaps(longest_s)
    kept = [piece.translation[piece.valid] for piece in pieces]
    expected = motion.translation[motion.valid]
    assert_array_equal(np.concatenate(kept) if kept else expected, expected)
    assert all(piece.valid[0] and piece.valid[-1] for piece in pieces)
    longest = [(stop - start) / 30 for piece in pieces for start, stop in gaps(piece.valid)]
    assert all(length <= longest_s for length in longest)


def test_in_place_only_the_way_over_the_ground_is_gone():
    motion = random_motion()
    still = motion.in_place()
    assert_array_equal(still.pose, motion.pose)
    assert_array_equal(still.translation[:, 1], motion.translation[:, 1])
    assert_array_equal(still.translation[:, [0, 2]], np.tile(motion.translation[0, [0, 2]], (len(motion), 1)))
