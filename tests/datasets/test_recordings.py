"""Recordings become a data set in one piece, and a bad one never stops the rest."""

import numpy as np
import pytest

from motionary.datasets import Dataset
from motionary.datasets.recordings import RecordingImport, import_data_set
from motionary.motion import Motion


def a_recording(path, num_frames: int = 40) -> None:
    rng = np.random.default_rng(num_frames)
    pose = rng.normal(0, 0.01, (num_frames, 24, 3)).cumsum(0)
    Motion(pose=pose, translation=pose[:, 0], fps=60.0).save(path)


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
