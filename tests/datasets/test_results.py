"""Other systems' result files become a data set: every person a clip, every bad one a reason."""

import joblib
import numpy as np
import pytest

from motionary.cli import main
from motionary.datasets import Dataset
from motionary.datasets.results import ResultImport, holds_results, import_results


def a_person(frames, **changes):
    """What VIBE saves of somebody upright before a level camera."""
    num = len(frames)
    pose = np.zeros((num, 72), np.float32)
    pose[:, 0] = np.pi
    pose[:, 50] = np.linspace(0, 1, num)
    camera = np.tile(np.float32([0.3, 0.5, 0.1, 0.2]), (num, 1))
    return {"pose": pose, "betas": np.zeros((num, 10)), "orig_cam": camera, "frame_ids": frames} | changes


def a_file(path, people):
    path.parent.mkdir(parents=True, exist_ok=True)
    joblib.dump(people, path)


def test_everybody_becomes_a_clip_labelled_by_the_path(tmp_path):
    for take in ("ann_1", "bob_1"):
        a_file(tmp_path / "in/wave" / take / "vibe_output.pkl", {1: a_person(np.arange(40))})
    both = {1: a_person(np.arange(30)), 4: a_person(np.arange(9, 45))}
    a_file(tmp_path / "in/bow/ann_2/vibe_output.pkl", both)
    options = ResultImport(
        "vibe", r"^(?P<action>[a-z]+)/(?P<subject>[a-z]+)_", 25.0, test_subjects=("bob",), licence="mine"
    )
    dataset = import_results([tmp_path / "in"], tmp_path / "out", options)
    assert dataset == Dataset.load(tmp_path / "out")
    shown = [
        (clip.source, clip.start_s, clip.action, clip.subject, clip.num_frames) for clip in dataset.clips
    ]
    assert shown == [
        ("in/bow/ann_2/vibe_output.pkl", 0, "bow", "ann", 30),
        ("in/bow/ann_2/vibe_output.pkl", 9 / 25, "bow", "ann", 36),
        ("in/wave/ann_1/vibe_output.pkl", 0, "wave", "ann", 40),
        ("in/wave/bob_1/vibe_output.pkl", 0, "wave", "bob", 40),
    ]
    assert [clip.split for clip in dataset.clips] == ["train", "train", "train", "test"]
    assert dataset.fps == 25
    assert dataset.licence == "mine"
    upright = [np.abs(motion.pose[:, 0]).max() < 1e-3 for motion in dataset.motions()]
    assert all(upright)


def test_a_bad_person_a_bad_file_and_a_single_frame_are_named(tmp_path):
    people = {1: a_person(np.arange(30)), 2: a_person(np.arange(30), pose=np.zeros((30, 7)))}
    a_file(tmp_path / "in/wave/vibe_output.pkl", people | {3: a_person(np.arange(1))})
    (tmp_path / "in/wave/vibe_output_bad.pkl").write_bytes(b"no pickle")
    dataset = import_results([tmp_path / "in"], tmp_path / "out", ResultImport("vibe"))
    assert len(dataset) == 1
    reasons = [f"{item.source}: {item.reason}" for item in dataset.rejected]
    assert len(reasons) == 3
    assert reasons[0].startswith("vibe_output.pkl: person 2: pose must be")
    assert reasons[1] == "vibe_output.pkl: person 3, frame 0: a single frame"
    assert "vibe_output_bad.pkl is not a readable pickle" in reasons[2]


def test_nothing_is_left_behind_when_nobody_can_be_read(tmp_path):
    a_file(tmp_path / "in/wave/vibe_output.pkl", {})
    with pytest.raises(ValueError, match="None of 1 result files"):
        import_results([tmp_path / "in"], tmp_path / "out", ResultImport("vibe"))
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_rate_that_is_not_known_is_said_to_be_assumed(tmp_path, capsys):
    a_file(tmp_path / "wave/vibe_output.pkl", {1: a_person(np.arange(30))})
    main(["import", str(tmp_path / "wave"), "--out", str(tmp_path / "a")])  # told by the content
    assert "took 30" in capsys.readouterr().err
    assert Dataset.load(tmp_path / "a").fps == 30
    main(["import", str(tmp_path / "wave"), "--out", str(tmp_path / "b"), "--fps", "24"])
    assert "took 30" not in capsys.readouterr().err
    (clip,) = Dataset.load(tmp_path / "b").clips
    assert (clip.fps, clip.num_frames) == (24, 30)


def test_motion_capture_goes_before_results(tmp_path):
    a_file(tmp_path / "wave/vibe_output.pkl", {1: a_person(np.arange(30))})
    assert holds_results([tmp_path])
    (tmp_path / "wave/a.bvh").write_text("HIERARCHY")
    assert not holds_results([tmp_path])
    assert holds_results([tmp_path / "wave/vibe_output.pkl"])
    np.savez(tmp_path / "split.npz", body_pose=np.zeros((4, 63)), transl=np.zeros((4, 3)))
    assert holds_results([tmp_path / "split.npz"])
    np.savez(tmp_path / "whole.npz", poses=np.zeros((4, 72)), trans=np.zeros((4, 3)))
    assert not holds_results([tmp_path / "whole.npz"])
    (tmp_path / "cut.npz").write_bytes((tmp_path / "split.npz").read_bytes()[:-9])
    assert not holds_results([tmp_path / "cut.npz"])
    with pytest.raises(SystemExit):
        main(["import", str(tmp_path / "none.pkl"), "--out", str(tmp_path / "c")])
