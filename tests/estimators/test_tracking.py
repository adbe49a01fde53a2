import numpy as np

from motionary.estimators.landmarks import NUM_LANDMARKS, Landmarks
from motionary.estimators.regions import Region
from motionary.estimators.tracking import Tracker

FPS = 30


def seen_at(x, size=200.0, y=300.0):
    """A person as the network would see them, and the region around them."""
    shape = np.random.default_rng(5).normal(0, size / 6, (NUM_LANDMARKS, 2))
    landmarks = Landmarks(
        shape + np.array([x, y]), np.zeros((NUM_LANDMARKS, 3)), np.full(NUM_LANDMARKS, 0.9), score=0.9
    )
    return landmarks, Region(np.array([x, y]), size)


def follow(paths, frames, detect_every=10):
    """Run a tracker over people at known positions, None for out of sight; a region shows who is nearest."""
    tracker, owners = Tracker(), {}
    for k in range(frames):
        time_s = k / FPS
        present = {name: seen_at(*path(k)) for name, path in paths.items() if path(k) is not None}
        lost = False
        for track, region in tracker.to_visit(time_s):
            near = [
                (np.linalg.norm(where.center_px - region.center_px), name)
                for name, (_, where) in present.items()
            ]
            if near and min(near)[0] < 60:
                track.add(time_s, *present[min(near)[1]])
                owners.setdefault(track.number, []).append(min(near)[1])
            else:
                lost = True
        if lost or k % detect_every == 0:
            for where in tracker.unclaimed(time_s, [region for _, region in present.values()]):
                name = next(n for n, (_, region) in present.items() if region is where)
                track = tracker.found(time_s, where, *present[name])
                owners.setdefault(track.number, []).append(name)
        tracker.close_frame(time_s)
    return tracker.tracks, owners


def test_one_person_is_one_track():
    tracks, _ = follow({"a": lambda k: (100 + 3 * k,)}, 60)
    assert len(tracks) == 1
    assert len(tracks[0].times_s) == 60


def test_nobody_is_no_track():
    assert follow({}, 30) == ([], {})


def test_two_people_are_two_tracks_from_beginning_to_end():
    tracks, owners = follow({"a": lambda k: (100 + k,), "b": lambda k: (600 - k,)}, 60)
    assert [len(track.times_s) for track in tracks] == [60, 60]
    assert all(len(set(names)) == 1 for names in owners.values())


def test_people_who_cross_keep_their_numbers():
    paths = {"a": lambda k: (100 + 6 * k, 200.0, 300.0), "b": lambda k: (500 - 6 * k, 200.0, 380.0)}
    tracks, owners = follow(paths, 70)
    assert len(tracks) == 2
    assert all(len(set(names)) == 1 for names in owners.values())


def test_a_person_hidden_for_a_while_keeps_their_number():
    tracks, _ = follow({"a": lambda k: None if 20 <= k < 45 else (100 + 2 * k,)}, 80)
    assert len(tracks) == 1
    assert len(tracks[0].times_s) >= 50


def test_a_person_away_for_long_or_somebody_of_other_size_is_new():
    away, _ = follow({"a": lambda k: None if 20 <= k < 110 else (100,)}, 140)
    assert len(away) == 2
    other, _ = follow({"a": lambda k: (100, 200.0) if k < 20 else None if k < 30 else (100, 400.0)}, 60)
    assert len(other) == 2


def test_two_tracks_on_one_person_become_one():
    tracker = Tracker()
    for k in range(10):
        for x in (100, 400) if k == 0 else ():
            where = seen_at(x)[1]
            tracker.found(0.0, where, *seen_at(x))
        if k:
            steady, jumper = tracker.tracks[:2]
            steady.add(k / FPS, *seen_at(100))
            if jumper.active:
                jumper.add(k / FPS, *seen_at(100 if k == 5 else 400))
        tracker.close_frame(k / FPS)
    assert tracker.tracks[0].active
    assert not tracker.tracks[1].active
    assert len(tracker.tracks[1].times_s) == 5
