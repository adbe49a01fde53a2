from dataclasses import replace

import numpy as np
import pytest

from motionary.estimators.cleaning import LEGS, OTHER_SIDE, BridgeConfig, bridge, smooth, undo_swaps
from motionary.estimators.landmarks import LANDMARK_NAMES, Check, Landmarks, LandmarkTrack, on_grid


def track_of(walk, camera):
    landmarks = walk[2]
    n = len(landmarks)
    ones = np.ones(n)
    return LandmarkTrack(
        np.arange(n) / 30,
        camera.project(landmarks),
        landmarks - landmarks[:, 23:25].mean(1, keepdims=True),
        np.ones((n, 33)),
        ones,
        ones > 0,
    )


def test_other_side_is_its_own_inverse_and_keeps_the_nose():
    assert (OTHER_SIDE[OTHER_SIDE] == np.arange(33)).all()
    assert OTHER_SIDE[0] == 0
    assert LANDMARK_NAMES[OTHER_SIDE[9]] == "mouth_right"


def test_a_well_named_walk_is_left_alone(walk, camera):
    track = track_of(walk, camera)
    np.testing.assert_array_equal(undo_swaps(track, 30.0).image_px, track.image_px)


@pytest.mark.parametrize("part", [np.arange(33), LEGS])
def test_left_and_right_mixed_up_for_a_while_are_told_apart(walk, camera, part):
    track = track_of(walk, camera)
    image, world = track.image_px.copy(), track.world_m.copy()
    image[20:30, part], world[20:30, part] = image[20:30, OTHER_SIDE[part]], world[20:30, OTHER_SIDE[part]]
    if len(part) == 33:
        world[20:30, :, 2] *= -1  # seen from behind instead of from the front
    repaired = undo_swaps(replace(track, image_px=image, world_m=world), 30.0)
    np.testing.assert_allclose(repaired.image_px, track.image_px)
    np.testing.assert_allclose(repaired.world_m, track.world_m)


def test_smoothing_keeps_parabolas_and_reduces_noise_without_lag():
    t = np.arange(50.0)
    parabola = 0.3 * t**2 - 4 * t + 1
    np.testing.assert_allclose(smooth(parabola, np.ones(50), 2.0), parabola, atol=1e-6)
    noise = np.random.default_rng(0).normal(size=(400, 3))
    assert smooth(noise, np.ones(400), 3.0).std() < 0.6 * noise.std()


def test_smoothing_bridges_what_is_not_trusted():
    t = np.linspace(0, 3, 60)
    series, trust = np.sin(t), np.ones(60)
    spoilt = series.copy()
    spoilt[25:29], trust[25:29] = 5.0, 0.0
    np.testing.assert_allclose(smooth(spoilt, trust, 3.0), series, atol=0.02)


def sighting(x):
    points = np.full((33, 2), float(x))
    return Landmarks(points, np.zeros((33, 3)), np.ones(33), 1.0)


def test_uneven_times_come_out_on_a_uniform_grid():
    times = np.array([0, 0.03, 0.11, 0.14, 0.2, 0.31, 0.33])
    (track,) = on_grid(times, [sighting(100 * t) for t in times], 30.0, longest_gap_s=0.5)
    np.testing.assert_allclose(np.diff(track.times_s), 1 / 30)
    np.testing.assert_allclose(track.image_px[:, 0, 0], 100 * track.times_s, atol=1.0)
    assert not track.seen.all()  # 0.2 to 0.31 s is too long to call its middle seen
    assert (track.score[~track.seen] == 0).all()


def test_long_gaps_cut_and_short_gaps_do_not():
    times = np.r_[np.arange(30), np.arange(40, 70), np.arange(100, 120)] / 30
    tracks = on_grid(times, [sighting(t) for t in times], 30.0, longest_gap_s=0.5)
    assert [len(track) for track in tracks] == [70, 20]
    assert (~tracks[0].seen).sum() == 10


def checked(track, failed, certainty):
    sightings = [
        Landmarks(image, world, np.ones(33), 1.0, certainty if bad else 2.0)
        for image, world, bad in zip(track.image_px, track.world_m, failed, strict=True)
    ]
    return replace(track, seen=~failed, check=Check(track.times_s, {}, failed)), sightings


def test_a_bridge_follows_the_movement_on_both_sides(walk, camera):
    track = track_of(walk, camera)
    failed = (np.arange(60) >= 20) & (np.arange(60) < 26)
    hidden, sightings = checked(track, failed, certainty=np.nan)  # nothing is known of how good they are
    filled = bridge(hidden, sightings, BridgeConfig())
    np.testing.assert_array_equal(filled.image_px[~failed], track.image_px[~failed])
    height_px = np.ptp(track.image_px[0], axis=0).max()
    off = np.linalg.norm(filled.image_px - track.image_px, axis=-1)[failed].mean()
    assert 0 < off < 0.02 * height_px


def test_a_failed_sighting_near_the_bridge_counts_and_one_far_from_it_does_not(walk, camera):
    track = track_of(walk, camera)
    failed = (np.arange(60) >= 20) & (np.arange(60) < 26)
    blind, sightings = checked(track, failed, certainty=np.nan)
    alone = bridge(blind, sightings, BridgeConfig()).image_px
    hidden, sightings = checked(track, failed, certainty=1.0)
    helped = bridge(hidden, sightings, BridgeConfig()).image_px
    off = [np.linalg.norm(image - track.image_px, axis=-1)[failed].mean() for image in (helped, alone)]
    assert off[0] < off[1]
    wild = [replace(s, image_px=s.image_px + 300) for s in sightings]
    np.testing.assert_allclose(bridge(hidden, wild, BridgeConfig()).image_px, alone)


def test_frames_at_an_end_are_not_bridged(walk, camera):
    track = track_of(walk, camera)
    hidden, sightings = checked(track, np.arange(60) >= 50, certainty=np.nan)
    np.testing.assert_array_equal(bridge(hidden, sightings, BridgeConfig()).image_px, track.image_px)


def test_names_exchanged_at_a_gap_are_put_right_from_what_was_seen(walk, camera):
    local, _, points = walk
    image = camera.project(points)
    exchanged = image.copy()
    exchanged[20:35] = image[20:35][:, OTHER_SIDE]
    exchanged[16:20] = np.linspace(image[15], exchanged[20], 6)[
        1:-1
    ]  # as interpolated before names were known
    seen = np.ones(len(local), bool)
    seen[16:20] = False
    track = LandmarkTrack(
        np.arange(len(local)) / 30, exchanged, points, np.ones((len(local), 33)), np.ones(len(local)), seen
    )
    repaired = undo_swaps(track, 30.0).image_px
    np.testing.assert_allclose(repaired[seen], image[seen])
