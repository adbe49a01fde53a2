from dataclasses import replace

import numpy as np
import pytest

from motionary.estimators.cleaning import OTHER_SIDE
from motionary.estimators.evidence import (
    LandmarkDoubtConfig,
    MotionDoubtConfig,
    doubts_of_landmarks,
    doubts_of_motion,
    doubts_of_projection,
    total,
)
from motionary.estimators.landmarks import Landmarks
from motionary.motion import Motion

FPS = 30.0
BAD = slice(20, 26)


@pytest.fixture
def sightings(walk, camera):
    noise = np.random.default_rng(0)
    points = walk[2]
    return [
        Landmarks(
            camera.project(p) + noise.normal(size=(33, 2)), p - p[23:25].mean(0), np.ones(33), 1.0, 2.0, 15.0
        )
        for p in points
    ]


def doubts(sightings):
    return doubts_of_landmarks(np.arange(len(sightings)) / FPS, sightings, LandmarkDoubtConfig())


def spoilt(sightings, frames, **changes):
    out = list(sightings)
    for index in range(*frames.indices(len(out))):
        out[index] = replace(out[index], **{name: value(out[index]) for name, value in changes.items()})
    return out


def test_nothing_speaks_against_a_person_walking(sightings):
    assert total(doubts(sightings)).max() < 0.5


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("blurred picture", {"sharpness": lambda s: 0.3 * s.sharpness}),
        ("unsure landmarks", {"certainty": lambda s: 0.0}),
        ("hidden landmarks", {"visibility": lambda s: 0.2 * s.visibility}),
        ("bones change length", {"world_m": lambda s: s.world_m * np.array([0.4, 0.4, 0.4])}),
    ],
)
def test_each_kind_of_failure_is_found_where_it_is(sightings, reason, changes):
    found = doubts(spoilt(sightings, BAD, **changes))
    assert (found[reason][BAD] >= 1).all()
    assert (np.delete(found[reason], np.r_[BAD]) < 0.5).all()
    assert (total(found)[BAD] >= 1).all()


def test_a_picture_that_gets_darker_of_all_frames_is_not_blurred(sightings):
    assert doubts(spoilt(sightings, slice(0, 60), sharpness=lambda s: 3.0))["blurred picture"].max() < 0.1


def test_landmarks_hardly_better_than_guesses_fail_whatever_is_usual(sightings):
    lost = spoilt(sightings, slice(0, 60), certainty=lambda s: -1.0)
    assert (doubts(lost)["unsure landmarks"] >= 1).all()


def test_a_single_wrong_frame_jumps_and_its_neighbours_do_not(sightings):
    found = doubts(spoilt(sightings, slice(30, 31), image_px=lambda s: s.image_px + 120))["landmarks jump"]
    assert found[30] >= 1
    assert (np.delete(found, 30) < 0.5).all()


def test_exchanged_sides_are_no_jump(sightings):
    mirrored = spoilt(sightings, BAD, image_px=lambda s: s.image_px[OTHER_SIDE])
    assert doubts(mirrored)["landmarks jump"].max() < 0.6
    assert doubts(mirrored)["left and right exchanged"].max() > 0.2


def test_a_picture_that_stands_still_and_catches_up_is_found(sightings):
    moving = [replace(s, image_px=s.image_px + 12.0 * t) for t, s in enumerate(sightings)]
    frozen = [*moving[:20], *[moving[19]] * 8, *moving[28:]]
    found = doubts(frozen)["picture stands still"]
    assert (found[21:28] == 1).all()
    assert found.sum() <= 9
    assert doubts(moving)["picture stands still"].sum() == 0


def test_a_person_who_stands_still_is_not_doubted(sightings):
    noise = np.random.default_rng(1)
    still = [
        replace(sightings[0], image_px=sightings[0].image_px + noise.normal(size=(33, 2))) for _ in range(60)
    ]
    assert total(doubts(still)).max() < 0.5


def test_unknown_certainty_and_sharpness_say_nothing(sightings):
    blind = [replace(s, certainty=np.nan, sharpness=np.nan) for s in sightings]
    assert total(doubts(blind)).max() < 0.5


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_the_shortest_tracks_can_be_checked(sightings, frames):
    assert all(len(doubt) == frames for doubt in doubts(sightings[:frames]).values())


def still_motion(frames=40):
    return Motion(np.zeros((frames, 24, 3)), np.zeros((frames, 3)), 30.0)


def test_a_still_motion_is_not_doubted():
    assert total(doubts_of_motion(still_motion(), MotionDoubtConfig())).max() == 0


def test_motion_no_person_can_make_is_doubted():
    motion, config = still_motion(), MotionDoubtConfig()
    pose, translation = motion.pose.copy(), motion.translation.copy()
    pose[20, 4, 0] = 1.4  # a knee bent for a thirtieth of a second
    translation[30] += [0, 0, 1.0]
    found = doubts_of_motion(replace(motion, pose=pose, translation=translation), config)
    assert found["joints turn too fast"].argmax() == 20
    assert found["joints turn too fast"][20] > 1
    assert found["position jumps"].argmax() == 30
    assert found["position jumps"][30] > 1
    pose[:, [12, 15, 3, 6, 9], 0] = 1.5
    assert (doubts_of_motion(replace(motion, pose=pose), config)["joints beyond their limits"] >= 1).all()


def test_a_body_off_its_landmarks_is_doubted_and_no_landmarks_say_nothing():
    off, valid = np.full(30, 0.02), np.ones(30, bool)
    off[10] = 0.3
    (found,) = doubts_of_projection(off, valid, MotionDoubtConfig()).values()
    assert found.argmax() == 10
    assert found[10] > 1
    assert doubts_of_projection(off * np.nan, valid, MotionDoubtConfig()) == {}
