"""From a video's frames to a network and back: everybody's crops, in order, a few at a time."""

import av
import numpy as np
import pytest
import torch
import yaml

from motionary.body.assets import ASSETS, set_asset
from motionary.cli import main
from motionary.estimators import load_estimator
from motionary.estimators.blazepose import fetch_weights
from motionary.estimators.crop_estimator import CropConfig, CropEstimator, Publication, chosen_device
from motionary.estimators.crops import CropBodies
from motionary.estimators.estimate import PersonEstimate, VideoEstimate, View
from motionary.estimators.fitting import Camera, forward
from motionary.estimators.one_euro import VIBE_SMOOTHING
from motionary.estimators.people import rest_joints
from motionary.estimators.video import Video
from motionary.motion import Motion

FPS = 20.0
PUBLICATION = Publication("made-up", VIBE_SMOOTHING, smooths_matrices=False, clip_frames=7)


class Noting:
    """A network that notes what it is shown: the brightness of every crop, and how many came before."""

    crop_scale = 1.1

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.known: list[int] = []

    def follow(self, crops, memory):
        level = (crops[:, 0].amax((-2, -1)) * 0.229 + 0.485) * 255
        self.batches.append([round(float(value)) for value in level])
        self.known.append(memory or 0)
        count = len(crops)
        upright = torch.diag(torch.tensor([1.0, -1, -1])).expand(count, 1, 3, 3)
        rotations = torch.cat([upright, torch.eye(3).expand(count, 23, 3, 3)], 1)
        camera = torch.tensor([0.9, 0.0, 0.2]).expand(count, 3)
        return CropBodies(rotations, torch.zeros(count, 10), camera), (memory or 0) + count


def finder(starts_s, frames, unseen=()):
    """People who stand in the middle of a small picture, one after the other."""

    def find(path):
        video = Video(path)
        for _ in video.frames():
            pass
        camera = Camera(80.0, 64, 48)
        points = np.random.default_rng(0).normal(0, 1, (33, 2)) * [3, 7] + [32, 24]
        valid = ~np.isin(np.arange(frames), unseen)
        people = {}
        for number, start_s in enumerate(starts_s, 1):
            people[number] = PersonEstimate(
                person=number,
                motion=Motion(np.zeros((frames, 24, 3)), np.zeros((frames, 3)), FPS, valid=valid),
                times_s=start_s + np.arange(frames) / FPS,
                confidence=np.ones(frames),
                boxes_px=np.zeros((frames, 4)),
                view=View(camera, np.eye(3), np.zeros(3)),
                landmarks_px=np.repeat(points[None], frames, 0),
                visibility=np.ones((frames, 33)),
            )
        return VideoEstimate(video.facts(), "finder", people, ("somebody",))

    return find


@pytest.fixture
def video(video_writer, tmp_path):
    return video_writer(tmp_path / "steps.mp4", np.arange(20) / FPS)  # brighter by 3 from frame to frame


def shown(network):
    return [level for batch in network.batches for level in batch]


@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_every_frame_of_a_person_is_shown_once_and_in_order(video, body, batch_size):
    network = Noting()
    run = CropEstimator(
        network,
        PUBLICATION,
        CropConfig(batch_size=batch_size),
        quality=None,
        body=body,
        finder=finder([0.1], 15),
    )
    estimate = run(video)
    assert max(map(len, network.batches)) <= batch_size
    assert network.known == list(np.cumsum([0, *map(len, network.batches)])[:-1])
    steps = np.diff(shown(network))
    assert len(steps) == 14
    assert np.abs(steps - 3).max() <= 2  # as bright as the frames that the person's times name
    assert abs(shown(network)[0] - (16 + 3 * 2)) <= 3
    assert estimate.estimator == "made-up"
    assert estimate.dropped == ("somebody",)
    assert estimate.people[1].motion.valid.all()
    assert len(estimate.people[1].motion) == 15


def test_the_result_does_not_depend_on_the_batch(video, body):
    poses = [
        CropEstimator(
            Noting(),
            PUBLICATION,
            CropConfig(batch_size=size),
            quality=None,
            body=body,
            finder=finder([0.0], 20),
        )(video)
        .people[1]
        .motion.translation
        for size in (3, 64)
    ]
    np.testing.assert_array_equal(*poses)


