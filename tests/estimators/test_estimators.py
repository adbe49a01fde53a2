import json

import av
import numpy as np
import pytest

from motionary.estimators import ESTIMATORS, load_estimator, save_estimate
from motionary.estimators.blazepose import BlazePose, fetch_weights
from motionary.motion import Motion


@pytest.fixture(scope="module")
def blazepose():
    try:
        fetch_weights()
    except FileNotFoundError as error:
        pytest.skip(f"needs BlazePose's weights: {error}")
    return load_estimator("blazepose")


@pytest.fixture(scope="module")
def squats(shared, tmp_path_factory):
    """Two seconds of a person squatting, from the real video, as 10 frames at 5 frames/s."""
    source = shared / "data" / "videos" / "squats.mp4"
    if not source.exists():
        pytest.skip(f"needs {source}")
    path = tmp_path_factory.mktemp("video") / "squats.mp4"
    with av.open(str(source)) as whole, av.open(str(path), "w") as part:
        read = whole.streams.video[0]
        write = part.add_stream_from_template(read)
        packets = [packet for packet in whole.demux(read) if packet.dts is not None]
        for packet in packets[:12]:
            packet.stream = write
            part.mux(packet)
    return path


@pytest.fixture(scope="module")
def estimate(blazepose, squats):
    return blazepose(squats)


def test_an_unknown_estimator_error_lists_the_known_ones():
    with pytest.raises(ValueError, match=", ".join(sorted(ESTIMATORS))):
        load_estimator("crystal-ball")


def test_one_squatting_person_is_found_throughout(estimate):
    assert list(estimate.people) == [1]
    person = estimate.people[1]
    assert len(person.motion) == estimate.video.frames
    assert person.motion.valid.all()
    assert person.motion.fps == 5.0
    assert person.confidence.mean() > 0.8


def test_the_person_stands_on_the_ground_and_keeps_their_feet_there(estimate, body):
    person = estimate.people[1]
    lowest_m = person.motion.vertices(body)[..., 1].min(1)
    assert np.abs(lowest_m).max() < 0.1
    ankles = person.motion.joint_positions(body)[:, [7, 8]]
    assert (np.ptp(ankles, axis=0) < 0.15).all()
    assert 1.2 < person.motion.joint_positions(body)[0, 15, 1] < 1.7  # the head, upright at first


def test_the_body_projects_onto_the_person(estimate, body):
    person = estimate.people[1]
    joints = person.as_pictured().joint_positions(body)
    image = person.view.project(joints)[:, [16, 17, 18, 19, 4, 5, 7, 8]]
    seen = person.landmarks_px[:, [11, 12, 13, 14, 25, 26, 27, 28]]
    height_px = np.ptp(person.boxes_px[:, [1, 3]], axis=1).mean()
    assert np.median(np.linalg.norm(image - seen, axis=-1)) < 0.05 * height_px


def test_an_estimate_is_saved_whole_and_stale_people_are_removed(estimate, tmp_path):
    (tmp_path / "person_7.npz").write_bytes(b"from an earlier run")
    folder = save_estimate(estimate, tmp_path)
    expected = ["estimate.json", "people.png", "person_1.npz", "views.json"]
    assert sorted(path.name for path in folder.iterdir()) == expected
    loaded = Motion.load(folder / "person_1.npz")
    np.testing.assert_array_equal(loaded.pose, estimate.people[1].motion.pose)
    (entry,) = json.loads((folder / "estimate.json").read_text())["people"]
    assert entry["frames"] == entry["frames_seen"] == len(loaded)
    assert entry["coverage"] == pytest.approx(1.0, abs=0.01)


def test_the_same_video_gives_the_same_motion(estimate, blazepose, squats):
    again = blazepose(squats)
    np.testing.assert_allclose(again.people[1].motion.pose, estimate.people[1].motion.pose, atol=1e-5)


def test_a_video_of_nobody_is_a_clear_error(blazepose, tmp_path, video_writer):
    with pytest.raises(ValueError, match="No person found"):
        blazepose(video_writer(tmp_path / "nobody.mp4", np.arange(10) / 30))


def test_a_video_with_one_frame_is_a_clear_error(blazepose, tmp_path, squats, video_writer):
    with av.open(str(squats)) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="rgb24")
    path = video_writer(tmp_path / "one.mp4", [0.0], (720, 1280), lambda _: picture)
    with pytest.raises(ValueError, match="long enough"):
        blazepose(path)


def test_a_focal_length_of_ones_own_moves_the_person_away(estimate, squats):
    focal = estimate.people[1].view.camera.focal_px
    far = BlazePose(focal_px=2 * focal)(squats).people[1]
    depths = [
        person.view.to_camera(person.as_pictured().translation)[:, 2].mean()
        for person in (far, estimate.people[1])
    ]
    assert depths[0] == pytest.approx(2 * depths[1], rel=0.15)
