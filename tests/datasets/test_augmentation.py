"""A varied window is what the varied motion would have given."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from motionary.datasets import ClipConfig, Clips, Dataset, write_dataset
from motionary.datasets.augmentation import (
    Augmentation,
    Variation,
    blend_features,
    mirror_features,
    turn_features,
)
from motionary.datasets.folder import clip_record
from motionary.features import heading_rad, motion_to_features
from motionary.motion import Motion
from motionary.rotations import geodesic_distance, rotation_6d_to_matrix

WHOLE = ClipConfig(num_frames=-1)


def a_motion(num_frames: int = 40, seed: int = 0) -> Motion:
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 0.03, (num_frames, 24, 3)).cumsum(0)
    return Motion(pose=steps + rng.normal(0, 0.5, (24, 3)), translation=steps[:, 5], fps=30.0)


def a_data_set(root, actions=("kick_left", "kick_right", "walk", "waveL"), **facts) -> Dataset:
    clips = []
    for seed, action in enumerate(actions):
        motion = a_motion(40 + seed, seed)
        motion.save(root / f"{seed}.npz")
        clips.append(clip_record(motion, f"{seed}.npz", action))
    return write_dataset(root, clips, fps=30.0, actions=actions, **facts)


def varied(clips: Clips, seed: int = 0, times: int = 30):
    rng = np.random.default_rng(seed)
    return [clips.varied_batch(range(len(clips)), rng) for _ in range(times)]


def rotations(features) -> torch.Tensor:
    return rotation_6d_to_matrix(torch.as_tensor(features)[..., :24, :])


def test_mirroring_twice_is_the_identity():
    features = motion_to_features(a_motion())
    assert (mirror_features(mirror_features(features)) == features).all()


def test_mirrored_features_are_those_of_the_mirrored_motion():
    motion = a_motion()
    mirrored = mirror_features(motion_to_features(motion))
    np.testing.assert_allclose(mirrored, motion_to_features(motion.mirror()), atol=1e-5)


def test_turning_turns_root_and_path_and_nothing_else():
    motion = a_motion()
    features = motion_to_features(motion)[None].repeat(2, 0)
    angle_rad = np.array([[0.7], [-2.0]], np.float32)
    turn_features(features, np.cos(angle_rad), np.sin(angle_rad))
    np.testing.assert_allclose(features[0], motion_to_features(motion.turn(0.7)), atol=1e-5)
    np.testing.assert_allclose(features[1], motion_to_features(motion.turn(-2.0)), atol=1e-5)
    assert (features[0, :, 1:24] == motion_to_features(motion)[:, 1:24]).all()


def test_between_frames_features_are_those_of_the_resampled_motion():
    motion = a_motion()
    features = motion_to_features(motion)
    between = blend_features(features[:-1], features[1:], np.full(39, 0.3, np.float32))
    truth = motion_to_features(motion.at_times((np.arange(39) + 0.3) / 30, 30.0))
    assert geodesic_distance(rotations(between), rotations(truth)).max() < np.radians(0.1)
    np.testing.assert_allclose(between[:, 24] - between[0, 24], truth[:, 24], atol=1e-5)


def test_nothing_is_varied_by_default(tmp_path):
    dataset = a_data_set(tmp_path)
    plain, off = Clips(dataset, ClipConfig(20)), Clips(dataset, ClipConfig(20), Augmentation())
    a, b = plain.batch([0, 1], np.random.default_rng(3)), off.varied_batch([0, 1], np.random.default_rng(3))
    assert (a.features == b.features).all()


def test_mirrored_windows_take_the_other_sides_label_and_none_where_there_is_none(tmp_path):
    clips = Clips(a_data_set(tmp_path), WHOLE, Augmentation(mirror=True))
    plain = clips.batch(range(4), np.random.default_rng(0))
    seen = {row: set() for row in range(4)}
    for batch in varied(clips):
        for row, label in enumerate(batch.action.tolist()):
            length = int(batch.mask[row].sum())
            mirrored = not torch.equal(batch.features[row], plain.features[row])
            expected = plain.features[row, :length].numpy()
            expected = mirror_features(expected) if mirrored else expected
            np.testing.assert_allclose(batch.features[row, :length], expected, atol=1e-6)
            seen[row].add((mirrored, clips.actions[label]))
    assert seen == {
        0: {(False, "kick_left"), (True, "kick_right")},
        1: {(False, "kick_right"), (True, "kick_left")},
        2: {(False, "walk"), (True, "walk")},
        3: {(False, "waveL")},
    }


def test_a_mirrored_forward_window_still_faces_forward(tmp_path):
    config = ClipConfig(20, facing="forward")
    clips = Clips(a_data_set(tmp_path), config, Augmentation(mirror=True))
    for batch in varied(clips, times=5):
        root = rotation_6d_to_matrix(batch.features[:, 0, 0])
        heading = torch.atan2(-root[:, 2, 0], root[:, 0, 0])
        assert heading.abs().max() < 1e-5


def test_yaw_turns_the_path_by_up_to_the_angle(tmp_path):
    dataset = a_data_set(tmp_path, ("walk",))
    clips = Clips(dataset, WHOLE, Augmentation(yaw_deg=40.0))
    motion = dataset.motions()[0]
    turns = []
    for batch in varied(clips):
        R = rotation_6d_to_matrix(batch.features[0, 0, 0]).numpy()
        turn = np.arctan2(-R[2, 0], R[0, 0]) - heading_rad(motion)
        turns.append((turn + np.pi) % (2 * np.pi) - np.pi)
        expected = motion_to_features(motion.turn(float(turns[-1])))
        np.testing.assert_allclose(batch.features[0], expected, atol=1e-4)
    assert 30 < np.degrees(np.abs(turns).max()) < 40.001


def test_speed_changes_how_long_a_motion_takes(tmp_path):
    dataset = a_data_set(tmp_path, ("walk",))
    clips = Clips(dataset, WHOLE, Augmentation(speed=0.5))
    lengths = [int(batch.mask.sum()) for batch in varied(clips)]
    assert 27 <= min(lengths) < 32
    assert 50 < max(lengths) <= 59
    fast = clips._batch(
        np.array([0]), replace(Variation.none(1), speed=np.array([1.5])), np.random.default_rng(0)
    )
    truth = motion_to_features(replace(dataset.motions()[0], fps=45.0).resample(30.0))
    assert geodesic_distance(rotations(fast.features[0]), rotations(truth)).max() < np.radians(0.1)


def test_shape_lengthens_the_path_and_keeps_the_angles(tmp_path):
    clips = Clips(a_data_set(tmp_path, ("walk",)), WHOLE, Augmentation(shape=0.1))
    plain = clips.batch([0], np.random.default_rng(0)).features[0]
    for batch in varied(clips):
        assert torch.equal(batch.features[0, :, :24], plain[:, :24])
        factors = (batch.features[0, 1:, 24, :3] / plain[1:, 24, :3]).flatten()
        assert factors.std() < 1e-4
        assert 0.9 <= factors.mean() <= 1.1


def test_the_same_seed_varies_alike_whatever_the_number_of_workers(tmp_path):
    everything = Augmentation(mirror=True, yaw_deg=180.0, speed=0.2, shape=0.1)
    clips = Clips(a_data_set(tmp_path), ClipConfig(20), everything)
    epochs = [list(clips.epoch(1, np.random.default_rng(5), workers)) for workers in (0, 1, 3)]
    for batches in zip(*epochs, strict=True):
        assert all(torch.equal(batch.features, batches[0].features) for batch in batches)
        assert all(torch.equal(batch.action, batches[0].action) for batch in batches)
    other = next(clips.epoch(1, np.random.default_rng(6)))
    assert not torch.equal(other.features, epochs[0][0].features)


def test_switching_one_thing_on_does_not_change_another():
    a = Variation.draw(50, Augmentation(mirror=True), np.random.default_rng(1))
    b = Variation.draw(50, Augmentation(mirror=True, speed=0.3, yaw_deg=20.0), np.random.default_rng(1))
    assert (a.mirrored == b.mirrored).all()
    assert (a.speed == 1).all()


@pytest.mark.parametrize(("name", "value"), [("yaw_deg", -1.0), ("speed", 2.0), ("shape", float("nan"))])
def test_an_amount_that_cannot_be_meant_is_refused(name, value):
    with pytest.raises(ValueError, match=rf"augment\.{name}"):
        Augmentation(**{name: value})


def test_windows_are_made_on_their_device_without_waiting_for_it(tmp_path):
    everything = Augmentation(mirror=True, yaw_deg=40.0, speed=0.5, shape=0.1)
    config = ClipConfig(20, facing="forward")
    # "meta" holds shapes alone: asking it for a number raises.
    clips = Clips(a_data_set(tmp_path), config, everything, device="meta")
    batch = clips.varied_batch(range(4), np.random.default_rng(0))
    assert {t.device.type for t in (batch.features, batch.action, batch.mask, batch.clip)} == {"meta"}
    assert batch.features.shape == (4, 20, 25, 6)