def test_people_are_shown_apart(video, body):
    network = Noting()
    run = CropEstimator(network, PUBLICATION, quality=None, body=body, finder=finder([0.0, 0.5], 10))
    estimate = run(video)
    assert [len(person.motion) for person in estimate.people.values()] == [10, 10]
    assert sorted(map(len, network.batches)) == [10, 10]
    assert network.known == [0, 0]


def test_the_published_protocol_forgets_after_every_clip(video, body):
    network = Noting()
    config = CropConfig(protocol="vibe", batch_size=5)
    CropEstimator(network, PUBLICATION, config, quality=None, body=body, finder=finder([0.0], 20))(video)
    assert [len(batch) for batch in network.batches] == [5, 2, 5, 2, 5, 1]
    assert network.known == [0, 5, 0, 5, 0, 5]


@pytest.mark.parametrize(("protocol", "count"), [("motionary", 17), ("vibe", 20)])
def test_frames_in_which_nobody_was_seen_are_shown_as_published_alone(video, body, protocol, count):
    network, config = Noting(), CropConfig(protocol=protocol)
    found = finder([0.0], 20, unseen=(4, 5, 6))
    estimate = CropEstimator(network, PUBLICATION, config, quality=None, body=body, finder=found)(video)
    assert len(shown(network)) == count
    assert np.flatnonzero(~estimate.people[1].motion.valid).tolist() == [4, 5, 6]


def test_people_are_judged(video, body):
    estimate = CropEstimator(Noting(), PUBLICATION, body=body, finder=finder([0.0], 20))(video)
    assert estimate.people[1].quality is not None
    assert len(estimate.people[1].quality.trust) == 20


def test_frames_that_a_video_lacks_are_marked(video_writer, tmp_path, body):
    times_s = np.delete(np.arange(20) / FPS, [8, 9])
    video = video_writer(tmp_path / "holes.mp4", times_s)
    network = Noting()
    estimate = CropEstimator(network, PUBLICATION, quality=None, body=body, finder=finder([0.0], 20))(video)
    assert len(shown(network)) == 18
    assert np.flatnonzero(~estimate.people[1].motion.valid).tolist() == [8, 9]


def test_wrong_choices_are_named():
    with pytest.raises(ValueError, match="protocol must be motionary or vibe"):
        CropConfig(protocol="vibes")
    with pytest.raises(ValueError, match="smoothing must be"):
        CropConfig(smoothing="gaussian")
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        CropConfig(batch_size=0)
    with pytest.raises(ValueError, match="There is no device"):
        chosen_device("abacus")


def test_an_option_that_nobody_has_is_named(body, tmp_path, capsys):
    with pytest.raises(ValueError, match=r"There is no option 'focus_px'; BlazePose.* has focal_px"):
        CropEstimator(Noting(), PUBLICATION, body=body, focus_px=900.0)
    with pytest.raises(ValueError, match=r"blazepose has no option 'protocol'; it has .*focal_px"):
        load_estimator("blazepose", protocol="vibe")
    (tmp_path / "a.mp4").write_bytes(b"")
    with pytest.raises(SystemExit):
        main(["estimate", str(tmp_path / "a.mp4"), "--out", str(tmp_path / "out"), "--protocol", "vibe"])
    assert "blazepose has no option 'protocol'" in capsys.readouterr().err


