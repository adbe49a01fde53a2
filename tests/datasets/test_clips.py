"""Windows keep the motion, its order and its frame of reference."""

from dataclasses import replace

import numpy as np
import pytest

from motionary.datasets import ClipConfig, Clips, Dataset, write_dataset
from motionary.datasets.augmentation import turn_features
from motionary.datasets.clips import window_frames
from motionary.datasets.folder import clip_record
from motionary.features import face_forward, heading_rad, motion_to_features
from motionary.motion import Motion


def a_motion(num_frames: int, seed: int, fps: float = 30.0) -> Motion:
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 0.02, (num_frames, 24, 3)).cumsum(0)
    return Motion(pose=steps + rng.normal(0, 0.4, (24, 3)), translation=steps[:, 0], fps=fps)


@pytest.fixture
def dataset(tmp_path) -> Dataset:
    clips = []
    for seed, (action, length) in enumerate([("walk", 90), ("jump", 40), ("walk", 70)]):
        motion = replace(a_motion(length, seed), action=action)
        motion.save(tmp_path / action / f"{seed}.npz")
        clips.append(clip_record(motion, f"{action}/{seed}.npz", action))
    return write_dataset(tmp_path, clips, fps=30.0, licence="made up")


def test_a_window_is_a_run_of_the_motions_frames(dataset):
    clips = Clips(dataset, ClipConfig(num_frames=50))
    batch = clips.batch([0], np.random.default_rng(1))
    rotations = batch.features[0, :, :24].numpy()
    whole = motion_to_features(dataset.motions()[0])[:, :24]
    starts = [s for s in range(41) if np.allclose(whole[s : s + 50], rotations)]
    assert len(starts) == 1


def test_every_window_starts_at_the_origin(dataset):
    batch = Clips(dataset, ClipConfig(num_frames=30)).batch([0, 1, 2], np.random.default_rng(0))
    assert not batch.features[:, 0, 24].any()


def test_a_short_motion_is_held_at_its_last_frame(dataset):
    batch = Clips(dataset, ClipConfig(num_frames=60)).batch([1], np.random.default_rng(0))
    assert (batch.features[0, 40:] == batch.features[0, 39]).all()
    assert batch.mask.all()


def test_whole_motions_are_padded_with_masked_zeros(dataset):
    batch = Clips(dataset, ClipConfig(num_frames=-1)).batch([0, 1], np.random.default_rng(0))
    assert batch.mask.sum(1).tolist() == [90, 40]
    assert not batch.features[1, 40:].any()


def test_an_epoch_visits_every_motion_once(dataset):
    clips = Clips(dataset, ClipConfig(num_frames=20))
    batches = list(clips.epoch(2, np.random.default_rng(3)))
    assert sorted(int(i) for batch in batches for i in batch.clip) == [0, 1, 2]
    assert [clips.actions[label] for label in clips.labels] == ["walk", "jump", "walk"]


def test_the_same_seed_gives_the_same_batches(dataset):
    clips = Clips(dataset, ClipConfig(num_frames=20, sampling="random_step"))
    first, second = (next(clips.epoch(3, np.random.default_rng(5))) for _ in range(2))
    assert (first.features == second.features).all()


def test_the_last_possible_start_is_drawn():
    rng = np.random.default_rng(0)
    starts = {int(window_frames(12, ClipConfig(num_frames=10), rng)[0]) for _ in range(60)}
    assert starts == {0, 1, 2}


def test_random_steps_stay_inside_the_motion():
    rng = np.random.default_rng(0)
    config = ClipConfig(num_frames=10, sampling="random_step")
    windows = np.array([window_frames(35, config, rng) for _ in range(200)])
    assert windows.min() >= 0
    assert windows.max() == 34
    assert {int(step) for step in np.diff(windows, axis=1).ravel()} == {1, 2, 3}


def test_turning_features_is_turning_the_motion():
    motion = a_motion(12, 4)
    features = motion_to_features(motion)
    turn_features(features, np.cos(np.float32([0.7])), np.sin(np.float32([0.7])))
    np.testing.assert_allclose(features, motion_to_features(motion.turn(0.7)), atol=1e-5)


def test_forward_windows_face_forward(dataset):
    batch = Clips(dataset, ClipConfig(num_frames=90, facing="forward")).batch([0], np.random.default_rng(0))
    forward = face_forward(dataset.motions()[0])
    assert abs(heading_rad(forward)) < 1e-5
    np.testing.assert_allclose(batch.features[0].numpy(), motion_to_features(forward), atol=1e-5)


def test_motions_are_resampled_to_one_rate(tmp_path):
    motion = replace(a_motion(81, 0, fps=120.0), action="walk")
    motion.save(tmp_path / "walk" / "a.npz")
    clips = Clips(Dataset.load(tmp_path), ClipConfig(num_frames=-1, fps=30.0))
    assert clips.lengths.tolist() == [21]
