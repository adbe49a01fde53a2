import numpy as np
import pytest

from motionary.body.assets import cache_folder, fetch_from_wheel
from motionary.estimators.watching import Watcher, fetch_weights

FOLDER = "Pose2Sim/Demo_MultiPerson/videos"
CAMERAS = {  # of pose2sim 0.10.49 (BSD-3): two people whose pictures overlap and cross
    f"{FOLDER}/cam01.mp4": "543cee6a4c2c2b52dc9eac9137ee63d14f1f84e706a9a7264769edcb11e5ea53",
    f"{FOLDER}/cam02.mp4": "8895092a7cf26359205a427b7ac2f4a935c2e0bd36d9b7a5140cb33faa468a6b",
    f"{FOLDER}/cam04.mp4": "1490149dc40e7301fa5ceae23862b044ba5c398a8b2a40df21ed894702728c09",
}


@pytest.fixture(scope="module")
def watcher():
    try:
        fetch_weights()
    except FileNotFoundError as error:
        pytest.skip(f"needs BlazePose's weights: {error}")
    return Watcher(num_threads=1)


@pytest.fixture(scope="module")
def two_people():
    try:
        return fetch_from_wheel("pose2sim==0.10.49", CAMERAS, cache_folder() / "pose2sim-multi")
    except FileNotFoundError as error:
        pytest.skip(f"needs Pose2Sim's videos: {error}")


@pytest.mark.parametrize("camera", CAMERAS)
def test_two_people_who_overlap_are_two_whole_tracks(watcher, two_people, camera):
    seen = watcher(two_people[camera])
    assert seen.cuts_s == ()
    assert len(seen.tracks) == 2
    for track in seen.tracks:
        assert len(track.times_s) == seen.facts.frames
        step_px = np.linalg.norm(np.diff([region.center_px for region in track.regions], axis=0), axis=-1)
        assert step_px.max() < 0.1 * track.regions[0].size_px  # nobody jumps over to somebody else
    apart = [
        np.linalg.norm(a.image_px - b.image_px, axis=-1).mean()
        for a, b in zip(seen.tracks[0].sightings, seen.tracks[1].sightings, strict=True)
    ]
    assert min(apart) > 100