# ---- whole, with made-up weights in the published layout ----


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of this test's own, with BlazePose's weights in it."""
    try:
        weights = fetch_weights()
    except FileNotFoundError as error:
        pytest.skip(f"needs BlazePose's weights: {error}")
    own = tmp_path / "cache"
    (own / "blazepose").mkdir(parents=True)
    for path in weights.values():
        (own / "blazepose" / path.name).symlink_to(path)
    monkeypatch.setenv("MOTIONARY_CACHE", str(own))
    return own


@pytest.fixture
def squats(shared, tmp_path):
    """Two seconds of a person squatting, 10 frames of a real video."""
    source = shared / "data/videos/squats.mp4"
    if not source.exists():
        pytest.skip(f"needs {source}")
    path = tmp_path / "squats.mp4"
    with av.open(str(source)) as whole, av.open(str(path), "w") as part:
        read = whole.streams.video[0]
        write = part.add_stream_from_template(read)
        for packet in [packet for packet in whole.demux(read) if packet.dts is not None][:12]:
            packet.stream = write
            part.mux(packet)
    return path


@pytest.mark.parametrize("name", ["vibe", "pare"])
def test_without_weights_one_error_says_all(name, tmp_path, monkeypatch):
    monkeypatch.setenv("MOTIONARY_CACHE", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=rf"licensed.*github.*`motionary assets set {name} FILE`"):
        load_estimator(name)


def put_weights(golden, name, tmp_path) -> None:
    """Write made-up weights as published and hand them over, one file after the other."""
    if name == "vibe":
        torch.save({"model": golden.state("spin_checkpoint")}, tmp_path / "spin_model_checkpoint.pth.tar")
        weights = {"gen_state_dict": golden.state("vibe_gen_state_dict"), "performance": np.float64(57)}
        torch.save(weights, tmp_path / "vibe_model_w_3dpw.pth.tar")
        set_asset("vibe", tmp_path / "spin_model_checkpoint.pth.tar")
        assert [path.name for path in ASSETS["vibe"].missing()] == ["vibe_model.pth.tar"]
        set_asset("vibe", tmp_path / "vibe_model_w_3dpw.pth.tar")
    else:
        weights = {f"model.{key}": value for key, value in golden.state("pare_resnet50_part_segm").items()}
        torch.save({"state_dict": weights}, tmp_path / "pare_checkpoint.ckpt")
        config = {
            "PARE": {"USE_KEYPOINT_ATTENTION": True},
            "DATASET": {"USE_HEATMAPS": "part_segm"},
        }
        with pytest.raises(FileNotFoundError, match=r"No pare_config\.yaml"):
            set_asset("pare", tmp_path / "pare_checkpoint.ckpt")
        (tmp_path / "pare_config.yaml").write_text(yaml.safe_dump(config))
        set_asset("pare", tmp_path / "pare_checkpoint.ckpt")
    assert ASSETS[name].installed()


@pytest.mark.parametrize("name", ["vibe", "pare"])
def test_a_real_video_becomes_the_motion_that_the_network_saw(
    name, estimator_golden, cache, squats, tmp_path
):
    put_weights(estimator_golden, name, tmp_path)
    run = load_estimator(name, smoothing="none", body=estimator_golden.body, quality=None)
    bodies = []
    follow = run.network.follow

    def noting(crops, memory):
        seen, memory = follow(crops, memory)
        bodies.append(seen)
        return seen, memory

    run.network.follow = noting
    estimate = run(squats)
    assert estimate.estimator == name
    assert list(estimate.people) == [1]
    person = estimate.people[1]
    count = len(person.motion)
    assert count == estimate.video.frames == len(bodies[0].betas)
    assert person.motion.valid.all()
    # Joints as the network has them, laid over the picture by its own camera ...
    seen = bodies[0]
    betas = seen.betas.mean(0).numpy().astype(float)
    rest = rest_joints(estimator_golden.body, betas)
    own = forward(seen.rotations.double().numpy(), np.repeat(rest[:1], count, 0), rest)[1]
    camera = seen.camera.double().numpy()
    in_crop = camera[:, None, :1] * (own[..., :2] + camera[:, None, 1:])
    low, high = (f(person.landmarks_px, 1) for f in (np.min, np.max))
    side_px = np.linalg.norm(high - low, axis=-1)[:, None, None]
    expected_px = ((low + high) / 2)[:, None] + in_crop * side_px * run.network.crop_scale / 2
    # ... are where the body is drawn.
    drawn_px = person.view.project(person.as_pictured().joint_positions(estimator_golden.body))
    off = np.linalg.norm(drawn_px - expected_px, axis=-1) / side_px[..., 0]
    assert np.median(off) < 0.02
    assert off.max() < 0.15
    assert estimate.summary()["people"][0]["frames_seen"] == count
