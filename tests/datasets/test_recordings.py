"""Recordings become a data set in one piece, and a bad one never stops the rest."""

import json

import numpy as np
import pytest

from motionary.datasets import Dataset
from motionary.datasets.folder import source_name
from motionary.datasets.recordings import RecordingImport, import_data_set
from motionary.motion import Motion


def a_recording(path, num_frames: int = 40, fps: float = 60.0) -> Motion:
    rng = np.random.default_rng(num_frames)
    pose = rng.normal(0, 0.01, (num_frames, 24, 3)).cumsum(0)
    motion = Motion(pose=pose, translation=pose[:, 0], fps=fps)
    motion.save(path)
    return motion


def test_labels_come_from_folders_and_splits_from_the_seed(tmp_path):
    for action in ("walk", "jump"):
        for take in range(5):
            a_recording(tmp_path / "in" / action / f"{take}.npz", 40 + take)
    options = RecordingImport(fps=30.0, test_fraction=0.2, licence="CC0")
    dataset = import_data_set([tmp_path / "in"], tmp_path / "out", options, workers=0)
    assert dataset == Dataset.load(tmp_path / "out")
    assert [(row["action"], row["clips"], row["test"]) for row in dataset.summary()["actions"]] == [
        ("jump", 5, 1),
        ("walk", 5, 1),
    ]
    assert {clip.fps for clip in dataset.clips} == {30.0}
    assert dataset.licence == "CC0"


def test_a_pattern_names_action_and_subject(tmp_path):
    for name in ("ann_walk_1", "bob_walk_1", "ann_jump_1", "notes"):
        a_recording(tmp_path / "in" / f"{name}.npz")
    options = RecordingImport(
        label_pattern=r"(?P<subject>[a-z]+)_(?P<action>[a-z]+)_", test_subjects=("bob",)
    )
    dataset = import_data_set([tmp_path / "in"], tmp_path / "out", options, workers=0)
    assert dataset.actions == ("jump", "walk")
    assert [clip.subject for clip in dataset.clips if clip.split == "test"] == ["bob"]
    assert [item.source for item in dataset.rejected] == ["notes.npz"]


def test_a_broken_recording_is_named_and_the_rest_imported(tmp_path):
    a_recording(tmp_path / "in" / "walk" / "good.npz")
    (tmp_path / "in" / "walk" / "bad.npz").write_bytes(b"no motion")
    dataset = import_data_set([tmp_path / "in"], tmp_path / "out", RecordingImport(), workers=0)
    assert len(dataset) == 1
    assert dataset.rejected[0].source == "bad.npz"


def test_recordings_of_one_name_are_all_kept(tmp_path):
    for folder in ("a", "b"):
        a_recording(tmp_path / folder / "walk" / "take.npz")
    dataset = import_data_set(
        [tmp_path / "a", tmp_path / "b"], tmp_path / "out", RecordingImport(), workers=0
    )
    assert sorted(clip.path for clip in dataset.clips) == ["walk/take.npz", "walk/take_2.npz"]


