import time

import numpy as np
import pytest

from motionary.estimators.following import Eyes, FollowConfig, follow_people
from motionary.estimators.landmarks import NUM_LANDMARKS, Landmarks
from motionary.estimators.regions import Region
from motionary.estimators.video import Frame

SIZE_PX = 200.0


def frames(count, fps=30.0):
    planes = (np.zeros((2, 2), np.uint8), np.zeros((1, 1), np.uint8), np.zeros((1, 1), np.uint8))
    for k in range(count):
        yield Frame(k, k / fps, planes)


def region_at(x):
    return Region(np.array([x, 300.0]), SIZE_PX)


class Scene:
    """People at known places; `looked` notes the regions looked at."""

    def __init__(self, paths, slow=0.0):
        self.paths, self.slow, self.looked = paths, slow, []

    def detect(self, frame, view):
        return [region_at(path(frame.time_s)) for path in self.paths if path(frame.time_s) is not None]

    def locate(self, frame, region):
        self.looked.append((frame.index, float(region.center_px[0])))
        time.sleep(self.slow * (frame.index % 3))
        places = [path(frame.time_s) for path in self.paths if path(frame.time_s) is not None]
        near = [x for x in places if abs(x - region.center_px[0]) < SIZE_PX / 3]
        if not near:
            return None
        x = min(near, key=lambda x: abs(x - region.center_px[0]))
        points = np.random.default_rng(5).normal(0, SIZE_PX / 6, (NUM_LANDMARKS, 2)) + np.array([x, 300])
        world = np.zeros((NUM_LANDMARKS, 3))
        return Landmarks(points, world, np.full(NUM_LANDMARKS, 0.9), score=0.9), region_at(x)


def follow(scene, count=40, fps=30.0, eyes=2, **config):
    locators = [scene.locate] * eyes
    return follow_people(frames(count, fps), [scene.detect], locators, FollowConfig(**config)).tracks


PATHS = [lambda t: 100 + 90 * t, lambda t: 700 - 60 * t if t > 0.4 else None]


def test_everybody_is_seen_in_every_frame_they_are_in():
    tracks = follow(Scene(PATHS))
    assert [len(track.times_s) for track in tracks] == [40, 40 - 20]  # detection comes round at 20 / 30 s
    for track, path in zip(tracks, PATHS, strict=True):
        seen = [region.center_px[0] for region in track.regions]
        np.testing.assert_allclose(seen, [path(t) for t in track.times_s])


def test_what_is_found_does_not_depend_on_how_many_look_nor_how_fast_they_are():
    alone = follow(Scene(PATHS), eyes=1)
    several = follow(Scene(PATHS, slow=0.002), eyes=3)
    assert [track.times_s for track in alone] == [track.times_s for track in several]
    for a, b in zip(alone, several, strict=True):
        np.testing.assert_array_equal(
            [seen.image_px for seen in a.sightings], [seen.image_px for seen in b.sightings]
        )


def test_a_look_that_missed_is_repeated_where_the_frame_before_says():
    jump = [lambda t: 100.0 if t < 0.5 else 150.0 if t < 0.52 else 220.0]  # too far from two frames before
    assert len(follow(Scene(jump), fps=60.0, count=60)[0].times_s) == 60


def test_few_frames_a_second_are_looked_at_one_after_the_other():
    scene = Scene([lambda t: 100 + 60 * t])
    follow(scene, count=10, fps=5.0)
    expected = [100.0] + [100 + 12 * max(k - 1, 0) for k in range(1, 10)]
    off = [abs(x - e) for (_, x), e in zip(scene.looked, expected, strict=True)]
    assert max(off) <= 12.0 + 1e-9  # foretold from the frame before: never two frames' way off


def test_there_must_be_something_to_look_with():
    with pytest.raises(ValueError, match="at least one"):
        Eyes([])


def test_a_cut_ends_every_track_and_everybody_is_looked_for_anew():
    scene = Scene([lambda t: 100.0, lambda t: 600.0])
    followed = follow_people(
        frames(40), [scene.detect], [scene.locate], FollowConfig(), lambda frame: frame.index == 17
    )
    assert followed.cuts_s == (17 / 30,)
    assert [len(track.times_s) for track in followed.tracks] == [17, 17, 23, 23]
    assert [track.times_s[0] for track in followed.tracks] == [0.0, 0.0, 17 / 30, 17 / 30]
