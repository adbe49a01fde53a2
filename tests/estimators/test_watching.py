import av
import cv2
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


@pytest.fixture(scope="module")
def pictures(two_people):
    """Frames 0, 2, 4, ... of each camera at half size."""

    def read(camera):
        with av.open(str(two_people[camera])) as container:
            frames = list(container.decode(video=0))[::2]
        return [frame.reformat(width=544, height=960, format="rgb24").to_ndarray() for frame in frames]

    return {camera[-5]: read(camera) for camera in CAMERAS}


def test_a_cut_to_another_camera_ends_all_tracks(watcher, pictures, tmp_path, video_writer):
    shots = pictures["4"][:25] + pictures["2"][:25]
    seen = watcher(video_writer(tmp_path / "cut.mp4", np.arange(50) / 30, (544, 960), shots.__getitem__))
    np.testing.assert_allclose(seen.cuts_s, [25 / 30], atol=1e-3)
    assert [len(track.times_s) for track in seen.tracks] == [25] * 4
    assert all(
        track.times_s[-1] < 25 / 30 - 1e-3 or track.times_s[0] > 25 / 30 - 1e-3 for track in seen.tracks
    )


def test_blurred_frames_do_not_lose_anybody(watcher, pictures, tmp_path, video_writer):
    blurred = [
        cv2.blur(picture, (13, 13)) if 15 <= k < 25 else picture for k, picture in enumerate(pictures["1"])
    ]
    seen = watcher(video_writer(tmp_path / "blur.mp4", np.arange(50) / 30, (544, 960), blurred.__getitem__))
    assert seen.cuts_s == ()
    assert [len(track.times_s) for track in seen.tracks] == [50, 50]


def test_whoever_is_away_for_a_while_returns_under_the_same_number(watcher, pictures, tmp_path, video_writer):
    covered = [picture.copy() for picture in pictures["4"]]
    for picture in covered[15:30]:
        picture[:, 310:] = 90  # a screen hides the person on the right
    seen = watcher(video_writer(tmp_path / "away.mp4", np.arange(50) / 30, (544, 960), covered.__getitem__))
    assert len(seen.tracks) == 2
    whole, away = sorted(seen.tracks, key=lambda track: -len(track.times_s))
    assert len(whole.times_s) == 50
    assert 20 <= len(away.times_s) <= 40
    assert max(np.diff(away.times_s)) > 0.4
    assert away.times_s[-1] > 1.6