def test_nothing_is_left_behind_when_nothing_can_be_read(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bad.npz").write_bytes(b"no motion")
    with pytest.raises(ValueError, match=r"None of 1 recordings.*bad\.npz"):
        import_data_set([tmp_path / "in"], tmp_path / "out", RecordingImport(), workers=0)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_folder_in_use_is_left_alone(tmp_path):
    a_recording(tmp_path / "in" / "walk" / "good.npz")
    with pytest.raises(ValueError, match="already in use"):
        import_data_set([tmp_path / "in"], tmp_path / "in", RecordingImport(), workers=0)


def test_clips_keep_their_own_frame_rates(tmp_path):
    for take, fps in enumerate([60.0, 25.0, 60.0, 120.0]):
        a_recording(tmp_path / "in" / "walk" / f"{take}.npz", 40, fps)
    dataset = import_data_set([tmp_path / "in"], tmp_path / "out", RecordingImport(), workers=0)
    assert [clip.fps for clip in dataset.clips] == [60.0, 25.0, 60.0, 120.0]
    assert [clip.num_frames for clip in dataset.clips] == [40] * 4
    assert dataset.fps == 60.0


def test_a_list_says_which_part_of_which_recording_shows_what(tmp_path):
    whole = a_recording(tmp_path / "takes" / "long.npz", 300)
    a_recording(tmp_path / "other.npz", 50)
    (tmp_path / "list.csv").write_text(
        "file,start,end,action,subject\n"
        "takes/long.npz,0:01,2.5,walk,ann\n"
        "takes/long.npz,3,,run,bob\n"
        "other.npz,,,run,\n"
        "takes/long.npz,4,9,late,\n"
        "gone.npz,,,run,\n"
    )
    dataset = import_data_set([tmp_path / "list.csv"], tmp_path / "out", RecordingImport(), workers=0)
    facts = [(c.action, c.start_s, c.num_frames, c.subject, c.source) for c in dataset.clips]
    assert facts == [
        ("walk", 1.0, 90, "ann", f"{tmp_path.name}/takes/long.npz"),
        ("run", 3.0, 120, "bob", f"{tmp_path.name}/takes/long.npz"),
        ("run", 0.0, 50, None, f"{tmp_path.name}/other.npz"),
    ]
    np.testing.assert_allclose(dataset.motions()[0].pose, whole.pose[60:150], atol=1e-6)
    assert [item.source for item in dataset.rejected] == ["long.npz from 4 s", "gone.npz"]
    assert "5.00 s, not from 4 to 9" in dataset.rejected[0].reason
    assert len({clip.split for clip in dataset.clips[:2]}) == 1


def test_a_list_may_round_an_end_up(tmp_path):
    a_recording(tmp_path / "a.npz", 100)
    (tmp_path / "list.csv").write_text("file,start,end,action\na.npz,0,2,walk\na.npz,1.66,2,walk\n")
    dataset = import_data_set([tmp_path / "list.csv"], tmp_path / "out", RecordingImport(), workers=0)
    assert [clip.num_frames for clip in dataset.clips] == [100]
    assert "no two frames" in dataset.rejected[0].reason or "lasts 1.67" in dataset.rejected[0].reason


def test_estimated_people_are_known_by_their_video(tmp_path):
    for folder in ("jump/clip_a", "walk/clip_b"):
        a_recording(tmp_path / "in" / folder / "person_1.npz")
        a_recording(tmp_path / "in" / folder / "person_2.npz", 50)
        people = [
            {"file": "person_1.npz", "start_s": 0.5, "quality": {"verdict": "good"}},
            {"file": "person_2.npz", "start_s": 0.0},
        ]
        text = json.dumps({"video": {"name": f"{folder[-6:]}.mp4"}, "people": people})
        (tmp_path / "in" / folder / "estimate.json").write_text(text)
    dataset = import_data_set([tmp_path / "in"], tmp_path / "out", RecordingImport(), workers=0)
    assert [clip.action for clip in dataset.clips] == ["jump", "jump", "walk", "walk"]
    assert [clip.source for clip in dataset.clips[1:3]] == [
        "in/jump/clip_a/clip_a.mp4",
        "in/walk/clip_b/clip_b.mp4",
    ]
    assert [(clip.verdict, clip.start_s) for clip in dataset.clips[:2]] == [("good", 0.5), (None, 0.0)]
    flat = import_data_set([tmp_path / "in" / "jump"], tmp_path / "flat", RecordingImport(), workers=0)
    assert flat.actions == ("clip_a",)


@pytest.mark.parametrize(
    "damage", ["{", "[]", '{"people": 3}', '{"people": [{"file": "good.npz"}], "video": {}}']
)
def test_a_foreign_estimate_file_is_left_alone(tmp_path, damage):
    a_recording(tmp_path / "in" / "walk" / "good.npz")
    (tmp_path / "in" / "walk" / "estimate.json").write_text(damage)
    dataset = import_data_set([tmp_path / "in"], tmp_path / "out", RecordingImport(), workers=0)
    assert dataset.clips[0].source == "in/walk/good.npz"


def test_sources_are_never_absolute_paths(tmp_path):
    root = tmp_path / "takes"
    assert source_name(root / "a" / "b.bvh", [root / "a", root]) == "takes/a/b.bvh"
    assert source_name(tmp_path / "b.bvh", [root]) == "b.bvh"


def test_what_looks_wrong_is_kept_and_named_in_the_index(tmp_path):
    still = a_recording(tmp_path / "in" / "walk" / "good.npz")
    pose = np.repeat(still.pose[:1] + np.float32(0.1), len(still), axis=0)
    frozen = Motion(pose=pose, translation=np.zeros((len(still), 3)), fps=60.0)
    frozen.save(tmp_path / "in" / "walk" / "still.npz")
    import_data_set([tmp_path / "in"], tmp_path / "out", RecordingImport(), workers=0)
    dataset = Dataset.load(tmp_path / "out")
    assert len(dataset) == 2
    suspect = {item["clip"]: item["reason"] for item in dataset.summary()["suspect"]}
    assert "Nothing moves" in suspect["walk/still.npz"]
