import json
from dataclasses import replace

import numpy as np
import pytest

from motionary.estimators import PersonEstimate, VideoEstimate, View, save_estimate
from motionary.estimators.fitting import Camera
from motionary.estimators.landmarks import Landmarks, on_grid
from motionary.estimators.quality import (
    QualityConfig,
    check_sightings,
    judge_motion,
    judged,
    judged_estimate,
)
from motionary.estimators.verdict import Verdict, VerdictConfig, judge
from motionary.estimators.video import VideoFacts
from motionary.motion import Motion


def motion_of(frames=60):
    t = np.arange(frames) / 30
    pose = np.zeros((frames, 24, 3))
    pose[:, 1, 0] = 0.4 * np.sin(2 * np.pi * t)
    return Motion(pose, np.stack([0.5 * t, 0 * t, 0 * t], 1), 30.0)


def person_of(motion):
    n = len(motion)
    view = View(Camera(1000.0, 720, 1280), np.eye(3), np.array([0.0, 0.0, -4.0]))
    boxes = np.tile([100.0, 100.0, 300.0, 700.0], (n, 1))
    return PersonEstimate(1, motion, np.arange(n) / 30, np.ones(n), boxes, view)


def with_glitches(motion, frames):
    pose = motion.pose.copy()
    for frame in frames:
        pose[frame, 16:20, 2] += 2.5
    return replace(motion, pose=pose)


def test_a_sound_motion_is_good_and_left_alone(body):
    motion = motion_of()
    after = judged(person_of(motion), body)
    assert after.quality.verdict is Verdict.GOOD
    assert after.quality.reasons == ()
    assert after.motion.valid.all()
    assert after.motion.trust.min() > 0.8
    np.testing.assert_array_equal(after.motion.pose, motion.pose)


def test_failed_frames_are_cut_out_named_and_filled_from_both_sides(body):
    motion = motion_of()
    raw = with_glitches(motion, [30])
    after = judged(person_of(raw), body)
    (stretch,) = after.quality.stretches
    assert stretch.start <= 30 < stretch.stop
    assert stretch.stop - stretch.start <= 3
    assert stretch.filled
    assert "joints turn too fast" in stretch.reasons
    assert not after.motion.valid[30]
    assert after.motion.trust[30] < 0.5
    assert np.abs(after.motion.pose - motion.pose).max() < 0.1 < np.abs(raw.pose - motion.pose).max()


def test_frames_that_were_not_seen_are_reported_so():
    motion = replace(motion_of(), valid=np.r_[np.ones(20, bool), np.zeros(6, bool), np.ones(34, bool)])
    quality = judge_motion(replace(motion, trust=motion.valid.astype(float)), QualityConfig())
    (stretch,) = quality.stretches
    assert (stretch.start, stretch.stop, stretch.reasons) == (20, 26, ("not seen",))
    assert (quality.trust[20:26] == 0).all()


def sightings_of(walk, camera):
    return [Landmarks(camera.project(p), p - p[23:25].mean(0), np.ones(33), 1.0, 2.0, 15.0) for p in walk[2]]


def test_failed_sightings_are_left_out_of_the_track_and_kept_in_mind(walk, camera):
    sightings = sightings_of(walk, camera)
    for index in range(20, 26):
        sightings[index] = replace(sightings[index], certainty=-1.0, sharpness=2.0)
    times_s = np.arange(60) / 30
    check = check_sightings(times_s, sightings, QualityConfig())
    assert np.flatnonzero(check.failed).tolist() == list(range(20, 26))
    (track,) = on_grid(times_s, sightings, 30.0, longest_gap_s=0.5, check=check)
    assert np.flatnonzero(~track.seen).tolist() == list(range(20, 26))
    assert (track.check.at(track.times_s)["blurred picture"][20:26] >= 1).all()


def test_a_track_of_failures_alone_gives_nothing(walk, camera):
    sightings = [replace(s, certainty=-3.0) for s in sightings_of(walk, camera)]
    times_s = np.arange(60) / 30
    check = check_sightings(times_s, sightings, QualityConfig())
    assert check.failed.all()
    assert on_grid(times_s, sightings, 30.0, longest_gap_s=0.5, check=check) == []


@pytest.mark.parametrize(
    ("failed", "trust", "verdict", "words"),
    [
        (0, 1.0, Verdict.GOOD, ""),
        (4, 1.0, Verdict.GOOD, "4 of 100 frames failed"),
        (30, 1.0, Verdict.PARTLY, "the longest failure lasts 1.00 s"),
        (60, 1.0, Verdict.BAD, "60 of 100"),
        (100, 0.0, Verdict.BAD, "100 of 100"),
        (0, 0.2, Verdict.BAD, "trusted 0.20 on average"),
    ],
)
def test_the_verdict_follows_from_shares_and_says_why(failed, trust, verdict, words):
    flags = np.arange(100) < failed
    quality = judge(np.where(flags, 0.0, trust), flags, (), 30.0, VerdictConfig())
    assert quality.verdict is verdict
    assert words in "; ".join(quality.reasons)
    assert bool(words) == bool(quality.reasons)


def test_trust_and_verdict_are_written_with_the_estimate(body, tmp_path):
    person = person_of(with_glitches(motion_of(), [30]))
    estimate = VideoEstimate(VideoFacts("a.mp4", 720, 1280, 30.0, 60, 2.0), "other", {1: person})
    after = judged_estimate(estimate, body)
    assert judged_estimate(after, body) is after
    save_estimate(after, tmp_path)
    (entry,) = json.loads((tmp_path / "estimate.json").read_text())["people"]
    assert entry["quality"]["verdict"] == "good"
    assert entry["quality"]["failed"][0]["filled"]
    assert entry["quality"]["frames_failed"] == 60 - entry["frames_seen"]
    saved = Motion.load(tmp_path / "person_1.npz")
    np.testing.assert_allclose(saved.trust, after.people[1].motion.trust)
    assert not saved.valid[30]
